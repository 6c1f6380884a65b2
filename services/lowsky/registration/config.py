"""Configuration of the registration service."""

from __future__ import annotations

from pydantic import Field

from lowsky.jurisdictions.config import JurisdictionsConfig
from lowsky.process.config import ServiceConfig
from lowsky.registration.identifiers.identifier import KEY_BYTES_MIN


class RegistrationConfig(ServiceConfig, JurisdictionsConfig):
    """The settings of registration in addition to those of every service: the law that applies, and the key of
    personal numbers."""

    identifier_key: str | None = Field(default=None, repr=False, min_length=KEY_BYTES_MIN)
    """Key of the digests that are stored instead of natural persons' numbers: at least 32 characters, random, the same
    for all workers, and never changed, since a number is recognised by its digest. Absent: such numbers are refused."""
