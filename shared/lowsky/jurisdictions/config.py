"""The law that applies to an installation."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class JurisdictionsConfig(BaseSettings):
    """Settings of services that apply the rules of jurisdictions; they must be the same in all of these services."""

    model_config = SettingsConfigDict(env_prefix="LOWSKY_", frozen=True, use_attribute_docstrings=True)

    jurisdiction: str = Field(default="CHN", pattern="^[A-Z]{2,3}$")
    """The jurisdiction of this installation (ISO 3166-1 alpha-3, or EU): its rules hold for whatever lies in no
    country that has rules of its own. A service does not start where it has no rules."""

    jurisdictions: Path | None = None
    """A folder laid out as `lowsky/jurisdictions/data`: each of its files replaces the file of that name
    shipped with lowsky, or adds a jurisdiction. Read at start."""
