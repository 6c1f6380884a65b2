"""The local projection of the airspace: every zone in force, as lowsky.geozones.v1 last said, in an immutable index.

Zones of an import come into force together, when the event that ends the import has been read. The index is then built
anew off the event loop and swapped in at once; a plan is checked against one revision and records which. Each zone says
since which revision it is as it is, so that the plans it touches can be checked again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from lowsky.geo.geozone import Geozone
from lowsky.geo.zone_index import IndexedZone, ZoneIndex
from lowsky.rpc.health import Health

log = structlog.get_logger()

PART = "airspace"


@dataclass(slots=True)
class _Dataset:
    """The zones of one dataset: in force, and of an import that has not ended yet."""

    in_force: dict[str, IndexedZone[int]] = field(default_factory=dict)
    coming: dict[str, Geozone | None] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)
    """Zones that nobody here understood, and why, until they are published or removed anew."""


class Airspace:
    """What is in force, and how it comes there."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._datasets: dict[str, _Dataset] = {}
        self._problems: dict[str, str] = {}
        self._revision = 0
        self._changed = asyncio.Event()
        self._index: ZoneIndex[int] = ZoneIndex([], 0)
        self._swapped = asyncio.Event()
        self._wanted = self._built = 0
        """Imports heard of, and those that the index holds."""

    @property
    def index(self) -> ZoneIndex[int]:
        """The zones in force. Its revision is 0 while nobody has published any airspace.

        The payload of a zone is the revision that brought it. A worker that reads a compacted topic anew may take a
        zone for younger than it is, never for older.
        """
        return self._index

    async def newer_than(self, revision: int) -> ZoneIndex[int]:
        """The zones in force, as soon as they are of a later revision."""
        while self._index.revision <= revision:
            await self._swapped.wait()
        return self._index

    @property
    def is_settled(self) -> bool:
        """Whether the index holds all that was heard of. A worker that starts must not decide before."""
        return self._built == self._wanted

    def zone_published(self, dataset: str, name: str, zone: Geozone) -> None:
        """Comes into force when its import ends."""
        known = self._datasets.setdefault(dataset, _Dataset())
        known.coming[name] = zone
        known.unreadable.pop(name, None)

    def zone_removed(self, dataset: str, name: str) -> None:
        """Goes when the import that left it out ends."""
        known = self._datasets.setdefault(dataset, _Dataset())
        known.coming[name] = None
        known.unreadable.pop(name, None)

    def zone_unreadable(self, dataset: str, name: str, problem: str) -> None:
        """A zone that cannot be understood must not be lost quietly, nor live on as it was: this worker stops deciding
        until the zone is published anew or removed."""
        known = self._datasets.setdefault(dataset, _Dataset())
        known.unreadable[name] = problem
        self._judge(dataset, None)

    def import_unreadable(self, dataset: str, problem: str) -> None:
        """What came with it cannot come into force: this worker stops deciding until the next import."""
        self._problems[dataset] = problem
        self._wake()

    def dataset_imported(self, dataset: str, revision: int, count: int) -> None:
        """An import ended: what came with it is in force.

        Args:
            count: How many zones the dataset has now, by its publisher's word.
        """
        known = self._datasets.setdefault(dataset, _Dataset())
        for name, zone in known.coming.items():
            before = known.in_force.get(name)
            if zone is None:
                known.in_force.pop(name, None)
            elif before is None or before.geozone != zone:
                known.in_force[name] = IndexedZone(name, zone, revision)
        known.coming.clear()
        self._revision = max(self._revision, revision)
        self._judge(dataset, count)

    def _judge(self, dataset: str, count: int | None) -> None:
        known = self._datasets[dataset]
        if known.unreadable:
            name, problem = next(iter(known.unreadable.items()))
            self._problems[dataset] = f"{name}: {problem}"
        elif count is not None and len(known.in_force) != count:
            self._problems[dataset] = f"{len(known.in_force)} zones were read of {count}"
        elif count is not None:
            self._problems.pop(dataset, None)
        self._wake()

    def _wake(self) -> None:
        self._wanted += 1
        self._changed.set()

    async def keep_index(self) -> None:
        """Builds the index whenever an import has ended. Runs until cancelled."""
        while True:
            self._changed.clear()
            heard = self._wanted
            if self._problems:
                text = "; ".join(f"{dataset}: {problem}" for dataset, problem in self._problems.items())
                log.error("the airspace is not complete", problems=self._problems)
                await self._health.report(PART, text)
            else:
                if heard:
                    await self._build()
                await self._health.report(PART, None)
            self._built = heard
            await self._changed.wait()

    async def _build(self) -> None:
        zones = [zone for dataset in self._datasets.values() for zone in dataset.in_force.values()]
        index = await asyncio.to_thread(ZoneIndex, zones, self._revision)
        self._index = index
        self._swapped.set()
        self._swapped = asyncio.Event()
        log.info("airspace in force", revision=index.revision, zones=len(zones))
