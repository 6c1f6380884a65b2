"""Removes restrictions that have expired."""

from __future__ import annotations

import structlog

from lowsky.airspace.postgres.datasets import IMPORT_S, DatasetStore
from lowsky.airspace.postgres.restrictions import RestrictionStore, any_over
from lowsky.clock import Clock
from lowsky.db.database import Database
from lowsky.events.relay import Relay
from lowsky.process.background import repeatedly

log = structlog.get_logger()

EVERY_S = 1.0
"""How often expired restrictions are removed. A delay has no effect on flights: the zone's own period ends in time."""

BATCH = 200
"""Restrictions that are removed in one transaction: short enough that no caller waits long for the airspace lock."""


class RestrictionExpiry:
    """Removes expired restrictions. Every worker may run it; after a crash another worker removes what is left."""

    def __init__(self, database: Database, relay: Relay, clock: Clock) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock

    async def run(self) -> None:
        """Runs until cancelled."""

        async def expire() -> bool:
            return await self.sweep() == BATCH

        await repeatedly(expire, every_s=EVERY_S, what="restrictions are not removed")

    async def sweep(self) -> int:
        """Removes one batch; returns how many restrictions were removed."""
        async with self._database.connection() as connection:
            if not await any_over(connection, self._clock.now()):
                return 0
        async with self._database.transaction(statement_s=IMPORT_S) as connection:
            revision = await DatasetStore(connection).lock_airspace()
            ended = await RestrictionStore(connection, revision).expire(self._clock.now(), BATCH)
        if ended:
            self._relay.wake()
            log.info("restrictions are over", count=len(ended))
        return len(ended)
