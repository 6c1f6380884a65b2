"""The authorities that must approve a stored plan by law, given the current operators, aircraft and areas."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from lowsky.errors import LowskyError
from lowsky.findings.finding import Finding
from lowsky.flightplans.domain.plan import FlightPlan
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.flightplans.projections.applicable_law import Law
from lowsky.flightplans.projections.standing import Standing

log = structlog.get_logger()


class Applications:
    """Applies the law again to plans that are checked again."""

    def __init__(self, standing: Standing, law: Law, proposal_of: Callable[[FlightPlan], Proposal]) -> None:
        self._standing = standing
        self._law = law
        self._proposal_of = proposal_of

    def of(self, plan: FlightPlan, areas: Mapping[str, str]) -> list[Finding] | None:
        """The findings; None if the operator or the aircraft is no longer known, or the stored plan cannot be read.

        Args:
            areas: The authorities in whose areas the plan flies, with their titles.
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
