"""A worker of flightplans in an inhabited world, for each module; or a database alone, for each test."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from urllib.parse import urlsplit

import pytest_asyncio

from lowsky.db.database import Database
from lowsky.db.migrations import migrate
from lowsky.local.stack import Stack
from tests.integration.flightplans.months import Months, connect
from tests.integration.flightplans.world import SERVICE, World
from tests.support.history import partitioned_since
from tests.support.installation import Installation, maintain


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(installation: Installation) -> AsyncIterator[World]:
    """One worker, two operators, three zones."""
    new = World(installation)
    await installation.start(SERVICE)
    await new.inhabit()
    yield new


@pytest_asyncio.fixture(loop_scope="session")
async def empty_database(infrastructure: Stack) -> AsyncIterator[str]:
    """The URL of one without a schema."""
    name = f"t{secrets.token_hex(5)}"
    await maintain(infrastructure.database_url, f'CREATE DATABASE "{name}"')
    yield urlsplit(infrastructure.database_url)._replace(path=f"/{name}").geturl()
    await maintain(infrastructure.database_url, f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest_asyncio.fixture(loop_scope="session")
async def months(empty_database: str) -> AsyncIterator[Months]:
    """Without plans, partitioned since the beginning of 2025, no month made yet."""
    await migrate(empty_database, "flightplans")
    connection = await connect(empty_database)
    await partitioned_since(connection, datetime(2025, 1, 1, tzinfo=UTC))
    async with Database.open(empty_database, schema="flightplans", pool_size=2) as database:
        yield Months(empty_database, database, connection)
    await connection.close()
