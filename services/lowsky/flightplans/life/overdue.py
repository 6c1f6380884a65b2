"""The timer that closes plans whose time window has passed and that their operators have not ended, so that their
reservations are released."""

from __future__ import annotations

from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from lowsky.clock import Clock
from lowsky.db.database import Database
from lowsky.events.relay import Relay
from lowsky.flightplans.domain.plan import State
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.flightplans.postgres.reservations import Reservations
from lowsky.process.background import repeatedly

log = structlog.get_logger()

EVERY_S: Final = 2.0

BATCH: Final = 200
"""Plans that are locked and closed at a time: some 50 ms."""


class Overdue:
    """Every worker runs one. Each skips plans that another has locked, so that none waits and no plan is closed
    twice."""

    def __init__(self, *, database: Database, relay: Relay, clock: Clock, grace: timedelta) -> None:
        self._database = database
        self._relay = relay
        self._clock = clock
        self._grace = grace

    async def run(self) -> None:
        """Runs until cancelled."""

        async def close() -> bool:
            return await self.close_some() == BATCH

        await repeatedly(close, every_s=EVERY_S, what="overdue plans are not closed")

    async def close_some(self) -> int:
        """Closes a batch of overdue plans, the earliest first; returns how many.

        Raises:
            Unavailable: The database cannot be reached.
        """
        now = self._clock.now()
        async with self._database.transaction() as connection:
            store, reservations = FlightPlanStore(connection), Reservations(connection)
            over = await reservations.over(now - self._grace, BATCH)
            locked = await store.lock_free([str(id_) for id_ in over])
            # Before the lock a report may have extended the flight with off-nominal volumes.
            over = await reservations.over(now - self._grace, BATCH, of=[UUID(plan.id) for plan in locked])
            # A plan in a state that a later version added is left to a worker that knows it.
            closed = [
                plan
                for plan in locked
                if plan.state in State.__members__ and not plan.is_over and UUID(plan.id) in over
            ]
            for plan in closed:
                plan.close_overdue(now)
            await store.save(closed)
        if closed:
            self._relay.wake()
            log.info("overdue plans closed", plans=len(closed))
        return len(closed)
