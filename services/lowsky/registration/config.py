"""Configuration of the registration service."""

from __future__ import annotations

from lowsky.jurisdictions.config import JurisdictionsConfig


class RegistrationConfig(JurisdictionsConfig):
    """Beside what every service needs: which law holds."""
