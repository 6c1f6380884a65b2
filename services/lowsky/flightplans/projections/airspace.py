"""The local projection of the airspace: every zone in force according to lowsky.geozones.v1, in an immutable index.

The zones of an import take effect together, when the event that ends the import has been read. The changes are then
applied to the index off the event loop, and the new index is swapped in atomically; a plan is checked against one
revision and records it. Each zone records the revision that last changed it, so that the plans that it affects can be
checked again.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

import structlog

from lowsky.geo.zones.geozone import Geozone
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from lowsky.geofence.live_index import KeptIndex
from lowsky.health import Health
from lowsky.process.background import side_by_side

log = structlog.get_logger()

PART = "airspace"

_REMEDY = "import it without that zone and then with it, or upgrade this worker"
"""An import emits only what it changes: removing and adding the zone emits it again."""


@dataclass(slots=True)
class _Dataset:
    """The zones of one dataset: those in force, and those of an import that has not ended yet."""

    in_force: dict[str, IndexedZone[int]] = field(default_factory=dict)
    coming: dict[str, Geozone | None] = field(default_factory=dict)
    """Only the differences from what is in force; None: the zone will be removed."""
    unreadable: dict[str, str] = field(default_factory=dict)
    """Zones that could not be read, and why, until an import that publishes or removes them ends."""


class Airspace:
    """The zones in force, and the changes that are not in force yet."""

    def __init__(self, health: Health) -> None:
        self._health = health
        self._datasets: dict[str, _Dataset] = {}
        self._problems: dict[str, str] = {}
        self._revision = 0
        self._changed = asyncio.Event()
        self._kept: KeptIndex[int] = KeptIndex()
        self._pending: dict[str, IndexedZone[int] | None] = {}
        """Changes since the last index, by name; None: the zone was removed."""
        self._swapped = asyncio.Event()
        self._received = self._built = 0
        """The number of changes received, and of those that the index contains."""

    @property
    def index(self) -> ZoneIndex[int]:
        """The zones in force. Its revision is 0 while no airspace has been published.

        The payload of a zone is the revision that last changed it. A worker that reads a compacted topic from the
        beginning may assign a later revision than the true one, never an earlier one.
        """
        return self._kept.index

    async def newer_than(self, revision: int) -> ZoneIndex[int]:
        """Waits for a later revision, and returns the zones in force then."""
        while self.index.revision <= revision:
            await self._swapped.wait()
        return self.index

    @property
    def is_settled(self) -> bool:
        """Whether the index contains all changes received. A starting worker must not decide before."""
        return self._built == self._received

    @property
    def unsettled(self) -> str | None:
        """The same as a text for people; None if it is settled."""
        return None if self.is_settled else "zones that were read are not in the index yet"

    def zone_published(self, dataset: str, name: str, zone: Geozone) -> None:
        """A zone takes effect when its import ends."""
        known = self._datasets.setdefault(dataset, _Dataset())
        before = known.in_force.get(name)
        if before is not None and before.geozone == zone and name not in known.unreadable:
            known.coming.pop(name, None)
        else:
            known.coming[name] = zone

    def zone_removed(self, dataset: str, name: str) -> None:
        """A zone is removed when the import that omits it ends."""
        known = self._datasets.setdefault(dataset, _Dataset())
        known.coming[name] = None

    def zone_unreadable(self, dataset: str, name: str, problem: str) -> None:
        """A zone that cannot be read must neither be lost silently nor stay in its old form: this worker stops deciding
        until the zone is published again or removed."""
        known = self._datasets.setdefault(dataset, _Dataset())
        known.unreadable[name] = problem
        known.coming.pop(name, None)
        self._judge(dataset, None)

    def import_unreadable(self, dataset: str, problem: str) -> None:
        """The changes of the import cannot take effect: this worker stops deciding until the next import."""
        self._problems[dataset] = f"its import cannot be read ({problem}): {_REMEDY}"
        self._wake()

    def dataset_imported(self, dataset: str, revision: int, count: int) -> None:
        """An import ended: its changes take effect.

        Args:
            count: The number of zones that the dataset has now, as its publisher states.
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
        """The dataset and all its zones are removed at once: no event follows that would end an import."""
        known = self._datasets.pop(dataset, _Dataset())
        self._pending |= dict.fromkeys(known.in_force)
        self._problems.pop(dataset, None)
        self._wake()

    def _judge(self, dataset: str, count: int | None) -> None:
        known = self._datasets[dataset]
        if known.unreadable:
            name, problem = next(iter(known.unreadable.items()))
            self._problems[dataset] = f"{name} cannot be read ({problem}): {_REMEDY}"
        elif count is not None and len(known.in_force) != count:
            self._problems[dataset] = f"{len(known.in_force)} zones were read of {count}: {_REMEDY}"
        elif count is not None:
            self._problems.pop(dataset, None)
        self._wake()

    def _wake(self) -> None:
        self._received += 1
        self._changed.set()

    async def keep_index(self) -> None:
        """Updates the index whenever an import has ended. Runs until cancelled."""
        await side_by_side(self._kept.keep_merged(), self._follow())

    async def _follow(self) -> None:
        while True:
            self._changed.clear()
            received = self._received
            if self._problems:
                text = "; ".join(f"{dataset}: {problem}" for dataset, problem in self._problems.items())
                log.error("the airspace is not complete", problems=self._problems)
                await self._health.report(PART, text)
            else:
                if received:
                    await self._build()
                await self._health.report(PART, None)
            self._built = received
            await self._changed.wait()

    async def _build(self) -> None:
        pending, self._pending = self._pending, {}
        added = [zone for zone in pending.values() if zone is not None]
        removed = [name for name, zone in pending.items() if zone is None]
        try:
            index = await self._kept.change(added, removed, self._revision)
        except BaseException:
            # The changes are kept: a zone that cannot be indexed stops this worker from deciding, also after a retry.
            self._pending = pending | self._pending
            raise
        self._swapped.set()
        self._swapped = asyncio.Event()
        log.info("airspace in force", revision=index.revision, zones=len(index), changed=len(pending))
