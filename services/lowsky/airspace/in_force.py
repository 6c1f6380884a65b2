"""The zones in force in an immutable index, for answers about flights.

It is read from the service's own tables, so that a check sees every import that was answered before it, on any worker.
Only datasets that changed are read again; the index is built off the event loop and swapped in at once.
"""

from __future__ import annotations

import asyncio

import structlog

from lowsky.airspace.codec.indexed import indexed
from lowsky.airspace.postgres.snapshot import present_revision, snapshot
from lowsky.db.database import Database
from lowsky.errors import LowskyError, Unavailable
from lowsky.geo.zone_index import IndexedZone, ZoneIndex
from lowsky.rpc.health import Health

log = structlog.get_logger()

PART = "zones"

LOOK_S = 1.0
"""Between two looks for a newer airspace, so that a check seldom has to wait for one."""

NEWER_S_MAX = 5.0
"""How long a check waits for the zones of an import that has just ended."""


class InForce:
    """Keeps the index. The worker is not ready until it has first been built."""

    def __init__(self, database: Database, health: Health) -> None:
        self._database = database
        self._health = health
        self._index: ZoneIndex[None] = ZoneIndex([], 0)
        self._versions: dict[str, int] = {}
        self._zones: dict[str, list[IndexedZone[None]]] = {}
        self._problem = ""
        self._wanted = asyncio.Event()
        self._looked = asyncio.Event()

    async def index(self) -> ZoneIndex[None]:
        """The zones in force now, or later.

        Raises:
            Unavailable: The zones of the present revision are not understood, or not yet there; the database is away.
        """
        async with self._database.connection() as connection:
            revision = await present_revision(connection)
        try:
            async with asyncio.timeout(NEWER_S_MAX):
                while self._index.revision < revision and not self._problem:
                    looked = self._looked
                    self._wanted.set()
                    await looked.wait()
        except TimeoutError:
            raise Unavailable(
                "NOT_CAUGHT_UP", f"the zones of airspace revision {revision} are not there yet", retry_after_s=1.0
            ) from None
        if self._problem:
            raise Unavailable("NOT_CAUGHT_UP", self._problem, retry_after_s=LOOK_S)
        return self._index

    async def keep(self) -> None:
        """Looks for a newer airspace every second, and when a check waits for one. Runs until cancelled."""
        while True:
            self._wanted.clear()
            try:
                await self._look()
                await self._health.report(PART, None)
            except LowskyError as error:
                log.warning("the zones in force are not read", problem=error.message)
            self._looked.set()
            self._looked = asyncio.Event()
            try:
                await asyncio.wait_for(self._wanted.wait(), LOOK_S)
            except TimeoutError:
                continue

    async def _look(self) -> None:
        async with self._database.connection() as connection:
            if await present_revision(connection) == self._index.revision and not self._problem:
                return
        present = await snapshot(self._database, self._versions)
        try:
            read = await asyncio.to_thread(lambda: {name: indexed(zones) for name, zones in present.messages.items()})
        except ValueError as error:
            # The import that mends it must go on, so that the other calls are answered: only checks are not.
            if not self._problem:
                log.error("a zone in force is not understood", problem=str(error))
            self._problem = str(error)
            return
        kept = {name: zones for name, zones in self._zones.items() if name in present.versions}
        self._zones = kept | read
        self._versions = dict(present.versions)
        zones = [zone for dataset in self._zones.values() for zone in dataset]
        self._index = await asyncio.to_thread(ZoneIndex, zones, present.revision)
        self._problem = ""
        log.info("airspace in force", revision=present.revision, zones=len(zones))
