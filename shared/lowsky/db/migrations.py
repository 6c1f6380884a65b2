"""Migrations: numbered SQL files, one purpose each, applied once and in order under an advisory lock, never edited.

A service's schema is first given the tables that every service has (lowsky/db/sql: outbox, inbox, requests), then its
own (lowsky/<service>/migrations).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from importlib import resources

import asyncpg

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")
_LOCK = 0x6C6F7773  # "lows"


class MigrationEdited(Exception):
    """A file that has landed was changed: what is deployed and what is written no longer agree."""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file."""

    source: str
    name: str
    sql: str

    @property
    def digest(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations_in(package: str) -> list[Migration]:
    """The migrations of a package, by number."""
    files = [entry for entry in resources.files(package).iterdir() if _NAME.fullmatch(entry.name)]
    return [Migration(package, entry.name, entry.read_text()) for entry in sorted(files, key=lambda e: e.name)]


async def migrate(url: str, schema: str) -> list[str]:
    """Brings a service's schema up to date; gives the names of what was applied.

    Raises:
        MigrationEdited: An applied migration's text differs from its file.
    """
    migrations = [*migrations_in("lowsky.db.sql"), *migrations_in(f"lowsky.{schema}.migrations")]
    connection = await asyncpg.connect(url, timeout=10)
    try:
        await connection.execute("SELECT pg_advisory_lock($1, hashtext($2))", _LOCK, schema)
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


async def _apply(connection: asyncpg.Connection, migration: Migration, digest: str | None) -> bool:
    if digest == migration.digest:
        return False
    if digest is not None:
        raise MigrationEdited(f"{migration.source}/{migration.name} was changed after it was applied")
    async with connection.transaction():
        await connection.execute("SET LOCAL lock_timeout = '5s'")
        await connection.execute(migration.sql)
        await connection.execute(
            "INSERT INTO schema_migrations (source, name, digest) VALUES ($1, $2, $3)",
            migration.source,
            migration.name,
            migration.digest,
        )
    return True
