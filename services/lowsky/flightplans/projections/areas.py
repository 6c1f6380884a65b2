"""The local projection of authorities: who answers where, as lowsky.authorities.v1 last said."""

from __future__ import annotations

from dataclasses import dataclass

from lowsky.geofence.areas import AreaIndex, StatedArea

NAMED_MAX = 3
"""Of the authorities that were not understood, in a text for people."""


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
        self._unreadable: dict[str, str] = {}
        """Authorities that were not understood, and why."""
        self._index: AreaIndex | None = AreaIndex()

    @property
    def index(self) -> AreaIndex:
        """All areas now. A change makes a new one, when it is next asked for."""
        if self._index is None:
            self._index = AreaIndex(self._stated.values())
        return self._index

    @property
    def problem(self) -> str | None:
        """Which authority was not understood, and what to do. A worker must not decide while there is one: its area may
        be another now."""
        if not self._unreadable:
            return None
        named = "; ".join(f"{name} ({why})" for name, why in list(self._unreadable.items())[:NAMED_MAX])
        return (
            f"{len(self._unreadable)} authorities are not understood: {named}. Update each (UpdateAuthority), which "
            "emits it anew, or upgrade this worker; of one that no longer is, write a tombstone"
        )

    def authority(self, name: str) -> KnownAuthority | None:
        """None: the airspace service never told of it, or has removed it."""
        return self._known.get(name)

    def learn(self, authority: str, known: KnownAuthority, area: StatedArea | None) -> None:
        """What an authority is and states now; None: no area."""
        self._unreadable.pop(authority, None)
        self._known[authority] = known
        if area == self._stated.get(authority):
            return
        if area is None:
            del self._stated[authority]
        else:
            self._stated[authority] = area
        self._index = None

    def remove(self, authority: str) -> None:
        """It is no authority any more, and answers nowhere."""
        self._unreadable.pop(authority, None)
        self._known.pop(authority, None)
        if self._stated.pop(authority, None) is not None:
            self._index = None

    def unreadable(self, authority: str, problem: str) -> None:
        """What it states is not understood, until it is learnt anew or removed."""
        self._unreadable[authority] = problem
