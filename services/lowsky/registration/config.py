"""Configuration of the registration service."""

from __future__ import annotations

from lowsky.config import ServiceConfig


class RegistrationConfig(ServiceConfig):
    """Nothing beyond what every service needs."""
