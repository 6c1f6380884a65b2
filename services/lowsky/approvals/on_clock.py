"""What time does to cases: whoever does not decide in time has not granted."""

from __future__ import annotations

import asyncio

import structlog

from lowsky.approvals.postgres import ApprovalStore
from lowsky.clock import Clock
from lowsky.db.database import Database
from lowsky.errors import Unavailable
from lowsky.events.relay import Relay

log = structlog.get_logger()

BATCH = 200
"""Cases that expire in one transaction: short enough that nobody waits long for one of them."""


class Expiry:
    """Expires what is overdue. Every worker may run it: each case is taken by one of them, and what a worker that died
    left behind is found by the next look."""

    def __init__(self, database: Database, relay: Relay, clock: Clock, *, every_s: float) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock
        self._every_s = every_s

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            try:
                expired = await self.sweep()
            except Unavailable as error:
                log.warning("cases are not expired for now", problem=error.message)
                expired = 0
            if expired < BATCH:
                await asyncio.sleep(self._every_s)

    async def sweep(self) -> int:
        """Expires one batch; gives how many there were."""
        now = self._clock.now()
        async with self._database.transaction() as connection:
            store = ApprovalStore(connection)
            overdue = await store.overdue(now, BATCH)
            for approval in overdue:
                approval.expire(now)
            if overdue:
                await store.save(overdue)
        if overdue:
            self._relay.wake()
            log.info("cases expired", count=len(overdue))
        return len(overdue)
