"""Partitions of the plans: one per month of submission (UTC), created ahead and detached when old. GROWTH.md has the
reasons.

    flight_plans_before_2026_12   up to where the table was partitioned
    flight_plans_2026_12          a month
    flight_plans_rest             all later months: so that every submission has a partition

There is no DEFAULT partition: with one PostgreSQL cannot detach CONCURRENTLY, and lists could not scan from the newest
month to the oldest and stop early.
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
"""Months that begin within this time have partitions: at least two, so that the job may fail for weeks without harm."""

EVERY_S = 3_600.0
RETRY_S = 60.0
"""Delay after a pass that did not get its lock: it blocked all others for LOCK_S, which must stay a small part of the
time."""

LOCK_S = 0.5
"""How long a pass waits for its lock on the table; new statements queue behind it meanwhile."""

WORK_S = 300
"""Time limit for moving rows, for scanning an old partition, and for waiting for the last transaction that uses it.
Normally no rows are moved, and the other two block nobody."""

_REST = "flight_plans_rest"
_ARCHIVE = "flight_plans_archive_"
_LOCK = 0x70617274  # "part"
_BOUNDS = re.compile(r"FOR VALUES FROM \((?:MINVALUE|'([^']+)')\) TO \((?:MAXVALUE|'([^']+)')\)")
_EVER, _NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
_FLYING = (State.ACTIVATED, State.NONCONFORMING, State.CONTINGENT)
"""A flight in one of these is not over, even after the end of its plan; nor is a rescinded one that is airborne."""


@dataclass(frozen=True, slots=True)
class Partition:
    """A table of plans whose ids lie in [start, end)."""

    name: str
    start: datetime
    end: datetime
    is_leaving: bool = False
    """Its detaching was interrupted: its plans are no longer visible."""


class Partitions:
    """Maintains the partitions of one schema. Every worker runs one; the first to get the lock does the work."""

    def __init__(self, *, database: Database, clock: Clock, health: Health, retention: timedelta) -> None:
        self._database = database
        self._clock = clock
        self._health = health
        self._retention = retention

    async def run(self) -> None:
        """Runs until cancelled: once an hour, or again after a minute if it failed."""
        kept_at = -EVERY_S
        loop = asyncio.get_running_loop()

        async def keep() -> bool:
            nonlocal kept_at
            if loop.time() - kept_at < EVERY_S:
                return False
            problem: str | None = "partitions could not be maintained"
            try:
                problem = await self.keep()
                kept_at = loop.time()
            finally:
                await self._health.report(PART, problem)
            return False

        await repeatedly(keep, every_s=RETRY_S, what="partitions are not maintained")

    async def keep(self) -> str | None:
        """Creates missing partitions and detaches old ones, unless another worker is doing so; returns the remaining
        problem, if any.

        Raises:
            Unavailable: The database cannot be reached, or the table was not free in time; completed steps remain.
        """
        async with self._database.connection(statement_s=WORK_S) as connection:
            if await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", _LOCK, self._database.schema):
                try:
                    await connection.execute(f"SET statement_timeout = '{WORK_S}s'")
                    await self._make(connection)
                    await self._detach(connection)
                finally:
                    # A pooled connection is reused, with its locks and settings.
                    await connection.execute("SELECT pg_advisory_unlock_all(); RESET ALL")
            latest = await connection.fetchval(f"SELECT max(id) FROM {_REST}")  # ours
        return f"the clock of the worker that stored plan {latest} is months ahead" if latest else None

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
                log.warning("an interrupted detaching was completed", table=partition.name)
            elif partition.end <= now - self._retention:
                plan = await not_over(connection, partition, now)
                if plan is None:
                    await detach(connection, partition)
                else:
                    log.warning("an old partition is kept: a plan is not over", table=partition.name, plan=plan)


async def partitions(connection: Connection) -> Sequence[Partition]:
    """The existing partitions, the oldest first."""
    rows = await connection.fetch(
        """SELECT relname, pg_get_expr(relpartbound, pg_class.oid) AS bounds, inhdetachpending
           FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
           WHERE inhparent = 'flight_plans'::regclass"""
    )
    found = [_partition(row["relname"], row["bounds"], row["inhdetachpending"]) for row in rows]
    return sorted(found, key=lambda partition: partition.start)


async def make_month(connection: Connection, start: datetime) -> None:
    """Creates a partition for the first month of `flight_plans_rest`, and moves the plans of that month into it.

    The table is locked exclusively meanwhile: for milliseconds, unless there are plans to move.
    """
    end = month_after(start)
    name = f"flight_plans_{start:%Y_%m}"
    async with connection.transaction():
        await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_S}s'")
        # First the table and then its partition, in the order in which other statements lock them, to avoid deadlocks.
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
    """The id of a plan in a partition whose time window is not over, or whose flight has not been ended."""
    id_: str | None = await connection.fetchval(
        f"SELECT id FROM {partition.name} WHERE time_end > $1 LIMIT 1",  # names are ours
        now,
    )
    return id_ or await connection.fetchval(
        f"SELECT id FROM {partition.name} WHERE state = ANY($1::text[]) OR airborne LIMIT 1",  # names are ours
        _FLYING,
    )


async def detach(connection: Connection, partition: Partition) -> None:
    """Detaches a partition to a table of its own with an archive name. It blocks nobody; not in a transaction."""
    archive = _ARCHIVE + partition.name.removeprefix(_ARCHIVE).removeprefix("flight_plans_")
    # Renamed first: after an interruption a partition is recognised by its bounds, whatever its name.
    if not partition.name.startswith(_ARCHIVE):
        async with connection.transaction():
            await connection.execute(f"SET LOCAL lock_timeout = '{LOCK_S}s'")
            await connection.execute(f"ALTER TABLE {partition.name} RENAME TO {archive}")
    # Waiting for this lock blocks no other statement, so that it may be long.
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
