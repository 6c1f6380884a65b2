"""What the approvals service is made of."""

from __future__ import annotations

from lowsky.api.approvals.v1 import approvals_pb2_grpc
from lowsky.approvals.config import ApprovalsConfig
from lowsky.approvals.on_clock import Expiry
from lowsky.approvals.on_flight_plans import GROUP, TOPIC, FlightPlans
from lowsky.approvals.rpc.approvals import ApprovalsServicer
from lowsky.process.frame import Frame, main


async def assemble(frame: Frame[ApprovalsConfig]) -> None:
    """Cases open and close with the plans' events, expire with time, and are decided over gRPC."""
    await frame.consume(group=GROUP, topics=[TOPIC], handlers=FlightPlans(frame.clock).handlers)
    frame.run(Expiry(frame.database, frame.relay, frame.clock, every_s=frame.config.expire_every_s).run)
    frame.serve(
        "lowsky.api.approvals.v1.ApprovalsService",
        approvals_pb2_grpc.add_ApprovalsServiceServicer_to_server,
        ApprovalsServicer(frame.database, frame.relay, frame.clock),
    )


def run() -> None:
    """`python -m lowsky.approvals`."""
    main("approvals", ApprovalsConfig, assemble)
