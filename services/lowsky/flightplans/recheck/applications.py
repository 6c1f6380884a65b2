"""Who must agree to a stored plan by law, as operators, aircraft and areas are now."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from lowsky.errors import LowskyError
from lowsky.findings.finding import Finding
from lowsky.flightplans.domain.plan import FlightPlan
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.flightplans.projections.law import Law
from lowsky.flightplans.projections.standing import Standing

log = structlog.get_logger()


class Applications:
    """Asks the law again about plans that are checked again."""

    def __init__(self, standing: Standing, law: Law, proposal_of: Callable[[FlightPlan], Proposal]) -> None:
        self._standing = standing
        self._law = law
        self._proposal_of = proposal_of

    def of(self, plan: FlightPlan, areas: Mapping[str, str]) -> list[Finding] | None:
        """The findings; None where the operator, the aircraft or what the plan asked for is not known any more.

        Args:
            areas: The authorities in whose areas the plan flies, and what they are called.
        """
        operator, aircraft = self._standing.operator(plan.operator), self._standing.aircraft(plan.aircraft)
        if operator is None or aircraft is None:
            return None
        try:
            proposal = self._proposal_of(plan)
        except LowskyError as problem:
            log.error("a stored plan cannot be read again", plan=plan.name, problem=problem.message)
            return None
        return self._law.applications(areas, proposal, operator, aircraft)
