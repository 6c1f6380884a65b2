"""Applies the events of approvals to plans."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lowsky.api.approvals.v1 import approvals_pb2
from lowsky.api.events.v1 import events_pb2
from lowsky.clock import Clock
from lowsky.db.database import Connection
from lowsky.events.consumer import Batched, Handler, consumed
from lowsky.events.event import Event
from lowsky.findings.codec import finding_from_message
from lowsky.flightplans.domain.plan import FlightPlan
from lowsky.flightplans.life.approval_decisions import Verdict, apply_verdict
from lowsky.flightplans.postgres.plans import FlightPlanStore, events_of

GROUP = "flightplans"

_VERDICTS = {
    "lowsky.approval.opened.v1": Verdict.UNDER_REVIEW,
    "lowsky.approval.granted.v1": Verdict.GRANTED,
    "lowsky.approval.rejected.v1": Verdict.REJECTED,
    "lowsky.approval.expired.v1": Verdict.EXPIRED,
    "lowsky.approval.rescinded.v1": Verdict.RESCINDED,
}

_OUTCOMES = {
    Verdict.GRANTED: approvals_pb2.Decision.OUTCOME_GRANTED,
    Verdict.REJECTED: approvals_pb2.Decision.OUTCOME_REJECTED,
}


class OnApprovals:
    """Consumes lowsky.approvals.v1, a batch of events at a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    @property
    def handlers(self) -> Mapping[str, Handler | Batched]:
        """By event type; one handler for all types, so that consecutive events form one batch whatever their types."""
        return dict.fromkeys(_VERDICTS, Batched(self.apply))

    async def apply(self, connection: Connection, events: Sequence[Event]) -> None:
        """Locks all the plans at once, applies the events in their order, then stores the plans and emits their events.

        Raises:
            DecodeError, NotFound: One event is malformed or names no plan; nothing of the batch is applied.
        """
        store = FlightPlanStore(connection)
        approvals = [events_pb2.ApprovalEvent.FromString(event.value or b"").approval for event in events]
        plans = await store.lock_all({approval.flight_plan.name for approval in approvals})
        now = self._clock.now()
        moved: dict[str, FlightPlan] = {}
        happened: list[Event] = []
        for event, approval in zip(events, approvals, strict=True):
            plan, verdict = plans[approval.flight_plan.name], _VERDICTS[event.type]
            with consumed(GROUP, event):
                if apply_verdict(
                    plan,
                    verdict,
                    approval=approval.name,
                    number=approval.number,
                    reason=_reason(approval, verdict),
                    granted_by=_granted_by(approval),
                    seen=[finding_from_message(finding) for finding in approval.flight_plan.findings],
                    now=now,
                ):
                    moved[plan.name] = plan
                    # Here, before another event of the batch changes the plan: an event carries the state after it.
                    happened += events_of(plan)
        await store.save(list(moved.values()), happened)


def _granted_by(approval: approvals_pb2.Approval) -> Sequence[str]:
    return [d.authority for d in approval.decisions if d.outcome == approvals_pb2.Decision.OUTCOME_GRANTED]


def _reason(approval: approvals_pb2.Approval, verdict: Verdict) -> str:
    """The reasons of the authorities whose decision led to the verdict: a grant does not explain a rejection."""
    if verdict is Verdict.RESCINDED:
        return approval.rescission.reason
    outcome = _OUTCOMES.get(verdict)
    reasons = "; ".join(d.reason for d in approval.decisions if d.outcome == outcome and d.reason)
    if not reasons and verdict is Verdict.GRANTED and approval.automatic:
        return "Granted automatically: no authority's approval is needed."
    if not reasons and verdict is Verdict.REJECTED and approval.automatic:
        return "Rejected automatically: a check found what no authority can allow."
    return reasons
