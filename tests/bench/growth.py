"""`python -m tests.bench.growth [ROWS …]`: what storing and reading plans costs with years of them stored before.

Each size is a database of its own, all in one server, measured in turns: what disturbs one disturbs all. History is
spread over the 13 months before this one. Beside it stands the same in one table without months.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from contextvars import Context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
from rich.console import Console
from rich.table import Table

from lowsky.clock import SystemClock
from lowsky.db.database import Database
from lowsky.db.migrations import migrate
from lowsky.flightplans.domain.plan import FlightPlan
from lowsky.flightplans.postgres.partitions import Partitions
from lowsky.flightplans.postgres.plans import Filter, FlightPlanStore
from lowsky.flightplans.postgres.rechecks import PlansToRecheck
from lowsky.flightplans.recheck.recheck import PAGE_SIZE
from lowsky.health import Health
from lowsky.ids import new_id
from lowsky.local.stack import Stack, infrastructure
from lowsky.rpc.paging import PAGE_BYTES_MAX
from tests.bench.measuring import size
from tests.integration.flightplans.world import flight_plan, waypoints
from tests.support.history import months_before, partitioned_since, submitted_between
from tests.support.installation import maintain

SIZES = size((0, 1_000_000), (0, 2_000))
MONTHS = 13
BATCH = 64
PAGE = 51
ROUNDS = size(300, 20)
LEGS = 18
CONTENT = flight_plan(
    waypoints=[point for step in range(5) for point in waypoints((113.5, 21.0 + 0.002 * step))][: LEGS + 1]
).SerializeToString()
AT_ONCE = size(100_000, 1_000)
"""Rows in one statement of the history."""


@dataclass
class Stored:
    """A database with so many plans of earlier months."""

    rows: int
    by_month: bool
    database: Database
    old_ids: Sequence[tuple[str, str]]
    """Some of them: operator and id."""
    recent: list[FlightPlan]

    @property
    def label(self) -> str:
        return f"{self.rows:,}" + ("" if self.by_month else " in one table")


async def history(url: str, rows: int, by_month: bool) -> Sequence[tuple[str, str]]:
    """Fills a database; gives a sample of what is in it."""
    await migrate(url, "flightplans")
    connection = await asyncpg.connect(url, server_settings={"search_path": "flightplans"})
    now = datetime.now(UTC)
    start = months_before(now, MONTHS)
    if by_month:
        await partitioned_since(connection, start)
        async with Database.open(url, schema="flightplans") as database:
            job = Partitions(database=database, clock=SystemClock(), health=Health(), retention=timedelta(days=36_500))
            await job.keep()
    end = months_before(now, 0)
    parts = rows // AT_ONCE
    for part in range(parts):
        step = (end - start) / parts
        await submitted_between(connection, start + part * step, start + (part + 1) * step, AT_ONCE, CONTENT)
    await connection.execute("VACUUM ANALYZE")
    sample = await connection.fetch("SELECT operator, id FROM flight_plans TABLESAMPLE BERNOULLI (0.1) LIMIT 1000")
    await connection.close()
    return [tuple(row) for row in sample]


def new_plan() -> FlightPlan:
    """One that begins in an hour, by one of 2 000 operators."""
    operator = f"operators/o{random.randrange(2_000)}"
    now = datetime.now(UTC)
    plan = FlightPlan(
        name=f"{operator}/flightPlans/{new_id()}",
        operator=operator,
        aircraft=f"{operator}/aircraft/a",
        content=CONTENT,
        start=now + timedelta(hours=1),
        end=now + timedelta(hours=2),
        create_time=now,
        update_time=now,
    )
    plan.assess([], 1)
    return plan


async def insert(stored: Stored) -> None:
    plans = [new_plan() for _ in range(BATCH)]
    async with stored.database.transaction() as connection:
        await FlightPlanStore(connection).add([(plan, Context()) for plan in plans], [])
    stored.recent = plans


async def get_recent(stored: Stored) -> None:
    async with stored.database.connection() as connection:
        await FlightPlanStore(connection).get(random.choice(stored.recent).name)


async def get_old(stored: Stored) -> None:
    if stored.old_ids:
        operator, id_ = random.choice(stored.old_ids)
        async with stored.database.connection() as connection:
            await FlightPlanStore(connection).get(f"{operator}/flightPlans/{id_}")


async def lock_batch(stored: Stored) -> None:
    async with stored.database.transaction() as connection:
        await FlightPlanStore(connection).lock_free([plan.id for plan in stored.recent])


async def save_assessments(stored: Stored) -> None:
    async with stored.database.transaction() as connection:
        await FlightPlanStore(connection).save(stored.recent)


async def list_own(stored: Stored) -> None:
    async with stored.database.connection() as connection:
        wanted = Filter(operator=stored.recent[0].operator)
        await FlightPlanStore(connection).list(wanted, None, PAGE, PAGE_BYTES_MAX)


async def list_all(stored: Stored) -> None:
    async with stored.database.connection() as connection:
        await FlightPlanStore(connection).list(Filter(), None, PAGE, PAGE_BYTES_MAX)


async def page_to_recheck(stored: Stored) -> None:
    """What a re-check asks of plans that are not over, anywhere."""
    async with stored.database.connection() as connection:
        now = datetime.now(UTC) + timedelta(hours=2, minutes=-1)
        await PlansToRecheck(connection).page([], 2, now, None, PAGE_SIZE)


WORK: dict[str, Callable[[Stored], Awaitable[None]]] = {
    f"store {BATCH} plans and their events": insert,
    "get one just stored": get_recent,
    "get one of long ago": get_old,
    f"lock {BATCH} just stored": lock_batch,
    f"take in new findings of {BATCH}": save_assessments,
    f"list an operator's newest {PAGE}": list_own,
    f"list everybody's newest {PAGE}": list_all,
    "first page of a re-check": page_to_recheck,
}


async def measure(variants: Sequence[Stored]) -> dict[str, dict[str, float]]:
    """Medians in ms, by work and variant."""
    times: dict[tuple[str, str], list[float]] = defaultdict(list)
    for round_ in range(ROUNDS):
        for what, do in WORK.items():
            for stored in random.sample(variants, len(variants)):
                begun = time.perf_counter()
                await do(stored)
                if round_ >= ROUNDS // 10:  # connections and statements are warm
                    times[what, stored.label].append((time.perf_counter() - begun) * 1e3)
    return {what: {v.label: statistics.median(times[what, v.label]) for v in variants} for what in WORK}


def table(medians: dict[str, dict[str, float]], variants: Sequence[Stored]) -> Table:
    """Each size as a multiple of the first."""
    rows = Table(title="With so many plans of earlier months stored (median)", title_justify="left")
    rows.add_column("what")
    rows.add_column(f"{variants[0].label}: ms", justify="right")
    for stored in variants[1:]:
        rows.add_column(f"× {stored.label}", justify="right")
    for what, of in medians.items():
        # Where nothing is stored there is nothing old to get: the next size stands for it.
        base = of[variants[WORK[what] is get_old and not variants[0].rows and len(variants) > 1].label]
        rows.add_row(what, f"{base:.2f}", *(f"{of[v.label] / base:.2f}" for v in variants[1:]))
    return rows


async def variant(exits: AsyncExitStack, stack: Stack, rows: int, by_month: bool) -> Stored:
    """A database of its own, filled; gone at the end."""
    name = f"growth_{rows}_{'months' if by_month else 'one'}"
    await maintain(stack.database_url, f'CREATE DATABASE "{name}"')
    exits.push_async_callback(maintain, stack.database_url, f'DROP DATABASE "{name}" WITH (FORCE)')
    url = urlsplit(stack.database_url)._replace(path=f"/{name}").geturl()
    sample = await history(url, rows, by_month)
    database = await exits.enter_async_context(Database.open(url, schema="flightplans", pool_size=1))
    return Stored(rows, by_month, database, sample, [])


async def main(sizes: Sequence[int] = SIZES) -> None:
    with tempfile.TemporaryDirectory(prefix="lowsky-bench-") as folder, infrastructure(Path(folder) / "state") as stack:
        async with AsyncExitStack() as exits:
            wanted = [(rows, by_month) for rows in sizes for by_month in (True, False) if by_month or rows]
            variants = [await variant(exits, stack, rows, by_month) for rows, by_month in wanted]
            await maintain(stack.database_url, "CHECKPOINT")
            Console(width=160).print(table(await measure(variants), variants))


if __name__ == "__main__":
    asyncio.run(main([int(size.replace("_", "")) for size in sys.argv[1:]] or SIZES))
