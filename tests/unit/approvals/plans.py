"""Plans and cases for the tests here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from lowsky.approvals.domain.approval import Approval, Outcome
from lowsky.approvals.domain.plan import PlanFinding, SubmittedPlan
from lowsky.approvals.domain.reasons import Reason

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
START = NOW + timedelta(hours=2)
TOWER, CITY, PARK = "authorities/tower", "authorities/city", "authorities/park"


def a_plan(
    *deciding: str, notified: tuple[str, ...] = (), findings: tuple[PlanFinding, ...] = (), start: datetime = START
) -> SubmittedPlan:
    """A plan that needs the word of some authorities."""
    return SubmittedPlan("operators/o1/flightPlans/p1", start, deciding, notified, findings, b"snapshot")


def a_case(*deciding: str, notified: tuple[str, ...] = (), start: datetime = START) -> Approval:
    """The case of such a plan, after what is to be told of its opening was told."""
    approval = Approval.open("approvals/a1", "LS-2026-0000001", a_plan(*deciding, notified=notified, start=start), NOW)
    approval.happened.clear()
    return approval


def say(approval: Approval, authority: str, outcome: Outcome, now: datetime = NOW, etag: str | None = None) -> None:
    """An officer of the authority decides on what stands there now, unless another etag is given."""
    approval.decide(
        authority,
        outcome,
        officer=f"officer of {authority}",
        reason=Reason("because"),
        etag=etag or approval.etag,
        now=now,
    )
