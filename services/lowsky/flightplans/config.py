"""Configuration of the flightplans service."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from lowsky.geofence.config import GeofenceConfig


class FlightPlansConfig(GeofenceConfig):
    """Beside what the geofence needs: how long plans are kept."""

    plans_kept_days: int = Field(default=400, ge=62, le=36_500)
    """Days after which a month of plans is detached, when none of them can fly any more: a year, and a month to report
    on it. Less than two months would touch those whose plans are still to depart."""

    @property
    def retention(self) -> timedelta:
        """How long after its end a month of plans is kept."""
        return timedelta(days=self.plans_kept_days)
