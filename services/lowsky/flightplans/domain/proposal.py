"""A proposal: what an operator asks for, before it is a plan."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import Volume4D


@dataclass(frozen=True, slots=True)
class Proposal:
    """A flight that is asked for. Its airspace is a trajectory, or ready-made volumes."""

    operator: str
    aircraft: str
    airspace: Trajectory | tuple[Volume4D, ...]
    departure: datetime
    """When the flight starts, without the time buffer before it."""
    endurance_s: float | None
    content: bytes
    """The request as it was sent, opaque here."""
    asked: bytes
    """The same in its canonical form (lowsky.canonical), by which it is known again; opaque here."""
    commercial: bool
    mode: str
    """VLOS or BVLOS."""
    purpose: str
    """As in the contract, without the prefix: DELIVERY, …"""
    special_activities: frozenset[str] = frozenset()
    """Likewise: DROPS_ARTICLES, …"""
    stated: frozenset[str] = frozenset()
    """The names of the fields that the request fills."""
    priority: int = 0
    """How urgent it is; a higher number goes before a lower one."""
    supersedes: str = ""
    """Name of the plan that it takes the place of, or nothing."""
