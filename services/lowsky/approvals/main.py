"""Composition of the approvals service."""

from __future__ import annotations

from lowsky.api.approvals.v1 import approvals_pb2_grpc
from lowsky.approvals.cases.expiry import CaseExpiry
from lowsky.approvals.config import ApprovalsConfig
from lowsky.approvals.events.flight_plans import GROUP, FlightPlans
from lowsky.approvals.rpc.approvals import ApprovalsServicer
from lowsky.events import topics
from lowsky.jurisdictions.reasons import ReasonCodes
from lowsky.service.service import Service, run_service


async def assemble(service: Service[ApprovalsConfig]) -> None:
    """Cases are opened and closed by the events of plans, expire with time, and are decided over gRPC."""
    reason_codes = ReasonCodes.read(service.config.jurisdiction, service.config.jurisdictions)
    await service.consume(group=GROUP, topics=[topics.FLIGHT_PLANS], handlers=FlightPlans(service.clock).handlers)
    service.process.run(
        CaseExpiry(service.database, service.relay, service.clock, every_s=service.config.expire_every_s).run
    )
    service.serve(
        "lowsky.api.approvals.v1.ApprovalsService",
        approvals_pb2_grpc.add_ApprovalsServiceServicer_to_server,
        ApprovalsServicer(service.database, service.relay, service.clock, reason_codes),
    )


def run() -> None:
    """`python -m lowsky.approvals`."""
    run_service("approvals", ApprovalsConfig, assemble)
