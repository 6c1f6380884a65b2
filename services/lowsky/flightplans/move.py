"""What an operator does with a plan that exists: withdraw, activate, end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from lowsky.flightplans.checks.validity import require_standing
from lowsky.flightplans.domain.plan import FlightPlan
from lowsky.flightplans.plans import Plans
from lowsky.flightplans.standing import Standing

Move = Callable[[FlightPlan], None]


async def move(plans: Plans, name: str, etag: str, make: Move) -> FlightPlan:
    """Locks the plan, compares the etag, makes the move, saves and tells.

    Raises:
        NotFound, StaleEtag, IllegalMove, Precondition
    """
    plan = await plans.get(name, lock=True)
    plan.expect(etag)
    make(plan)
    await plans.save(plan)
    return plan


def activation(standing: Standing, now: datetime) -> Move:
    """Activation asks once more whether the operator and the aircraft may fly: much can happen since approval."""

    def activate(plan: FlightPlan) -> None:
        require_standing(
            plan.operator, plan.aircraft, standing.operator(plan.operator), standing.aircraft(plan.aircraft), plan.end
        )
        plan.activate(now)

    return activate
