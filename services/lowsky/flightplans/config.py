"""Configuration of the flightplans service."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from lowsky.geofence.config import GeofenceConfig
from lowsky.jurisdictions.config import JurisdictionsConfig
from lowsky.process.config import ServiceConfig


class FlightPlansConfig(ServiceConfig, GeofenceConfig, JurisdictionsConfig):
    """The settings of flightplans in addition to those of the geofence and the rules of jurisdictions: how long plans
    are kept, and when they are closed."""

    plans_kept_days: int = Field(default=400, ge=131, le=36_500)
    """Days after the end of a month until its plans are detached, when none of them can fly any more: a year, and a
    month to report on it. A plan may depart 90 days after its submission (Authority.filing_horizon_days) and fly for
    ten days: less than a month and these hundred days would detach plans that have not departed yet."""

    overdue_grace_s: float = Field(default=300.0, ge=0, le=86_400)
    """Seconds after the end of its time window until a plan that its operator has not ended is closed: an operator with
    a slow link can still end the flight itself."""

    nonconforming_max_s: float = Field(default=60.0, ge=1, le=3_600)
    """Seconds after which a flight that has not come back into its plan becomes contingent (60 in ASTM F3548-21)."""

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
