"""The local projection of the airspace: every zone in force, as lowsky.geozones.v1 last said, in an immutable index.

Zones of an import come into force together, when the event that ends the import has been read. What changed is then put
into the index off the event loop, and the new one swapped in at once; a plan is checked against one revision and
records which. Each zone says since which revision it is as it is, so that the plans it touches can be checked again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from lowsky.geo.zones.geozone import Geozone
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from lowsky.geofence.kept import KeptIndex
from lowsky.health import Health
from lowsky.process.background import side_by_side

log = structlog.get_logger()

PART = "airspace"

_MEND = "import it without that zone and then with it, or upgrade this worker"
"""An import emits what it changes: so each of its zones is emitted anew."""


@dataclass(slots=True)
class _Dataset:
    """The zones of one dataset: in force, and of an import that has not ended yet."""

    in_force: dict[str, IndexedZone[int]] = field(default_factory=dict)
    coming: dict[str, Geozone | None] = field(default_factory=dict)
    """Only what differs from what is in force; None goes."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Zones that nobody here understood, and why, until an import ends that publishes or removes them."""


class Airspace:
    """What is in force, and how it comes there."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._datasets: dict[str, _Dataset] = {}
        self._problems: dict[str, str] = {}
        self._revision = 0
        self._changed = asyncio.Event()
        self._kept: KeptIndex[int] = KeptIndex()
        self._pending: dict[str, IndexedZone[int] | None] = {}
        """What changed since the index was last changed, by name; None went."""
        self._swapped = asyncio.Event()
        self._wanted = self._built = 0
        """Imports heard of, and those that the index holds."""

    @property
    def index(self) -> ZoneIndex[int]:
        """The zones in force. Its revision is 0 while nobody has published any airspace.

        The payload of a zone is the revision that brought it. A worker that reads a compacted topic anew may take a
        zone for younger than it is, never for older.
        """
        return self._kept.index

    async def newer_than(self, revision: int) -> ZoneIndex[int]:
        """The zones in force, as soon as they are of a later revision."""
        while self.index.revision <= revision:
            await self._swapped.wait()
        return self.index

    @property
    def is_settled(self) -> bool:
        """Whether the index holds all that was heard of. A worker that starts must not decide before."""
        return self._built == self._wanted

    @property
    def unsettled(self) -> str | None:
        """The same for people; None where it is settled."""
        return None if self.is_settled else "zones that were read are not in the index yet"

    def zone_published(self, dataset: str, name: str, zone: Geozone) -> None:
        """Comes into force when its import ends."""
        known = self._datasets.setdefault(dataset, _Dataset())
        before = known.in_force.get(name)
        if before is not None and before.geozone == zone and name not in known.unreadable:
            known.coming.pop(name, None)
        else:
            known.coming[name] = zone

    def zone_removed(self, dataset: str, name: str) -> None:
        """Goes when the import that left it out ends."""
        known = self._datasets.setdefault(dataset, _Dataset())
        known.coming[name] = None

    def zone_unreadable(self, dataset: str, name: str, problem: str) -> None:
        """A zone that cannot be understood must not be lost quietly, nor live on as it was: this worker stops deciding
        until the zone is published anew or removed."""
        known = self._datasets.setdefault(dataset, _Dataset())
        known.unreadable[name] = problem
        known.coming.pop(name, None)
        self._judge(dataset, None)

    def import_unreadable(self, dataset: str, problem: str) -> None:
        """What came with it cannot come into force: this worker stops deciding until the next import."""
        self._problems[dataset] = f"its import is not understood ({problem}): {_MEND}"
        self._wake()

    def dataset_imported(self, dataset: str, revision: int, count: int) -> None:
        """An import ended: what came with it is in force.

        Args:
            count: How many zones the dataset has now, by its publisher's word.
        """
        known = self._datasets.setdefault(dataset, _Dataset())
        for name, zone in known.coming.items():
            known.unreadable.pop(name, None)
            if zone is None:
                known.in_force.pop(name, None)
                self._pending[name] = None
            else:
                self._pending[name] = known.in_force[name] = IndexedZone(name, zone, revision)
        known.coming.clear()
        self._revision = max(self._revision, revision)
        self._judge(dataset, count)

    def dataset_removed(self, dataset: str) -> None:
        """It is gone with all its zones, at once: no import follows that would end it."""
        known = self._datasets.pop(dataset, _Dataset())
        self._pending |= dict.fromkeys(known.in_force)
        self._problems.pop(dataset, None)
        self._wake()

    def _judge(self, dataset: str, count: int | None) -> None:
        known = self._datasets[dataset]
        if known.unreadable:
            name, problem = next(iter(known.unreadable.items()))
            self._problems[dataset] = f"{name} is not understood ({problem}): {_MEND}"
        elif count is not None and len(known.in_force) != count:
            self._problems[dataset] = f"{len(known.in_force)} zones were read of {count}: {_MEND}"
        elif count is not None:
            self._problems.pop(dataset, None)
        self._wake()

    def _wake(self) -> None:
        self._wanted += 1
        self._changed.set()

    async def keep_index(self) -> None:
        """Changes the index whenever an import has ended. Runs until cancelled."""
        await side_by_side(self._kept.keep_merged(), self._follow())

    async def _follow(self) -> None:
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
        pending, self._pending = self._pending, {}
        added = [zone for zone in pending.values() if zone is not None]
        removed = [name for name, zone in pending.items() if zone is None]
        try:
            index = await self._kept.change(added, removed, self._revision)
        except BaseException:
            # Not lost: a zone that no index takes keeps this worker from deciding, also when this is begun again.
            self._pending = pending | self._pending
            raise
        self._swapped.set()
        self._swapped = asyncio.Event()
        log.info("airspace in force", revision=index.revision, zones=len(index), changed=len(pending))
