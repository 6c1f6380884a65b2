"""Months of plans: nothing is lost when the table is divided, none is ever missing, and the old ones are put aside."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from lowsky.db import migrations
from lowsky.db.database import Database
from lowsky.db.migrations import Migration, migrate, migrations_in
from lowsky.errors import Unavailable
from lowsky.flightplans.postgres.partitions import detach, make_month, partitions
from lowsky.flightplans.postgres.plans import FlightPlanStore
from tests.integration.flightplans.months import NOW, Months, connect, count, plan_made_at, store
from tests.integration.flightplans.world import SERVICE, World
from tests.support.history import submitted_between
from tests.support.polling import eventually


async def migrate_all_but_the_division(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def undivided(package: str) -> list[Migration]:
        return [migration for migration in migrations_in(package) if migration.name != "0006_partitions.sql"]

    with monkeypatch.context() as patch:
        patch.setattr(migrations, "migrations_in", undivided)
        await migrate(url, "flightplans")


@pytest.mark.parametrize("stored", [0, 1_000])
async def test_dividing_the_table_loses_no_plan(
    empty_database: str, stored: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate_all_but_the_division(empty_database, monkeypatch)
    connection = await connect(empty_database)
    digest = "SELECT count(*), md5(string_agg(p::text, '' ORDER BY id)) FROM flight_plans p"
    try:
        now = datetime.now(UTC)
        await submitted_between(connection, now - timedelta(days=500), now + timedelta(minutes=1), stored)
        before = await connection.fetchrow(digest)
        assert await migrate(empty_database, "flightplans") == ["0006_partitions.sql"]
        assert await connection.fetchrow(digest) == before
        first, rest = await partitions(connection)
        assert await count(connection, first.name) == stored
        assert first.end == rest.start > now
        assert first.end.day == 1
        await store(connection, plan_made_at(now), plan_made_at(rest.start))
        assert await count(connection, "flight_plans_rest") == 1
        with pytest.raises(asyncpg.UniqueViolationError):
            await store(connection, plan_made_at(now))
    finally:
        await connection.close()


async def test_dividing_reckons_with_a_worker_whose_clock_was_ahead(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate_all_but_the_division(empty_database, monkeypatch)
    connection = await connect(empty_database)
    try:
        ahead = datetime.now(UTC) + timedelta(days=70)
        await store(connection, plan_made_at(ahead))
        await migrate(empty_database, "flightplans")
        first, _ = await partitions(connection)
        assert first.end > ahead
        assert await count(connection, first.name) == 1
    finally:
        await connection.close()


async def test_a_worker_that_served_while_the_table_was_divided_asks_for_one_retry(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its connections hold statements that were prepared for the table as it was."""
    await migrate_all_but_the_division(empty_database, monkeypatch)
    async with Database.open(empty_database, schema="flightplans", pool_size=1) as database:

        async def lock() -> None:
            async with database.transaction() as connection:
                await FlightPlanStore(connection).lock_free(["some"])

        await lock()
        await migrate(empty_database, "flightplans")
        with pytest.raises(Unavailable):
            await lock()
        await lock()


async def test_months_are_there_before_they_begin(months: Months) -> None:
    months.clock.time = datetime(2025, 3, 1, tzinfo=UTC)
    assert await months.job.keep() is None
    assert await months.names() == ["before_2025_01", "2025_01", "2025_02", "2025_03", "2025_04", "2025_05", "rest"]
    months.clock.time = datetime(2025, 4, 30, 23, 59, 59, tzinfo=UTC)
    await asyncio.gather(*(months.job.keep() for _ in range(5)))
    assert (await months.names())[-3:] == ["2025_06", "2025_07", "rest"]
    found = await partitions(months.connection)
    assert [one.end for one in found[:-1]] == [other.start for other in found[1:]], "no plan is without a place"


async def test_plans_lie_in_the_month_of_their_submission(months: Months) -> None:
    await months.job.keep()
    first = datetime(2026, 11, 1, tzinfo=UTC)
    await store(
        months.connection, plan_made_at(first - timedelta(milliseconds=1)), plan_made_at(first), plan_made_at(NOW)
    )
    assert (await months.count("flight_plans_2026_10"), await months.count("flight_plans_2026_11")) == (1, 2)


async def test_plans_that_came_while_nobody_made_months_are_moved_into_them(months: Months) -> None:
    await submitted_between(months.connection, datetime(2025, 11, 15, tzinfo=UTC), NOW, 2_000)
    before = await months.connection.fetch("SELECT * FROM flight_plans ORDER BY id")
    assert await months.count("flight_plans_rest") == 2_000
    assert await months.job.keep() is None
    assert await months.count("flight_plans_rest") == 0
    assert await months.connection.fetch("SELECT * FROM flight_plans WHERE id > '0' ORDER BY id") == before
    assert await months.count("flight_plans_2026_11") > 50


async def test_submissions_go_on_while_their_month_is_made(months: Months) -> None:
    stored = 0

    async def submit() -> None:
        nonlocal stored
        connection = await connect(months.url)
        try:
            while stored < 300:
                stored += 1
                await store(connection, plan_made_at(NOW, stored))
        finally:
            await connection.close()

    await asyncio.gather(submit(), submit(), submit(), months.job.keep())
    assert await months.count("flight_plans_2026_11") == await months.count() >= 300
    assert await months.count("flight_plans_rest") == 0


async def test_a_clock_that_is_years_ahead_makes_no_months_and_is_told_of(months: Months) -> None:
    ahead = plan_made_at(NOW + timedelta(days=4_000))
    await store(months.connection, ahead)
    problem = await months.job.keep()
    assert problem is not None
    assert ahead.id in problem
    assert (await months.names())[-2:] == ["2027_01", "rest"]
    assert (await FlightPlanStore(months.connection).get(ahead.name)).state == "SUBMITTED"


async def test_a_table_in_use_is_left_alone_until_the_next_time(months: Months) -> None:
    async with months.connection.transaction():
        await months.connection.fetch("SELECT FROM flight_plans")
        with pytest.raises(Unavailable):
            await months.job.keep()
    assert await months.names() == ["before_2025_01", "rest"]
    assert await months.job.keep() is None


async def test_old_months_are_put_aside_as_tables_of_their_own(months: Months) -> None:
    months.clock.time = datetime(2026, 2, 1, tzinfo=UTC)
    await months.job.keep()
    await submitted_between(months.connection, datetime(2024, 12, 1, tzinfo=UTC), months.clock.time, 420)
    months.clock.time = datetime(2026, 3, 8, tzinfo=UTC)  # 401 days after January 2025
    async with months.connection.transaction():
        reading = asyncio.create_task(months.job.keep())
        assert await months.count() == 420, "reading goes on meanwhile"
    assert await reading is None
    assert (await months.names())[0] == "2025_02"
    archived = "flight_plans_archive_before_2025_01", "flight_plans_archive_2025_01"
    assert [await months.count(table) > 20 for table in archived] == [True, True]
    assert await months.count() == 420 - sum([await months.count(table) for table in archived])


@pytest.mark.parametrize(
    "what", ["state = 'ACTIVATED'", "state = 'CONTINGENT'", "time_end = '2026-11-24 12:30Z', state = 'APPROVED'"]
)
async def test_a_month_with_a_plan_that_is_not_over_stays(months: Months, what: str) -> None:
    months.clock.time = datetime(2025, 2, 1, tzinfo=UTC)
    await months.job.keep()
    old = plan_made_at(datetime(2025, 1, 20, tzinfo=UTC))
    await store(months.connection, old)
    await months.connection.execute(f"UPDATE flight_plans SET {what}")  # noqa: S608
    months.clock.time = NOW
    await months.job.keep()
    assert (await months.names())[0] == "2025_01"
    assert (await FlightPlanStore(months.connection).get(old.name)).id == old.id
    await months.connection.execute("UPDATE flight_plans SET state = 'ENDED', time_end = time_start")
    await months.job.keep()
    assert (await months.names())[0] == "2025_10"


async def test_a_detaching_that_was_cut_off_is_finished(months: Months) -> None:
    months.clock.time = datetime(2025, 2, 1, tzinfo=UTC)
    await months.job.keep()
    first, *_ = await partitions(months.connection)
    other = await connect(months.url)
    async with other.transaction():
        await other.execute("LOCK TABLE ONLY flight_plans IN ACCESS SHARE MODE")
        await months.connection.execute("SET statement_timeout = '500ms'")
        with pytest.raises(asyncpg.QueryCanceledError):
            await detach(months.connection, first)
    await other.close()
    leaving, *_ = await partitions(months.connection)
    assert leaving.is_leaving
    await months.job.keep()
    assert "archive_before_2025_01" not in await months.names()
    assert await months.count("flight_plans_archive_before_2025_01") == 0


async def test_a_month_that_could_not_be_made_leaves_everything_as_it_was(months: Months) -> None:
    await store(months.connection, plan_made_at(NOW))
    await months.connection.execute("CREATE TABLE flight_plans_2025_01 ()")
    with pytest.raises(asyncpg.DuplicateTableError):
        await make_month(months.connection, datetime(2025, 1, 1, tzinfo=UTC))
    assert await months.names() == ["before_2025_01", "rest"]
    assert await months.count() == 1


async def test_a_worker_makes_months_as_it_starts_and_says_that_all_is_well(world: World) -> None:
    async def well() -> bool:
        return await world.installation.health(SERVICE, part="partitions") == "SERVING"

    await eventually(well)
    async with world.installation.connection() as connection:
        await connection.execute("SET search_path = flightplans")
        *made, rest = await partitions(connection)
    assert len(made) > 1
    assert rest.start > datetime.now(UTC) + timedelta(days=59), "two months ahead"
