"""Configuration of the approvals service."""

from __future__ import annotations

from pydantic import Field

from lowsky.process.config import ServiceConfig


class ApprovalsConfig(ServiceConfig):
    """What approvals needs beyond every service."""

    expire_every_s: float = Field(default=1.0, gt=0, le=60)
    """How often cases are looked for that nobody decided in time; a case expires at most so late."""
