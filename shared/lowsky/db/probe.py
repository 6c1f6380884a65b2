"""Probes whether the database answers and can write, on its own connection, since those of the pool may all be waiting
for an answer."""

from __future__ import annotations

import asyncio
from typing import Final

import asyncpg

from lowsky.db.database import Database
from lowsky.db.driver_errors import unavailable_when_away
from lowsky.errors import Unavailable
from lowsky.health import DATABASE, Health
from lowsky.process.background import repeatedly

EVERY_S: Final = 1.0
ANSWER_S_MAX: Final = 3.0
"""A database that hangs for longer is reported as unavailable."""

WRITES_EVERY_S: Final = 30.0
"""How often to probe writing while no statement failed to write: each probe writes some rows of the catalogue."""

# A table dropped at the end of its transaction: creating it takes a new file and a page on the disk of the database.
_ALLOCATE: Final = (
    "CREATE TEMPORARY TABLE lowsky_probe ON COMMIT DROP AS SELECT repeat('x', 1000) FROM generate_series(1, 64)"
)


class DatabaseProbe:
    """Reports the part `database` to health."""

    def __init__(self, database: Database, health: Health) -> None:
        self._database = database
        self._health = health
        self._connection: asyncpg.Connection | None = None
        self._wrote_at = float("-inf")

    async def run(self) -> None:
        """Runs until cancelled."""
        try:
            await repeatedly(self._report, every_s=EVERY_S, what="the database is not probed")
        finally:
            self._drop()

    async def _report(self) -> bool:
        try:
            await self._ask()
            await self._health.report(DATABASE, None)
        except Unavailable as error:
            self._drop()
            await self._health.report(DATABASE, error.message)
        return False

    async def _ask(self) -> None:
        now = asyncio.get_running_loop().time()
        suspect = self._database.refused_writes.is_set()
        with unavailable_when_away():
            async with asyncio.timeout(ANSWER_S_MAX):
                connection = await self._connected()
                read_only = await connection.fetchval(
                    "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean"
                )
                if read_only:
                    raise asyncpg.ReadOnlySQLTransactionError
                if suspect or now - self._wrote_at > WRITES_EVERY_S:
                    async with connection.transaction():
                        await connection.execute(_ALLOCATE)
                    self._wrote_at = now
        if suspect:
            self._database.refused_writes.clear()

    async def _connected(self) -> asyncpg.Connection:
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._database.url,
                server_settings={"application_name": f"lowsky-{self._database.schema}-probe", "jit": "off"},
            )
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
