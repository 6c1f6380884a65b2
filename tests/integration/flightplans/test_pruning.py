"""What is asked of one month does not touch the others, however many there are."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import asyncpg
import pytest
import pytest_asyncio

from lowsky.db.database import Connection
from lowsky.flightplans.domain.plan import ANYWHERE
from lowsky.flightplans.postgres.plans import Filter, FlightPlanStore
from lowsky.flightplans.postgres.rechecks import PlansToRecheck, Unchecked
from tests.integration.flightplans.months import NOW, Months, plan_made_at, store
from tests.support.history import submitted_between

START = datetime(2025, 11, 1, tzinfo=UTC)
BYTES_MAX = 2**20
MONTH = "flight_plans_2026_11"
BATCH = [plan_made_at(NOW - timedelta(minutes=1), number) for number in range(64)]
EARLIER = plan_made_at(datetime(2026, 2, 20, tzinfo=UTC))


class Explaining:
    """A connection that notes which partitions each statement reads or writes."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.touched: set[str] = set()
        self.indexes: set[str] = set()

    async def fetch(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        await self.execute(statement, *values)
        return await self._connection.fetch(statement, *values)

    async def fetchrow(self, statement: str, *values: Any) -> asyncpg.Record | None:
        await self.execute(statement, *values)
        return await self._connection.fetchrow(statement, *values)

    async def set(self, setting: str) -> None:
        await self._connection.execute(f"SET LOCAL {setting}")

    async def execute(self, statement: str, *values: Any) -> None:
        explained = await self._connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *values)
        nodes = list(_nodes(json.loads(explained)[0]["Plan"]))
        self.indexes |= {node["Index Name"] for node in nodes if "Index Name" in node}
        self.touched |= {
            node["Relation Name"]
            for node in nodes
            if node["Actual Loops"] and node.get("Relation Name", "").startswith("flight_plans_")
        }


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for part in plan.get("Plans", []):
        yield from _nodes(part)


@pytest_asyncio.fixture(loop_scope="session")
async def explaining(months: Months) -> AsyncIterator[Explaining]:
    """A year of plans, and one more month under way."""
    await months.job.keep()
    await submitted_between(months.connection, START, NOW - timedelta(minutes=2), 5_200)
    await store(months.connection, EARLIER, *BATCH)
    await months.connection.execute("VACUUM ANALYZE flight_plans")
    async with months.database.transaction() as connection:
        yield Explaining(connection)


@pytest.fixture
def plans(explaining: Explaining) -> FlightPlanStore:
    return FlightPlanStore(cast(Connection, explaining))


async def test_a_plan_is_read_and_locked_in_its_month_alone(plans: FlightPlanStore, explaining: Explaining) -> None:
    await plans.get(BATCH[0].name)
    await plans.get(BATCH[0].name, lock=True)
    await plans.lock(BATCH[0].id)
    assert explaining.touched == {MONTH}
    explaining.touched.clear()
    await plans.get(EARLIER.name)
    assert explaining.touched == {"flight_plans_2026_02"}


async def test_batches_are_read_locked_and_saved_in_their_month_alone(
    plans: FlightPlanStore, explaining: Explaining
) -> None:
    ids = [plan.id for plan in BATCH]
    await PlansToRecheck(cast(Connection, explaining)).contents(ids)
    await plans.lock_free(ids)
    await plans.save(BATCH)
    await plans.save(BATCH[:1])
    assert explaining.touched == {MONTH}


async def test_lists_begin_with_the_newest_month_and_stop_where_they_are_full(
    plans: FlightPlanStore, explaining: Explaining
) -> None:
    for wanted in (Filter(), Filter(visible_operator="operators/acme", visible_authority="authorities/none")):
        explaining.touched.clear()
        found, more = await plans.list(wanted, None, 50, BYTES_MAX)
        assert [plan.id for plan in found] == [plan.id for plan in reversed(BATCH)][:50]
        assert more
        assert explaining.touched == {MONTH, "flight_plans_2026_12", "flight_plans_2027_01", "flight_plans_rest"}


async def test_what_an_authority_may_read_is_found_by_an_index(
    plans: FlightPlanStore, explaining: Explaining, months: Months
) -> None:
    few = [plan_made_at(NOW - timedelta(days=20, minutes=n), 900_000 + n) for n in range(3)]
    for plan in few:
        assert plan.touch(["authorities/few"])
    await store(months.connection, *few)
    await months.connection.execute("VACUUM ANALYZE flight_plans")
    # Months of so few plans are faster read as a whole. With a plan of the statement that is kept for all values, only
    # conditions that always restrict it use an index.
    for setting in ("plan_cache_mode = force_generic_plan", "enable_seqscan = off", "enable_indexscan = off"):
        await explaining.set(setting)
    for before, expected in ((None, few[:2]), (few[1].id, few[2:])):
        found, more = await plans.list(Filter(visible_authority="authorities/few"), before, 2, BYTES_MAX)
        assert [plan.id for plan in found] == [plan.id for plan in expected]
        assert more is (before is None)
    assert any("authorities" in index for index in explaining.indexes), explaining.indexes


async def test_the_next_page_of_a_list_does_not_come_back_to_newer_months(
    plans: FlightPlanStore, explaining: Explaining
) -> None:
    await plans.list(Filter(), EARLIER.id, 50, BYTES_MAX)
    assert explaining.touched == {"flight_plans_2026_02"}


async def test_what_a_changed_zone_asks_finds_nothing_in_old_months_by_an_index(explaining: Explaining) -> None:
    now = NOW - timedelta(hours=1)
    plans = PlansToRecheck(cast(Connection, explaining))
    assert [plan.id for plan in await plans.page([ANYWHERE], 2, now, None, 100)] == [plan.id for plan in BATCH]


async def test_a_changed_zone_asks_for_each_plan_once_however_few_a_page_holds(explaining: Explaining) -> None:
    """All plans of the batch end in the same instant."""
    now = NOW - timedelta(hours=1)
    plans = PlansToRecheck(cast(Connection, explaining))
    for boxes, near in (([ANYWHERE], True), ([(200.0, 0.0, 201.0, 1.0)], False), ([], False)):
        found: list[Unchecked] = []
        while page := await plans.page(boxes, 2, now, found[-1].key if found else None, 7):
            assert len(page) <= 7
            found += page
        assert [plan.id for plan in found] == [plan.id for plan in BATCH]
        assert {plan.near for plan in found} == {near}
    assert not await plans.page([ANYWHERE], 1, now, None, 7)


async def test_reading_one_plan_again_and_again_locks_its_month_alone(months: Months, explaining: Explaining) -> None:
    """A plan of the statement that is kept for all ids would lock every month each time."""
    async with months.database.transaction() as connection:
        for _ in range(12):
            await FlightPlanStore(connection).get(BATCH[0].name)
    async with months.database.transaction() as connection:
        await FlightPlanStore(connection).get(BATCH[0].name)
        locked = await connection.fetch(
            """SELECT relname FROM pg_locks JOIN pg_class ON pg_class.oid = relation
               WHERE pid = pg_backend_pid() AND relkind = 'r' AND relname LIKE 'flight\\_plans%'"""
        )
    assert {row["relname"] for row in locked} == {MONTH}
