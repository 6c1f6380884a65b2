"""Configuration of the airspace service."""

from __future__ import annotations

from lowsky.config import ServiceConfig


class AirspaceConfig(ServiceConfig):
    """Nothing beyond what every service needs."""
