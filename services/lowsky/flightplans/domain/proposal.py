"""A proposal: a request for a flight, before it becomes a plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import Volume4D


@dataclass(frozen=True, slots=True)
class Proposal:
    """A requested flight. Its airspace is a trajectory, or explicit volumes."""

    operator: str
    aircraft: str
    airspace: Trajectory | tuple[Volume4D, ...]
    departure: datetime
    """When the flight starts, without the time buffer before it."""
    endurance_s: float | None
    content: bytes
    """The request as it was sent, opaque here."""
    asked: bytes
    """The request in its canonical form (lowsky.canonical), by which a repeated request is recognised; opaque here."""
    commercial: bool
    mode: str
    """VLOS or BVLOS."""
    purpose: str
    """As in the contract, without the prefix: DELIVERY, …"""
    special_activities: frozenset[str] = frozenset()
    """The same: DROPS_ARTICLES, …"""
    stated: frozenset[str] = frozenset()
    """The names of the fields that the request fills."""
    priority: int = 0
    """How urgent it is; a higher number takes precedence."""
    supersedes: str = ""
    """Name of the plan that it supersedes, or empty."""
