"""Configuration of the airspace service."""

from __future__ import annotations

from lowsky.geofence.config import GeofenceConfig
from lowsky.process.config import ServiceConfig


class AirspaceConfig(ServiceConfig, GeofenceConfig):
    """Nothing beyond what the geofence needs, as flightplans has it."""
