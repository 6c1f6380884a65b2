"""What approvals decided, applied to the plan."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import Enum

import structlog

from lowsky.errors import IllegalMove
from lowsky.findings.finding import Finding
from lowsky.flightplans.domain.plan import FlightPlan
from lowsky.flightplans.domain.requirements import unseen

log = structlog.get_logger()


class Verdict(Enum):
    """What approvals said of a case."""

    UNDER_REVIEW = "under review"
    GRANTED = "granted"
    REJECTED = "rejected"
    EXPIRED = "expired"


def apply_verdict(
    plan: FlightPlan,
    verdict: Verdict,
    *,
    approval: str,
    number: str,
    reason: str,
    now: datetime,
    granted_by: Collection[str],
    seen: Sequence[Finding],
) -> bool:
    """Moves the plan, which is locked; False where it stays. One that the operator withdrew meanwhile stays withdrawn.

    A grant counts only where everybody has granted whose word the plan needs by now, having seen what it is needed for:
    while it was on its way, a new or changed zone may have added something, which approvals asks when it hears of it.

    Args:
        seen: The findings of the plan as it was when they decided.
    """
    missing = set(plan.deciding_authorities) - set(granted_by)
    if verdict is Verdict.GRANTED:
        missing.update(name for _, names in unseen(plan.findings, seen) for name in names)
    if verdict is Verdict.GRANTED and missing:
        log.info("a grant is overtaken by the airspace", plan=plan.name, missing=sorted(missing))
        return False
    if verdict is Verdict.UNDER_REVIEW and plan.is_reviewed_by(approval):
        return False
    try:
        match verdict:
            case Verdict.UNDER_REVIEW:
                plan.put_under_review(approval, number, now)
            case Verdict.GRANTED:
                plan.approve(approval, number, reason, now)
            case Verdict.REJECTED:
                plan.reject(approval, number, reason, now)
            case Verdict.EXPIRED:
                plan.expire(reason or "Nobody decided in time.", now)
    except IllegalMove as error:
        log.info("a verdict came too late", plan=plan.name, verdict=verdict.value, state=error.metadata["state"])
        return False
    return True
