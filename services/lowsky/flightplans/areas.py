"""The local projection of authorities: who answers where, as lowsky.authorities.v1 last said."""

from __future__ import annotations

from dataclasses import dataclass

from lowsky.geofence.areas import AreaIndex, StatedArea


@dataclass(frozen=True, slots=True)
class KnownAuthority:
    """What an authority is, wherever it answers."""

    title: str
    country: str
    """ISO 3166-1 alpha-3."""
    filing_horizon_days: int
    """How many days ahead of their start it takes flight plans."""


class Areas:
    """The authorities, and the areas that they state in an immutable index."""

    def __init__(self) -> None:
        self._known: dict[str, KnownAuthority] = {}
        self._stated: dict[str, StatedArea] = {}
        self._unreadable: set[str] = set()
        self._index: AreaIndex | None = AreaIndex()

    @property
    def index(self) -> AreaIndex:
        """All areas now. A change makes a new one, when it is next asked for."""
        if self._index is None:
            self._index = AreaIndex(self._stated.values())
        return self._index

    @property
    def is_understood(self) -> bool:
        """Whether every authority was. A worker must not decide while one was not: its area may be another now."""
        return not self._unreadable

    def authority(self, name: str) -> KnownAuthority | None:
        """None: the airspace service never told of it."""
        return self._known.get(name)

    def learn(self, authority: str, known: KnownAuthority, area: StatedArea | None) -> None:
        """What an authority is and states now; None: no area."""
        self._unreadable.discard(authority)
        self._known[authority] = known
        if area == self._stated.get(authority):
            return
        if area is None:
            del self._stated[authority]
        else:
            self._stated[authority] = area
        self._index = None

    def unreadable(self, authority: str) -> None:
        """What it states is not understood."""
        self._unreadable.add(authority)
