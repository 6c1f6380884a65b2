"""An aircraft can fly only one plan at a time: findings where another plan of the same aircraft overlaps in time.

A plan occupies its aircraft for the whole of its window [start, end), including the time buffers. The other plan is of
the same operator, so that a finding may name it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

from lowsky.errors import Precondition
from lowsky.findings.finding import Finding, Rule, Severity
from lowsky.flightplans.domain.plan import FlightPlan

NAMED_MAX: Final = 20
"""How many of the plans that overlap in time have a finding each; one last finding counts the others, because a plan of
many hours may overlap hundreds of short ones."""


def aircraft_busy(plan: str, aircraft: str, start: datetime, end: datetime) -> Finding:
    """The finding for another plan that occupies the aircraft.

    Args:
        plan: Name of that plan.
        start, end: When it occupies the aircraft, half-open.
    """
    return Finding(
        rule=Rule.AIRCRAFT_BUSY,
        severity=Severity.BLOCKING,
        subject=plan,
        subject_title="another plan of the same aircraft",
        volumes=(),
        message=(
            f"{aircraft} is assigned to {plan} from {_text(start)} until {_text(end)}, and can fly one plan at a time. "
            "Use another aircraft or another time, withdraw that plan, or supersede it with this one."
        ),
        start_s=start.timestamp(),
        end_s=end.timestamp(),
    )


def busy_with_others(count: int) -> Finding:
    """The finding that counts the plans of the same aircraft that have no finding each."""
    text = f"{count} more plans of the same aircraft, not named here, overlap this one in time."
    return Finding(Rule.AIRCRAFT_BUSY, Severity.BLOCKING, "", "other plans of the same aircraft", (), text)


def require_on_the_ground(plan: FlightPlan, others: Iterable[FlightPlan]) -> None:
    """Requires that the aircraft is not in flight for another plan. A late flight continues beyond the end of its plan,
    which a comparison of the plans' times does not show. A plan that this one supersedes has ended, and does not count.

    Args:
        others: Plans of the same aircraft, read while the aircraft is locked against other activations.

    Raises:
        Precondition: AIRCRAFT_BUSY.
    """
    flying = min((other for other in others if other.is_flying), key=lambda other: other.start, default=None)
    if flying is not None:
        raise Precondition(
            "AIRCRAFT_BUSY",
            f"{plan.aircraft} is still in flight for {flying.name}, which is {flying.state} and was to end at "
            f"{_text(flying.end)}: end that flight first (EndFlightPlan)",
            metadata={"resource": plan.name, "plan": flying.name, "state": flying.state, "aircraft": plan.aircraft},
        )


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S}Z"
