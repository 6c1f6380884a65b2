"""Migrations: numbered SQL files, one purpose each, applied once and in order under an advisory lock, never edited.

A service's schema first gets the tables that every service has (lowsky/db/sql: outbox, inbox, requests), then its
own (lowsky/<service>/migrations).

**Expand, then contract.** Workers of the previous version keep running during a migration and after it, so a migration
only adds: tables, columns that are nullable or have a default, indexes, functions with a new name or the same
signature. What is no longer needed is dropped one release later, when no worker of the older version is left. Rows are
changed in batches by the service, not by a migration. `tests/unit/db/test_migration_rules.py` checks new files.

**Large tables.** An index on one is built without blocking writes: a file whose first line is `-- concurrently` holds
one `CREATE INDEX CONCURRENTLY`, which cannot run in a transaction. An interrupted run leaves an invalid index, which is
dropped and built again. PostgreSQL cannot do so on a partitioned table: create the index `ON ONLY` the table first,
then one concurrently on each partition, and attach them.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass
from importlib import resources
from typing import Final

import asyncpg
import structlog

STATEMENT_S: Final = 600
"""Time-out of a statement within a transaction: longer than a statement that locks a table may take in production."""

CONCURRENTLY_S: Final = 6 * 3600
"""Time-out for building an index concurrently: it reads the table twice, and waits for older transactions."""

LOCK_S: Final = 5
"""How long to wait for a lock, since later statements queue behind this one."""

LOCK_TRIES: Final = 12
"""After that, something holds the table permanently (a forgotten session, a dump), and a person has to end it."""

RETRY_S: Final = 2.0

log = structlog.get_logger()

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_CONCURRENTLY = re.compile(r"--[^\n]*\n(?:--[^\n]*\n)*\s*CREATE (?:UNIQUE )?INDEX CONCURRENTLY (\w+) ON [^;]+;\s*")
_LOCK = 0x6C6F7773  # "lows"


class MigrationEdited(Exception):
    """A file was changed after it was applied: the deployed schema and the file no longer agree."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    source: str
    name: str
    sql: str

    @property
    def index(self) -> str | None:
        """The index that is built concurrently; None for an ordinary file.

        Raises:
            ValueError: The file is marked as concurrent, but holds something else.
        """
        if not self.sql.startswith("-- concurrently"):
            return None
        match = _CONCURRENTLY.fullmatch(self.sql)
        if match is None:
            raise ValueError(f"{self.source}/{self.name} must hold exactly one CREATE INDEX CONCURRENTLY")
        return match[1]

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations_in(package: str) -> list[Migration]:
    """The migrations of a package, by number."""
    files = [entry for entry in resources.files(package).iterdir() if _NAME.fullmatch(entry.name)]
    return [Migration(package, entry.name, entry.read_text()) for entry in sorted(files, key=lambda e: e.name)]


async def migrate(url: str, schema: str) -> list[str]:
    """Brings a service's schema up to date; returns the names of the migrations applied.

    Raises:
        MigrationEdited: An applied migration's text differs from its file.
    """
    migrations = [*migrations_in("lowsky.db.sql"), *migrations_in(f"lowsky.{schema}.migrations")]
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await _lock_out_others(connection, schema)
        await connection.execute(f'CREATE SCHEMA IF NOT EXISTS "{schema}"')
        await connection.execute(f'SET search_path = "{schema}"')
        await connection.execute(
            """CREATE TABLE IF NOT EXISTS schema_migrations (
                   source text NOT NULL, name text NOT NULL, digest text NOT NULL,
                   applied_at timestamptz NOT NULL DEFAULT now(), PRIMARY KEY (source, name))"""
        )
        applied = {
            (row["source"], row["name"]): row["digest"]
            for row in await connection.fetch("SELECT source, name, digest FROM schema_migrations")
        }
        return [m.name for m in migrations if await _apply(connection, m, applied.get((m.source, m.name)))]
    finally:
        await connection.close()


async def _lock_out_others(connection: asyncpg.Connection, schema: str) -> None:
    """Polls for the lock: a statement that waits for it would block an index that is built concurrently."""
    while True:
        if await connection.fetchval("SELECT pg_try_advisory_lock($1, hashtext($2))", _LOCK, schema):
            return
        await asyncio.sleep(RETRY_S / 10)


async def _apply(connection: asyncpg.Connection, migration: Migration, digest: str | None) -> bool:
    if digest == migration.digest:
        return False
    if digest is not None:
        raise MigrationEdited(f"{migration.source}/{migration.name} was changed after it was applied")
    for tries_left in reversed(range(LOCK_TRIES)):
        try:
            if migration.index is None:
                await _apply_at_once(connection, migration)
            else:
                await _build(connection, migration, migration.index)
        except (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError) as error:
            if not tries_left:
                raise
            log.warning("a migration waits for a lock", name=migration.name, problem=type(error).__name__)
            await asyncio.sleep(RETRY_S)
        else:
            return True
    raise AssertionError


async def _apply_at_once(connection: asyncpg.Connection, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(
            f"SET LOCAL lock_timeout = '{LOCK_S}s'; SET LOCAL statement_timeout = '{STATEMENT_S}s'"
        )
        await connection.execute(migration.sql)
        await _note(connection, migration)


async def _build(connection: asyncpg.Connection, migration: Migration, index: str) -> None:
    """Keeps an index that is valid already: an earlier run built it, but died before it recorded that."""
    await connection.execute(f"SET lock_timeout = '{LOCK_S}s'; SET statement_timeout = '{CONCURRENTLY_S}s'")
    try:
        is_valid = await connection.fetchval(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass($1)", index
        )
        if is_valid is False:
            await connection.execute(f'DROP INDEX CONCURRENTLY "{index}"')
        if not is_valid:
            await connection.execute(migration.sql)
        await _note(connection, migration)
    finally:
        await connection.execute("RESET lock_timeout; RESET statement_timeout")


async def _note(connection: asyncpg.Connection, migration: Migration) -> None:
    await connection.execute(
        "INSERT INTO schema_migrations (source, name, digest) VALUES ($1, $2, $3)",
        migration.source,
        migration.name,
        migration.digest,
    )
