"""Expiry of cases: an authority that does not decide in time has not granted."""

from __future__ import annotations

import structlog

from lowsky.approvals.postgres.cases import ApprovalStore
from lowsky.clock import Clock
from lowsky.db.database import Database
from lowsky.events.relay import Relay
from lowsky.process.background import repeatedly

log = structlog.get_logger()

BATCH = 200
"""Cases that expire in one transaction: few enough that their locks are held only briefly."""


class CaseExpiry:
    """Expires overdue cases. Every worker may run it: each case is locked by one of them, and cases left behind by a
    worker that died are found by the next sweep."""

    def __init__(self, database: Database, relay: Relay, clock: Clock, *, every_s: float) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock
        self._every_s = every_s

    async def run(self) -> None:
        """Runs until cancelled."""

        async def expire() -> bool:
            return await self.sweep() == BATCH

        await repeatedly(expire, every_s=self._every_s, what="cases are not expired")

    async def sweep(self) -> int:
        """Expires one batch and returns its size."""
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
