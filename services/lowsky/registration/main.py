"""Composition of the registration service."""

from __future__ import annotations

from lowsky.api.registration.v1 import aircraft_pb2_grpc, identifiers_pb2_grpc, operators_pb2_grpc
from lowsky.jurisdictions.flight_rules import RuleSets
from lowsky.registration.config import RegistrationConfig
from lowsky.registration.identifiers.schemes import load
from lowsky.registration.operators.missing_documents import Documents
from lowsky.registration.rpc.aircraft import AircraftServicer
from lowsky.registration.rpc.identifiers import IdentifiersServicer
from lowsky.registration.rpc.operators import OperatorsServicer
from lowsky.service.service import Service, run_service


async def assemble(service: Service[RegistrationConfig]) -> None:
    """Three gRPC services over one database schema; events are emitted through the outbox."""
    schemes = load((service.config.identifier_key or "").encode(), service.config.jurisdictions)
    rules = RuleSets.read(service.config.jurisdiction, service.config.jurisdictions)
    service.serve(
        "lowsky.api.registration.v1.OperatorsService",
        operators_pb2_grpc.add_OperatorsServiceServicer_to_server,
        OperatorsServicer(service.database, service.relay, service.clock, schemes, Documents(schemes, rules)),
    )
    service.serve(
        "lowsky.api.registration.v1.AircraftService",
        aircraft_pb2_grpc.add_AircraftServiceServicer_to_server,
        AircraftServicer(service.database, service.relay, service.clock, schemes),
    )
    service.serve(
        "lowsky.api.registration.v1.IdentifiersService",
        identifiers_pb2_grpc.add_IdentifiersServiceServicer_to_server,
        IdentifiersServicer(schemes),
    )


def run() -> None:
    """`python -m lowsky.registration`."""
    run_service("registration", RegistrationConfig, assemble)
