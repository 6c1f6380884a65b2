"""Configuration of the registration service."""

from __future__ import annotations

from pydantic import Field

from lowsky.jurisdictions.config import JurisdictionsConfig
from lowsky.process.config import ServiceConfig
from lowsky.registration.identifiers.identifier import KEY_BYTES_MIN


class RegistrationConfig(ServiceConfig, JurisdictionsConfig):
    """Beside what every service needs: which law holds, and how personal numbers are kept."""

    identifier_key: str | None = Field(default=None, repr=False, min_length=KEY_BYTES_MIN)
    """Key of the digests that are kept of natural persons' numbers: 32 characters at least, random, the same for all
    workers and for ever, since a number is recognised by its digest. Absent: such numbers are refused."""
