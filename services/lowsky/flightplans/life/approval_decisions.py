"""Applies the decisions of approvals to plans."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from enum import Enum

import structlog

from lowsky.errors import IllegalMove
from lowsky.findings.finding import Finding
from lowsky.flightplans.domain.grant_coverage import unseen
from lowsky.flightplans.domain.plan import FlightPlan

log = structlog.get_logger()


class Verdict(Enum):
    """The state of a case in approvals that its plan follows."""

    UNDER_REVIEW = "under review"
    GRANTED = "granted"
    REJECTED = "rejected"
    EXPIRED = "expired"
    RESCINDED = "rescinded"


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
    """Applies the verdict to the locked plan; False if the plan does not change. A plan that the operator withdrew
    meanwhile stays withdrawn.

    A grant counts only if every authority whose approval the plan needs now has granted it and has seen the findings
    that need it: meanwhile a new or changed zone may have added a finding, about which approvals will ask when it
    receives the event.

    Args:
        seen: The findings of the plan at the time of the decision.
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
                plan.expire(reason or "The plan was not decided in time.", now)
            case Verdict.RESCINDED:
                plan.rescind(reason, now)
    except IllegalMove as error:
        log.info("a verdict came too late", plan=plan.name, verdict=verdict.value, state=error.metadata["state"])
        return False
    return True
