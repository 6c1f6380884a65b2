"""Configuration of the airspace service."""

from __future__ import annotations

from lowsky.geofence.config import GeofenceConfig
from lowsky.process.config import ServiceConfig


class AirspaceConfig(ServiceConfig, GeofenceConfig):
    """Only the settings of the geofence, the same as for flightplans."""
