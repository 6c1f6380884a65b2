"""The local projection of authorities and their areas, according to lowsky.authorities.v1."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256

import shapely

from lowsky.geofence.areas import AreaIndex, StatedArea

NAMED_MAX = 3
"""How many unreadable authorities are named in a text for people."""


@dataclass(frozen=True, slots=True)
class KnownAuthority:
    """The properties of an authority that do not depend on its area."""

    title: str
    country: str
    """ISO 3166-1 alpha-3."""
    filing_horizon_days: int
    """How many days before their start it accepts flight plans."""


@dataclass(frozen=True, slots=True)
class StatedAreas:
    """A snapshot of all areas."""

    index: AreaIndex
    digest: bytes
    """Digest of their content: equal for equal areas, whichever worker read them."""
    read: int
    """How far the topic had been read; it increases, unless the topic is lost and made again."""
    is_whole: bool = True
    """Whether all of them are from the topic as it is now, and none is remembered from one that was lost."""

    def is_overtaken_by(self, read: int, digest: bytes) -> bool:
        """Whether another worker has read further, and has different areas."""
        return read > self.read and digest != self.digest


class Areas:
    """The authorities, and an immutable index of the areas that they state."""

    def __init__(self) -> None:
        self._known: dict[str, KnownAuthority] = {}
        self._stated: dict[str, StatedArea] = {}
        self._unreadable: dict[str, str] = {}
        """Authorities that could not be read, and why."""
        self._remembered: set[str] = set()
        """Authorities that a topic stated which was lost, and the one in its place has not stated yet."""
        self._built: tuple[AreaIndex, bytes] | None = None
        self._read = 0
        self._changed = asyncio.Event()

    @property
    def index(self) -> AreaIndex:
        """The current areas."""
        return self.stated.index

    @property
    def stated(self) -> StatedAreas:
        """A snapshot of the current areas; built when first needed after a change."""
        if self._built is None:
            self._built = AreaIndex(self._stated.values()), _digest(self._stated.values())
        return StatedAreas(*self._built, self._read, is_whole=not self._remembered)

    def read_up_to(self, read: int) -> None:
        """Records how far the topic has been read, before the event there is applied. Less than before: the topic was
        lost and made again; what it stated counts until it is stated anew."""
        if read < self._read:
            self._remembered.update(self._known)
        self._read = read
        self._changed.set()
        self._changed = asyncio.Event()

    async def read_beyond(self, read: int) -> None:
        """Waits until the topic has been read further than that."""
        while self._read <= read:
            await self._changed.wait()

    async def read_elsewhere(self, read: int) -> None:
        """Waits until the topic has been read up to another place than that: further, or anew from its beginning."""
        while self._read == read:
            await self._changed.wait()

    @property
    def problem(self) -> str | None:
        """Which authorities could not be read, and what to do. A worker must not decide while there is one: its area
        may have changed."""
        if not self._unreadable:
            return None
        named = "; ".join(f"{name} ({why})" for name, why in list(self._unreadable.items())[:NAMED_MAX])
        return (
            f"{len(self._unreadable)} authorities cannot be read: {named}. Update each (UpdateAuthority), which "
            "emits it again, or upgrade this worker; for one that no longer exists, write a tombstone"
        )

    def authority(self, name: str) -> KnownAuthority | None:
        """An authority; None if the airspace service never published it, or has removed it."""
        return self._known.get(name)

    def learn(self, authority: str, known: KnownAuthority, area: StatedArea | None) -> None:
        """Sets the current properties and area of an authority; None: it states no area."""
        self._unreadable.pop(authority, None)
        self._remembered.discard(authority)
        self._known[authority] = known
        if area == self._stated.get(authority):
            return
        if area is None:
            del self._stated[authority]
        else:
            self._stated[authority] = area
        self._built = None

    def remove(self, authority: str) -> None:
        """The authority no longer exists, and has no area."""
        self._unreadable.pop(authority, None)
        self._known.pop(authority, None)
        self._remembered.discard(authority)
        if self._stated.pop(authority, None) is not None:
            self._built = None

    def unreadable(self, authority: str, problem: str) -> None:
        """The authority could not be read; until it is learnt again or removed."""
        self._unreadable[authority] = problem


def _digest(areas: Iterable[StatedArea]) -> bytes:
    digest = sha256()
    for area in sorted(areas, key=lambda area: area.authority):
        for part in (area.authority.encode(), area.title.encode(), shapely.to_wkb(area.ground)):
            digest.update(len(part).to_bytes(8) + part)
        digest.update(struct.pack(">d", area.open_below_m))
    return digest.digest()
