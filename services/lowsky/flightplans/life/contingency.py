"""The timer that makes flights CONTINGENT that have been NONCONFORMING for too long (ASTM F3548-21: more than 60 s).

The time counts from the stored moment when the flight left its plan: neither a restart nor another report that it is
still off its plan resets it; a report that it is back ends it. Findings and off-nominal volumes do not change.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import structlog

from lowsky.clock import Clock
from lowsky.db.database import Database
from lowsky.events.relay import Relay
from lowsky.flightplans.domain.plan import FlightPlan
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.process.background import repeatedly

log = structlog.get_logger()

EVERY_S: Final = 2.0

BATCH: Final = 200
"""Plans that are locked and changed at a time: some 50 ms."""


class Contingency:
    """Every worker runs one. Each skips plans that another has locked, so that none waits and no plan changes twice."""

    def __init__(self, *, database: Database, relay: Relay, clock: Clock, after: timedelta) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock
        self._after = after

    async def run(self) -> None:
        """Runs until cancelled."""

        async def move() -> bool:
            return await self.move_some() == BATCH

        await repeatedly(move, every_s=EVERY_S, what="flights that stay off their plans do not become contingent")

    async def move_some(self) -> int:
        """Makes a batch contingent, those that have been nonconforming for the longest first; returns how many.

        Raises:
            Unavailable: The database cannot be reached.
        """
        now = self._clock.now()
        async with self._database.transaction() as connection:
            store = FlightPlanStore(connection)
            locked = await store.lock_free(await store.nonconforming_since_before(now - self._after, BATCH))
            # Before the lock a flight may have been reported as back in its plan, and even as off it again.
            moved = [plan for plan in locked if _since_before(plan, now - self._after)]
            for plan in moved:
                plan.give_up_return(self._after.total_seconds(), now)
            await store.save(moved)
        if moved:
            self._relay.wake()
            log.info("flights are contingent now", plans=len(moved))
        return len(moved)


def _since_before(plan: FlightPlan, moment: datetime) -> bool:
    return plan.nonconforming_since is not None and plan.nonconforming_since < moment
