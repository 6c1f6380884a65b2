"""The zone index of a worker: each change takes effect at once, and merging runs in the background."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from typing import Generic, TypeVar

from lowsky.geo.zones.index import IndexedZone, ZoneIndex

Payload = TypeVar("Payload")


class KeptIndex(Generic[Payload]):
    """The zones in force, in an index that is swapped as a whole."""

    def __init__(self) -> None:
        self._index: ZoneIndex[Payload] = ZoneIndex([], 0)
        self._scattered = asyncio.Event()
        self._since: list[tuple[Sequence[IndexedZone[Payload]], Collection[str], int]] | None = None
        """Changes that an index which is being merged does not hold; None while none is."""
        self._changing = asyncio.Lock()

    @property
    def index(self) -> ZoneIndex[Payload]:
        """The zones in force now. Its revision is 0 while there are none."""
        return self._index

    async def change(
        self, added: Sequence[IndexedZone[Payload]], removed: Collection[str], revision: int
    ) -> ZoneIndex[Payload]:
        """Puts a change in force, computed off the event loop: see `ZoneIndex.changed`."""
        async with self._changing:
            self._index = await asyncio.to_thread(self._index.changed, added, removed, revision)
            if self._since is not None:
                self._since.append((added, removed, revision))
            if self._index.is_scattered:
                self._scattered.set()
            return self._index

    async def keep_merged(self) -> None:
        """Merges the index off the event loop whenever it is scattered. Runs until cancelled."""
        while True:
            await self._scattered.wait()
            self._scattered.clear()
            scattered, self._since = self._index, []
            # What changes meanwhile, which may take seconds, is in force already, and is put into the merged one too.
            merged = await asyncio.to_thread(scattered.merged)
            async with self._changing:
                for added, removed, revision in self._since:
                    merged = await asyncio.to_thread(merged.changed, added, removed, revision)
                self._index, self._since = merged, None
