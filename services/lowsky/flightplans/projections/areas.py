"""The local projection of authorities: who answers where, as lowsky.authorities.v1 last said."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

import shapely

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


@dataclass(frozen=True, slots=True)
class StatedAreas:
    """All areas at one moment, for whoever decides by them."""

    index: AreaIndex
    digest: bytes
    """Of all that is stated of them: equal where they are the same, whoever read them when."""
    read: int
    """How far the topic had been read: more, the later."""

    def is_overtaken_by(self, read: int, digest: bytes) -> bool:
        """Whether others have read further, and areas that are not these."""
        return read > self.read and digest != self.digest


class Areas:
    """The authorities, and the areas that they state in an immutable index."""

    def __init__(self) -> None:
        self._known: dict[str, KnownAuthority] = {}
        self._stated: dict[str, StatedArea] = {}
        self._unreadable: dict[str, str] = {}
        """Authorities that were not understood, and why."""
        self._built: tuple[AreaIndex, bytes] | None = None
        self._read = 0
        self._changed = asyncio.Event()

    @property
    def index(self) -> AreaIndex:
        """All areas now."""
        return self.stated.index

    @property
    def stated(self) -> StatedAreas:
        """All areas now. A change makes new ones, when they are next asked for."""
        if self._built is None:
            self._built = AreaIndex(self._stated.values()), _digest(self._stated.values())
        return StatedAreas(*self._built, self._read)

    def read_up_to(self, read: int) -> None:
        """How far the topic has been read; what it says up to there has been learnt."""
        self._read = read
        self._changed.set()
        self._changed = asyncio.Event()

    async def read_beyond(self, read: int) -> None:
        """As soon as the topic has been read further than that."""
        while self._read <= read:
            await self._changed.wait()

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
        self._built = None

    def remove(self, authority: str) -> None:
        """It is no authority any more, and answers nowhere."""
        self._unreadable.pop(authority, None)
        self._known.pop(authority, None)
        if self._stated.pop(authority, None) is not None:
            self._built = None

    def unreadable(self, authority: str, problem: str) -> None:
        """What it states is not understood, until it is learnt anew or removed."""
        self._unreadable[authority] = problem


def _digest(areas: Iterable[StatedArea]) -> bytes:
    digest = sha256()
    for area in sorted(areas, key=lambda area: area.authority):
        for part in (area.authority.encode(), area.title.encode(), shapely.to_wkb(area.ground)):
            digest.update(len(part).to_bytes(8) + part)
        digest.update(struct.pack(">d", area.open_below_m))
    return digest.digest()
