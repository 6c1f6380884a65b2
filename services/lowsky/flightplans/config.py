"""Configuration of the flightplans service."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from lowsky.geofence.config import GeofenceConfig
from lowsky.jurisdictions.config import JurisdictionsConfig
from lowsky.process.config import ServiceConfig


class FlightPlansConfig(ServiceConfig, GeofenceConfig, JurisdictionsConfig):
    """Beside what the geofence and the rules of jurisdictions need: how long plans are kept, when they are closed."""

    plans_kept_days: int = Field(default=400, ge=131, le=36_500)
    """Days after which a month of plans is detached, when none of them can fly any more: a year, and a month to report
    on it. A plan of the first of a month may depart 90 days ahead (Authority.filing_horizon_days) and fly for ten days:
    less than a month and these hundred days would touch those whose plans are still to depart."""

    overdue_grace_s: float = Field(default=300.0, ge=0, le=86_400)
    """Seconds after the end of its time until a plan is closed of which nobody says what became: an operator whose link
    is slow still ends the flight itself."""

    nonconforming_max_s: float = Field(default=60.0, ge=1, le=3_600)
    """Seconds after which a flight that has not come back into its plan is taken to be contingent (ASTM F3548-21 gives
    it 60)."""

    @property
    def nonconforming_max(self) -> timedelta:
        """The same, as a duration."""
        return timedelta(seconds=self.nonconforming_max_s)

    @property
    def overdue_grace(self) -> timedelta:
        """The same, as a duration."""
        return timedelta(seconds=self.overdue_grace_s)

    @property
    def retention(self) -> timedelta:
        """How long after its end a month of plans is kept."""
        return timedelta(days=self.plans_kept_days)
