"""The law that applies to a flight: that of the countries whose authorities it concerns; from projections in memory."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

from lowsky.findings.finding import Finding
from lowsky.flightplans.checks.law import application_required, flight_of
from lowsky.flightplans.checks.validity import AircraftStanding, Horizon, OperatorStanding
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.flightplans.projections.areas import Areas
from lowsky.jurisdictions.flight_rules import Needs, RuleSets, needs_of

_DEFAULT = Horizon()


class Law:
    """The rules of jurisdictions, selected for a flight by the authorities that it concerns."""

    def __init__(self, rules: RuleSets, areas: Areas) -> None:
        self._rules = rules
        self._areas = areas

    def horizon(self, authorities: Collection[str]) -> Horizon:
        """The shortest horizon of the authorities that a flight concerns."""
        horizons = [
            Horizon(timedelta(days=known.filing_horizon_days), name, known.title)
            for name in sorted(authorities)
            if (known := self._areas.authority(name)) is not None
        ]
        return min(horizons, key=lambda horizon: horizon.ahead, default=_DEFAULT)

    def needs(
        self,
        authorities: Collection[str],
        proposal: Proposal,
        operator: OperatorStanding,
        aircraft: AircraftStanding,
    ) -> Needs:
        """The requirements of the laws for a flight that concerns these authorities. For an unknown authority, as for a
        flight without authorities, the installation's own jurisdiction applies."""
        known = [self._areas.authority(name) for name in authorities]
        laws = self._rules.of_countries(one.country if one is not None else "" for one in known)
        return needs_of(laws, flight_of(proposal, operator, aircraft))

    def applications(
        self,
        areas: Mapping[str, str],
        proposal: Proposal,
        operator: OperatorStanding,
        aircraft: AircraftStanding,
    ) -> list[Finding]:
        """Findings for the authorities that must approve because the law of their country requires an application for
        such a flight, even where the airspace is open.

        Args:
            areas: The authorities in whose areas it flies, with their titles.
        """
        flight = flight_of(proposal, operator, aircraft)
        asking = []
        for name, title in areas.items():
            known = self._areas.authority(name)
            law = self._rules.of_country(known.country if known is not None else "").application
            if law is not None and law.holds(flight):
                asking.append(application_required(name, title, law))
        return asking
