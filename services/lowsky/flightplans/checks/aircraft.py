"""An aircraft is in one place at a time: what follows where another plan of the same aircraft takes some of the time.

A plan takes the whole of its window [start, end), the time buffers included. The other plan is of the same operator, so
that a finding may name it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from lowsky.errors import Precondition
from lowsky.findings.finding import Finding, Rule, Severity
from lowsky.flightplans.domain.plan import FlightPlan

NAMED_MAX: Final = 20
"""Of the plans that take the time of one plan, those that have a finding of their own; the last finding counts the
others: a plan of many hours may meet hundreds of short ones."""


def aircraft_busy(plan: str, aircraft: str, start: datetime, end: datetime) -> Finding:
    """Says which plan keeps the aircraft busy.

    Args:
        plan: Its name.
        start, end: When it does, half-open.
    """
    return Finding(
        rule=Rule.AIRCRAFT_BUSY,
        severity=Severity.BLOCKING,
        subject=plan,
        subject_title="another plan of the same aircraft",
        volumes=(),
        message=(
            f"{aircraft} is planned for {plan} from {_said(start)} until {_said(end)}, and is in one place at a time. "
            "Use another aircraft or another time, withdraw that plan, or supersede it with this one."
        ),
        start_s=start.timestamp(),
        end_s=end.timestamp(),
    )


def busy_with_others(count: int) -> Finding:
    """Says how many more plans of the same aircraft there are than have a finding of their own."""
    text = f"{count} more plans of the same aircraft overlap this one in time that are not named here."
    return Finding(Rule.AIRCRAFT_BUSY, Severity.BLOCKING, "", "other plans of the same aircraft", (), text)


def require_on_the_ground(plan: FlightPlan, others: Iterable[FlightPlan]) -> None:
    """Its aircraft has not taken off for another plan, or has landed: a late flight is under way beyond its end, which
    no overlap of plans in time tells. A plan that this one supersedes is over, and so in nobody's way.

    Args:
        others: Plans of the same aircraft, as they are while nobody else activates one of them.

    Raises:
        Precondition: AIRCRAFT_BUSY.
    """
    flying = min((other for other in others if other.is_flying), key=lambda other: other.start, default=None)
    if flying is not None:
        raise Precondition(
            "AIRCRAFT_BUSY",
            f"{plan.aircraft} is still under way for {flying.name}, which is {flying.state} and was to end at "
            f"{_said(flying.end)}: end that flight first (EndFlightPlan)",
            metadata={"resource": plan.name, "plan": flying.name, "state": flying.state, "aircraft": plan.aircraft},
        )


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"
