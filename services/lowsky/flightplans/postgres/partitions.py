"""Partitions of the plans: a month of submission each (UTC), made ahead and detached when old. GROWTH.md has the whys.

    flight_plans_before_2026_12   up to where the table was partitioned
    flight_plans_2026_12          a month
    flight_plans_rest             every month that has not been made: nothing that is submitted is ever without a place

There is no DEFAULT partition: beside one PostgreSQL cannot detach CONCURRENTLY, and lists could not walk from the
newest month to the oldest and stop.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import structlog

from lowsky.clock import Clock
from lowsky.db.database import Connection, Database
from lowsky.flightplans.domain.plan import State
from lowsky.health import Health
from lowsky.ids import least_id, made_at
from lowsky.process.background import repeatedly

log = structlog.get_logger()

PART = "partitions"

AHEAD = timedelta(days=62)
"""Months that begin within this time are there: at least two, so that the job may fail for weeks before it matters."""

EVERY_S = 3_600.0
RETRY_S = 60.0
"""After a pass that did not get its lock: it held up everybody for LOCK_S, which must stay a small part of the time."""

LOCK_S = 0.5
"""How long a pass waits for everybody to be off the table, while those who come wait behind it."""

WORK_S = 300
"""How long moving rows may take, reading an old partition through, or waiting for the last transaction that sees it.
Where all is well the first moves nothing, and nobody waits for the others."""

_REST = "flight_plans_rest"
_ARCHIVE = "flight_plans_archive_"
_LOCK = 0x70617274  # "part"
_BOUNDS = re.compile(r"FOR VALUES FROM \((?:MINVALUE|'([^']+)')\) TO \((?:MAXVALUE|'([^']+)')\)")
_EVER, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_FLYING = (State.ACTIVATED, State.NONCONFORMING, State.CONTINGENT)
"""A flight in one of these is not over, whatever its plan said of its end."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A table of plans whose ids lie in [start, end)."""

    name: str
    start: datetime
    end: datetime
    is_leaving: bool = False
    """It was being detached when whoever did that was cut off: nobody sees its plans any more."""


class Partitions:
    """Keeps the partitions of one schema. Every worker runs one; whoever is first does the work."""

    def __init__(self, *, database: Database, clock: Clock, health: Health, retention: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._health = health
        self._retention = retention

    async def run(self) -> None:
        """Runs until cancelled: once an hour, or again in a minute where it could not."""
        kept_at = -EVERY_S
        loop = asyncio.get_running_loop()

        async def keep() -> bool:
            nonlocal kept_at
            if loop.time() - kept_at < EVERY_S:
                return False
            problem: str | None = "partitions are not kept for now"
            try:
                problem = await self.keep()
                kept_at = loop.time()
            finally:
                await self._health.report(PART, problem)
            return False

        await repeatedly(keep, every_s=RETRY_S, what="partitions are not kept")

    async def keep(self) -> str | None:
        """Makes what is missing and detaches what is old, unless another worker is at it; gives what is wrong still.

        Raises:
            Unavailable: The database is away, or the table is not free for a moment: what has been done stays done.
        """
        async with self._database.connection(statement_s=WORK_S) as connection:
            if await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", _LOCK, self._database.schema):
                try:
                    await connection.execute(f"SET statement_timeout = '{WORK_S}s'")
                    await self._make(connection)
                    await self._detach(connection)
                finally:
                    # A pooled connection lives on: so would the lock and the settings.
                    await connection.execute("SELECT pg_advisory_unlock_all(); RESET ALL")
            latest = await connection.fetchval(f"SELECT max(id) FROM {_REST}")  # ours
        return f"the clock of whoever made plan {latest} is months ahead" if latest else None

    async def _make(self, connection: Connection) -> None:
        *_, rest = await partitions(connection)
        start = rest.start
        while start < self._clock.now() + AHEAD:
            await make_month(connection, start)
            start = month_after(start)

    async def _detach(self, connection: Connection) -> None:
        now = self._clock.now()
        for partition in await partitions(connection):
            if partition.is_leaving:
                await connection.execute(f"ALTER TABLE flight_plans DETACH PARTITION {partition.name} FINALIZE")
                log.warning("a partition is detached whose detaching was cut off", table=partition.name)
            elif partition.end <= now - self._retention:
                plan = await not_over(connection, partition, now)
                if plan is None:
                    await detach(connection, partition)
                else:
                    log.warning("an old partition is kept: a plan is not over", table=partition.name, plan=plan)


async def partitions(connection: Connection) -> Sequence[Partition]:
    """The partitions there are, the oldest first."""
    rows = await connection.fetch(
        """SELECT relname, pg_get_expr(relpartbound, pg_class.oid) AS bounds, inhdetachpending
           FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
           WHERE inhparent = 'flight_plans'::regclass"""
    )
    found = [_partition(row["relname"], row["bounds"], row["inhdetachpending"]) for row in rows]
    return sorted(found, key=lambda partition: partition.start)


async def make_month(connection: Connection, start: datetime) -> None:
    """Gives the first month of the rest a partition of its own, and moves the plans into it that are there.

    Everybody is off the table meanwhile: for milliseconds, unless there are plans to be moved.
    """
    end = month_after(start)
    name = f"flight_plans_{start:%Y_%m}"
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_S}s'")
        # First the table and then its partition, as statements lock them: no two wait for each other in a circle.
        await connection.execute(f"ALTER TABLE flight_plans DETACH PARTITION {_REST}")
        await connection.execute(
            f"CREATE TABLE {name} PARTITION OF flight_plans "
            f"FOR VALUES FROM ('{least_id(start)}') TO ('{least_id(end)}')"
        )
        moved = await connection.fetchval(
            f"""WITH moved AS (DELETE FROM {_REST} WHERE id < $1 RETURNING *),
                     stored AS (INSERT INTO {name} SELECT * FROM moved RETURNING true)
                SELECT count(*) FROM stored""",  # names are ours
            least_id(end),
        )
        await connection.execute(
            f"ALTER TABLE flight_plans ATTACH PARTITION {_REST} FOR VALUES FROM ('{least_id(end)}') TO (MAXVALUE)"
        )
    if moved:
        log.error("plans had no month's partition: the job was away for months, or a clock is ahead", moved=moved)
    log.info("partition made", table=name)


async def not_over(connection: Connection, partition: Partition, now: datetime) -> str | None:
    """The id of a plan in a partition whose time is not over, or whose flight nobody has ended."""
    id_: str | None = await connection.fetchval(
        f"SELECT id FROM {partition.name} WHERE time_end > $1 LIMIT 1",  # names are ours
        now,
    )
    return id_ or await connection.fetchval(
        f"SELECT id FROM {partition.name} WHERE state = ANY($1::text[]) LIMIT 1",  # names are ours
        _FLYING,
    )


async def detach(connection: Connection, partition: Partition) -> None:
    """Makes a partition a table of its own, under the name of an archive. Nobody waits but us; not in a transaction."""
    archive = _ARCHIVE + partition.name.removeprefix(_ARCHIVE).removeprefix("flight_plans_")
    # Renamed first: what a pass that is cut off leaves is known by its bounds, whatever its name.
    if not partition.name.startswith(_ARCHIVE):
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_S}s'")
            await connection.execute(f"ALTER TABLE {partition.name} RENAME TO {archive}")
    # Those who come do not wait behind us here: patience costs nobody anything.
    await connection.execute(f"SET lock_timeout = '{WORK_S}s'")
    await connection.execute(f"ALTER TABLE flight_plans DETACH PARTITION {archive} CONCURRENTLY")
    log.info("partition detached", table=archive)


def month_after(start: datetime) -> datetime:
    """The first instant of the next month."""
    return (start.replace(day=1) + timedelta(days=31)).replace(day=1)


def _partition(name: str, bounds: str, is_leaving: bool) -> Partition:
    match = _BOUNDS.fullmatch(bounds)
    if match is None:
        raise ValueError(f"not a range of ids: {bounds}")
    start, end = match.groups()
    return Partition(name, made_at(start) if start else _EVER, made_at(end) if end else _NEVER, is_leaving)
