"""Configuration of the approvals service."""

from __future__ import annotations

from pydantic import Field

from lowsky.jurisdictions.config import JurisdictionsConfig
from lowsky.process.config import ServiceConfig


class ApprovalsConfig(ServiceConfig, JurisdictionsConfig):
    """The settings of approvals in addition to those of every service and of the jurisdictions, whose reason codes it
    knows."""

    expire_every_s: float = Field(default=1.0, gt=0, le=60)
    """Interval at which overdue cases are searched and expired, and so the longest delay of an expiry."""
