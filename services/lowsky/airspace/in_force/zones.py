"""The zones in force in an immutable index, for checks of flights.

It is read from the service's own tables, so that a check sees every import that was acknowledged before it, on any
worker. Only datasets that changed are read again, and the index is updated with their changed zones outside of the
event loop; the new index replaces the old one atomically.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import structlog

from lowsky.airspace.codec.indexed_zones import indexed
from lowsky.airspace.postgres.zones_in_force import Snapshot, present_revision, snapshot
from lowsky.db.database import Database
from lowsky.errors import Unavailable
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from lowsky.geofence.live_index import KeptIndex
from lowsky.health import Health
from lowsky.process.background import side_by_side

log = structlog.get_logger()

PART = "zones"

LOOK_S = 1.0
"""Interval between two polls for a newer airspace revision, so that a check seldom has to wait for one."""

NEWER_S_MAX = 5.0
"""How long a check waits for the zones of an import that has just ended."""


Zones = Mapping[str, IndexedZone[None]]
"""The zones of one dataset, by name."""


class InForce:
    """Keeps the index. The worker is not ready until it has first been built."""

    def __init__(self, database: Database, health: Health) -> None:
        self._database = database
        self._health = health
        self._kept: KeptIndex[None] = KeptIndex()
        self._versions: dict[str, int] = {}
        self._zones: dict[str, Zones] = {}
        self._problem = ""
        self._wanted = asyncio.Event()
        self._looked = asyncio.Event()

    async def index(self) -> ZoneIndex[None]:
        """The zones in force now, or later.

        Raises:
            Unavailable: A zone of the current revision cannot be decoded, the revision is not loaded yet, or the
                database is not reachable.
        """
        async with self._database.connection() as connection:
            revision = await present_revision(connection)
        try:
            async with asyncio.timeout(NEWER_S_MAX):
                while self._kept.index.revision < revision and not self._problem:
                    looked = self._looked
                    self._wanted.set()
                    await looked.wait()
        except TimeoutError:
            raise Unavailable(
                "NOT_CAUGHT_UP", f"the zones of airspace revision {revision} are not loaded yet", retry_after_s=1.0
            ) from None
        if self._problem:
            raise Unavailable("NOT_CAUGHT_UP", self._problem, retry_after_s=LOOK_S)
        return self._kept.index

    async def keep(self) -> None:
        """Polls for a newer airspace revision every second, and when a check waits for one. Runs until cancelled."""
        await side_by_side(self._kept.keep_merged(), self._keep_looking())

    async def _keep_looking(self) -> None:
        while True:
            self._wanted.clear()
            try:
                await self._look()
                await self._health.report(PART, None)
            except Unavailable as error:
                log.warning("the zones in force could not be read", problem=error.message)
            except Exception:
                log.exception("the zones in force could not be read")
            self._looked.set()
            self._looked = asyncio.Event()
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await self._wanted.wait()

    async def _look(self) -> None:
        async with self._database.connection() as connection:
            if await present_revision(connection) == self._kept.index.revision and not self._problem:
                return
        present = await snapshot(self._database, self._versions)
        try:
            read, added, removed = await asyncio.to_thread(_read, present, self._zones)
        except ValueError as error:
            # Only checks are refused; all other calls continue, so that an import can correct the zone.
            if not self._problem:
                log.error("a zone in force cannot be decoded", problem=str(error))
            self._problem = str(error)
            return
        index = await self._kept.change(added, removed, present.revision)
        self._zones = read
        self._versions = dict(present.versions)
        self._problem = ""
        log.info("airspace in force", revision=index.revision, zones=len(index), changed=len(added) + len(removed))


def _read(
    present: Snapshot, before: Mapping[str, Zones]
) -> tuple[dict[str, Zones], list[IndexedZone[None]], list[str]]:
    """The zones of all datasets; among them the zones that are new or changed; and the names of removed zones.

    Raises:
        ValueError: A zone cannot be decoded.
    """
    zones: dict[str, Zones] = {}
    added: list[IndexedZone[None]] = []
    removed = [name for dataset in before.keys() - present.versions for name in before[dataset]]
    for dataset in present.versions:
        known = before.get(dataset, {})
        if dataset not in present.messages:
            zones[dataset] = known
            continue
        read = {zone.name: zone for zone in indexed(present.messages[dataset])}
        # Unchanged zones stay the same objects: a second copy of a large dataset would double its memory.
        zones[dataset] = {name: known[name] if known.get(name) == zone else zone for name, zone in read.items()}
        added += [zone for name, zone in zones[dataset].items() if zone is not known.get(name)]
        removed += [name for name in known if name not in read]
    return zones, added, removed
