"""Configuration of the flightplans service."""

from __future__ import annotations

from lowsky.geofence.config import GeofenceConfig


class FlightPlansConfig(GeofenceConfig):
    """Nothing beyond what the geofence needs."""
