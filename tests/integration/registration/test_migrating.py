"""`python -m lowsky.registration migrate`, as deployments run it."""

from __future__ import annotations

import asyncio
import sys

import pytest

from lowsky.db.migrations import MigrationEdited, migrate
from lowsky.local import processes
from lowsky.local.processes import Command
from tests.support.installation import Installation


async def test_migrations_are_applied_once_however_many_run_them_at_once(installation: Installation) -> None:
    env = {
        "LOWSKY_DATABASE_URL": installation.database_url,
        "LOWSKY_KAFKA_BOOTSTRAP": "never.asked:1",
        "LOWSKY_TOKEN_JWKS_URL": "http://never.asked",
        "LOWSKY_TOKEN_ISSUER": "http://never.asked",
    }
    commands = [
        Command(
            (sys.executable, "-m", "lowsky.registration", "migrate"), installation.log_dir / f"migrate-{n}.log", env
        )
        for n in (1, 2)
    ]
    ended = await asyncio.gather(*(asyncio.to_thread(processes.run_to_end, command, 60) for command in commands))
    assert [code for code, _ in ended] == [0, 0], ended
    async with installation.connection() as connection:
        names = [row["name"] for row in await connection.fetch("SELECT name FROM registration.schema_migrations")]
    assert {"0001_outbox.sql", "0001_operators.sql", "0002_aircraft.sql", "0003_entitlements.sql"} <= set(names)
    assert len(names) == len(set(names))
    assert await migrate(installation.database_url, "registration") == []


async def test_a_migration_that_was_edited_after_it_landed_is_refused(installation: Installation) -> None:
    await migrate(installation.database_url, "registration")
    async with installation.connection() as connection:
        await connection.execute(
            "UPDATE registration.schema_migrations SET digest = 'another' WHERE name = '0002_aircraft.sql'"
        )
    with pytest.raises(MigrationEdited, match="0002_aircraft"):
        await migrate(installation.database_url, "registration")


async def test_one_active_aircraft_per_serial_number_is_the_databases_own_rule(installation: Installation) -> None:
    """Not only a check before the insert, which two at once would both pass."""
    async with installation.connection() as connection:
        definition: str = await connection.fetchval(
            "SELECT indexdef FROM pg_indexes WHERE indexname = 'aircraft_active_serial_number'"
        )
    assert definition.startswith("CREATE UNIQUE INDEX")
    assert "'ACTIVE'" in definition
