"""What the registration service is made of."""

from __future__ import annotations

from lowsky.api.registration.v1 import aircraft_pb2_grpc, identifiers_pb2_grpc, operators_pb2_grpc
from lowsky.jurisdictions.flights import RuleSets
from lowsky.jurisdictions.schemes import load
from lowsky.process.frame import Frame, main
from lowsky.registration.config import RegistrationConfig
from lowsky.registration.rpc.aircraft import AircraftServicer
from lowsky.registration.rpc.identifiers import IdentifiersServicer
from lowsky.registration.rpc.operators import OperatorsServicer


async def assemble(frame: Frame[RegistrationConfig]) -> None:
    """Three gRPC services over one schema; events go out through the outbox."""
    schemes = load((frame.config.identifier_key or "").encode(), frame.config.jurisdictions)
    rules = RuleSets.read(frame.config.jurisdiction, frame.config.jurisdictions)
    frame.serve(
        "lowsky.api.registration.v1.OperatorsService",
        operators_pb2_grpc.add_OperatorsServiceServicer_to_server,
        OperatorsServicer(frame.database, frame.relay, frame.clock, schemes, rules),
    )
    frame.serve(
        "lowsky.api.registration.v1.AircraftService",
        aircraft_pb2_grpc.add_AircraftServiceServicer_to_server,
        AircraftServicer(frame.database, frame.relay, frame.clock, schemes),
    )
    frame.serve(
        "lowsky.api.registration.v1.IdentifiersService",
        identifiers_pb2_grpc.add_IdentifiersServiceServicer_to_server,
        IdentifiersServicer(schemes),
    )


def run() -> None:
    """`python -m lowsky.registration`."""
    main("registration", RegistrationConfig, assemble)
