"""The zones in force, in one consistent snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lowsky.airspace.postgres.zones import ZoneStore
from lowsky.db.database import Connection, Database


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The versions in force at a revision, and the zones of the datasets that changed since the known versions."""

    revision: int
    versions: Mapping[str, int]
    """The version of each dataset."""
    messages: Mapping[str, Mapping[str, bytes]]
    """Zones by name, for each dataset whose version differs from the known one."""


async def present_revision(connection: Connection) -> int:
    """The revision of the airspace as a whole; 0 before anything is published."""
    revision: int = await connection.fetchval("SELECT revision FROM airspace")
    return revision


async def snapshot(database: Database, known: Mapping[str, int]) -> Snapshot:
    """The current state, relative to known versions of datasets."""
    async with database.transaction() as connection:
        await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        revision = await present_revision(connection)
        rows = await connection.fetch("SELECT name, version FROM datasets")
        versions = {row["name"]: row["version"] for row in rows}
        changed = [name for name, version in versions.items() if known.get(name) != version]
        store = ZoneStore(connection)
        return Snapshot(revision, versions, {name: await store.messages(name) for name in changed})
