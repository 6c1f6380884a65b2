"""What the airspace service is made of."""

from __future__ import annotations

from lowsky.airspace.config import AirspaceConfig
from lowsky.airspace.imports.replacing import Replacing
from lowsky.airspace.in_force.areas import AreasInForce
from lowsky.airspace.in_force.zones import PART, InForce
from lowsky.airspace.rpc.authorities import AuthoritiesServicer
from lowsky.airspace.rpc.checking import Checking
from lowsky.airspace.rpc.geozones import GeozonesServicer
from lowsky.airspace.rpc.imports import Imports
from lowsky.airspace.rpc.restrictions import Restrictions
from lowsky.airspace.rpc.rollbacks import Rollbacks
from lowsky.api.airspace.v1 import authorities_pb2_grpc, geozones_pb2_grpc
from lowsky.process.frame import Frame, main


async def assemble(frame: Frame[AirspaceConfig]) -> None:
    """Two gRPC services over one schema, an index of the zones in force; events go out through the outbox."""
    await frame.health.expect(PART)
    in_force = InForce(frame.database, frame.health)
    frame.run(in_force.keep)
    replacing = Replacing(frame.database, frame.clock)
    restrictions = Restrictions(frame.database, frame.relay, frame.clock)
    frame.run(restrictions.keep_expiring)
    frame.serve(
        "lowsky.api.airspace.v1.AuthoritiesService",
        authorities_pb2_grpc.add_AuthoritiesServiceServicer_to_server,
        AuthoritiesServicer(frame.database, frame.relay, frame.clock),
    )
    frame.serve(
        "lowsky.api.airspace.v1.GeozonesService",
        geozones_pb2_grpc.add_GeozonesServiceServicer_to_server,
        GeozonesServicer(
            frame.database,
            Imports(frame.database, frame.relay, replacing),
            Rollbacks(frame.database, frame.relay, replacing),
            restrictions,
            Checking(in_force, AreasInForce(frame.database), frame.config.vertical_reference),
        ),
    )


def run() -> None:
    """`python -m lowsky.airspace`."""
    main("airspace", AirspaceConfig, assemble)
