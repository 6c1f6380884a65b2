"""The local projection of the airspace: every zone in force, as lowsky.geozones.v1 last said, in an immutable index.

Zones of an import come into force together, when the event that ends the import has been read. The index is then built
anew off the event loop and swapped in at once; a plan is checked against one revision and records which.
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

    in_force: dict[str, Geozone] = field(default_factory=dict)
    coming: dict[str, Geozone | None] = field(default_factory=dict)


class Airspace:
    """What is in force, and how it comes there."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._datasets: dict[str, _Dataset] = {}
        self._problems: dict[str, str] = {}
        self._revision = 0
        self._changed = asyncio.Event()
        self._index: ZoneIndex[None] = ZoneIndex([], 0)

    @property
    def index(self) -> ZoneIndex[None]:
        """The zones in force. Its revision is 0 while nobody has published any airspace."""
        return self._index

    def zone_published(self, dataset: str, name: str, zone: Geozone) -> None:
        """Comes into force when its import ends."""
        self._datasets.setdefault(dataset, _Dataset()).coming[name] = zone

    def zone_removed(self, dataset: str, name: str) -> None:
        """Goes when the import that left it out ends."""
        self._datasets.setdefault(dataset, _Dataset()).coming[name] = None

    def zone_unreadable(self, dataset: str, name: str, problem: str) -> None:
        """A zone that cannot be understood must not be lost quietly: this worker stops deciding."""
        self._problems[dataset] = f"{name}: {problem}"

    def dataset_imported(self, dataset: str, revision: int, count: int) -> None:
        """An import ended: what came with it is in force.

        Args:
            count: How many zones the dataset has now, by its publisher's word.
        """
        known = self._datasets.setdefault(dataset, _Dataset())
        for name, zone in known.coming.items():
            if zone is None:
                known.in_force.pop(name, None)
            else:
                known.in_force[name] = zone
        known.coming.clear()
        if len(known.in_force) == count:
            self._problems.pop(dataset, None)
        else:
            self._problems[dataset] = f"{len(known.in_force)} zones were read of {count}"
        self._revision = max(self._revision, revision)
        self._changed.set()

    async def keep_index(self) -> None:
        """Builds the index whenever an import has ended. Runs until cancelled."""
        while True:
            self._changed.clear()
            if self._problems:
                text = "; ".join(f"{dataset}: {problem}" for dataset, problem in self._problems.items())
                log.error("the airspace is not complete", problems=self._problems)
                await self._health.report(PART, text)
            else:
                await self._build()
                await self._health.report(PART, None)
            await self._changed.wait()

    async def _build(self) -> None:
        if self._index.revision == self._revision:
            return
        zones = [
            IndexedZone(name, zone, None)
            for dataset in self._datasets.values()
            for name, zone in dataset.in_force.items()
        ]
        index = await asyncio.to_thread(ZoneIndex, zones, self._revision)
        self._index = index
        log.info("airspace in force", revision=index.revision, zones=len(zones))
