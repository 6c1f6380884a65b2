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
from lowsky.service.service import Service, run_service


async def assemble(service: Service[AirspaceConfig]) -> None:
    """Two gRPC services over one schema, an index of the zones in force; events go out through the outbox."""
    await service.health.expect(PART)
    in_force = InForce(service.database, service.health)
    service.process.run(in_force.keep)
    replacing = Replacing(service.database, service.clock)
    restrictions = Restrictions(service.database, service.relay, service.clock)
    service.process.run(restrictions.keep_expiring)
    service.serve(
        "lowsky.api.airspace.v1.AuthoritiesService",
        authorities_pb2_grpc.add_AuthoritiesServiceServicer_to_server,
        AuthoritiesServicer(service.database, service.relay, service.clock),
    )
    service.serve(
        "lowsky.api.airspace.v1.GeozonesService",
        geozones_pb2_grpc.add_GeozonesServiceServicer_to_server,
        GeozonesServicer(
            service.database,
            Imports(service.database, service.relay, replacing),
            Rollbacks(service.database, service.relay, replacing),
            restrictions,
            Checking(in_force, AreasInForce(service.database), service.config.vertical_reference),
        ),
    )


def run() -> None:
    """`python -m lowsky.airspace`."""
    run_service("airspace", AirspaceConfig, assemble)
