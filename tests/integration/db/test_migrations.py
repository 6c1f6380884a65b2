"""Migrations beside those who use the tables."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from lowsky.db import migrations
from lowsky.db.migrations import Migration, migrate
from tests.support.installation import Installation

TABLE = Migration("test", "9001_t.sql", "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 10);")
INDEX = Migration("test", "9002_i.sql", "-- concurrently\nCREATE UNIQUE INDEX CONCURRENTLY t_a ON t (a);\n")
ENDLESS = Migration("test", "9004_e.sql", "INSERT INTO t VALUES (-1); SELECT pg_sleep(3600);")
COLUMN = Migration("test", "9003_c.sql", "ALTER TABLE t ADD COLUMN b int;")


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch) -> list[Migration]:
    """What migrate finds of the service itself."""
    found: list[Migration] = [TABLE]
    monkeypatch.setattr(migrations, "migrations_in", lambda package: found if "migrations" in package else [])
    monkeypatch.setattr(migrations, "RETRY_S", 0.05)
    return found


async def test_an_index_is_built_concurrently_and_what_an_interrupted_run_left_is_built_again(
    installation: Installation, files: list[Migration]
) -> None:
    url = installation.database_url
    await migrate(url, "beside")
    async with installation.connection() as connection:
        await connection.execute("INSERT INTO beside.t VALUES (1)")  # twice: the index cannot be built
        files.append(INDEX)
        with pytest.raises(asyncpg.UniqueViolationError):
            await migrate(url, "beside")
        valid = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'beside.t_a'::regclass"
        assert await connection.fetchval(valid) is False
        await connection.execute("DELETE FROM beside.t WHERE a = 1")
        # Two at once: the one that waits must not be waited for by the index.
        applied = await asyncio.gather(migrate(url, "beside"), migrate(url, "beside"))
        assert sorted(applied) == [[], ["9002_i.sql"]]
        assert await connection.fetchval(valid) is True


async def test_a_table_in_use_is_waited_for_in_short_turns(
    installation: Installation, files: list[Migration], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "LOCK_S", 1)
    url = installation.database_url
    await migrate(url, "inuse")
    files.append(COLUMN)
    async with installation.connection() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("LOCK TABLE inuse.t IN SHARE MODE")
        running = asyncio.create_task(migrate(url, "inuse"))
        await asyncio.sleep(1.5)  # longer than one turn
        assert not running.done()
        await transaction.commit()
        assert await running == ["9003_c.sql"]


async def test_a_statement_that_takes_too_long_is_given_up_and_leaves_nothing(
    installation: Installation, files: list[Migration], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrations, "STATEMENT_S", 1)
    url = installation.database_url
    await migrate(url, "endless")
    files.append(ENDLESS)
    with pytest.raises(asyncpg.QueryCanceledError):
        async with asyncio.timeout(60):
            await migrate(url, "endless")
    async with installation.connection() as connection:
        assert await connection.fetchval("SELECT count(*) FROM endless.t WHERE a = -1") == 0
        assert await connection.fetchval("SELECT count(*) FROM endless.schema_migrations") == 1
