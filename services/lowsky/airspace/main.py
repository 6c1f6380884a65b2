"""Assembles the airspace service."""

from __future__ import annotations

from lowsky.airspace.checking.flight_check import Checking
from lowsky.airspace.config import AirspaceConfig
from lowsky.airspace.imports.replacing import Replacing
from lowsky.airspace.in_force.areas import AreasInForce
from lowsky.airspace.in_force.zones import PART, InForce
from lowsky.airspace.restrictions.expiry import RestrictionExpiry
from lowsky.airspace.rpc.authorities import AuthoritiesServicer
from lowsky.airspace.rpc.geozones import GeozonesServicer
from lowsky.airspace.rpc.imports import NewVersions
from lowsky.airspace.rpc.restrictions import Restrictions
from lowsky.api.airspace.v1 import authorities_pb2_grpc, geozones_pb2_grpc
from lowsky.service.service import Service, run_service


async def assemble(service: Service[AirspaceConfig]) -> None:
    """Two gRPC services over one schema, an index of the zones in force; events go out through the outbox."""
    await service.health.expect(PART)
    in_force = InForce(service.database, service.health)
    service.process.run(in_force.keep)
    service.process.run(RestrictionExpiry(service.database, service.relay, service.clock).run)
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
            NewVersions(service.database, service.relay, Replacing(service.database, service.clock)),
            Restrictions(service.database, service.relay, service.clock),
            Checking(in_force, AreasInForce(service.database), service.config.vertical_reference),
        ),
    )


def run() -> None:
    """`python -m lowsky.airspace`."""
    run_service("airspace", AirspaceConfig, assemble)
