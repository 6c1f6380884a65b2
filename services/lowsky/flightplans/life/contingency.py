"""The clock that makes flights CONTINGENT that have been NONCONFORMING for too long (ASTM F3548-21: more than 60 s).

It counts from the moment when the flight left its plan, which is stored: a restart does not begin anew, nor does
another report that it is still off its plan; a report that it is back ends it. Findings and off-nominal volumes stay.
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
"""Plans that are moved, and locked, at a time: some 50 ms."""


class Contingency:
    """Every worker runs one. They pass over what another one has locked, so that none waits or does it twice."""

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
        """Moves those that have been off their plans for the longest; how many.

        Raises:
            Unavailable: The database is away.
        """
        now = self._clock.now()
        async with self._database.transaction() as connection:
            store = FlightPlanStore(connection)
            locked = await store.lock_free(await store.nonconforming_since_before(now - self._after, BATCH))
            # Before it was locked a flight may have said that it is back, and even that it is off again.
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
