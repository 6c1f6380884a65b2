"""The zones in force, all of one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lowsky.airspace.postgres.zones import ZoneStore
from lowsky.db.database import Connection, Database


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is in force at a revision, and the zones of those datasets that are not as they were known."""

    revision: int
    versions: Mapping[str, int]
    """Of each dataset."""
    messages: Mapping[str, Mapping[str, bytes]]
    """Zones by name of each dataset whose version is another than the known one."""


async def present_revision(connection: Connection) -> int:
    """Of the airspace as a whole; 0 before anything is published."""
    revision: int = await connection.fetchval("SELECT revision FROM airspace")
    return revision


async def snapshot(database: Database, known: Mapping[str, int]) -> Snapshot:
    """The present state beside known versions of datasets."""
    async with database.transaction() as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        revision = await present_revision(connection)
        rows = await connection.fetch("SELECT name, version FROM datasets")
        versions = {row["name"]: row["version"] for row in rows}
        changed = [name for name, version in versions.items() if known.get(name) != version]
        store = ZoneStore(connection)
        return Snapshot(revision, versions, {name: await store.messages(name) for name in changed})
