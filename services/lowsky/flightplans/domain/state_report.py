"""A report of the state of a flight in progress."""

from __future__ import annotations

from dataclasses import dataclass

from lowsky.flightplans.domain.plan import State
from lowsky.geo.volumes.volumes import Volume4D


@dataclass(frozen=True, slots=True)
class StateReport:
    """A report of the state of a flight in progress."""

    name: str
    etag: str
    state: State
    reason: str
    off_nominal: tuple[Volume4D, ...]
    content: bytes
    """The off-nominal volumes as they were sent, opaque here."""
