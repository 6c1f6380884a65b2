"""A process with a database."""

from __future__ import annotations

from lowsky.db.database import Database
from lowsky.db.probe import DatabaseProbe
from lowsky.health import DATABASE
from lowsky.process.config import DatabaseConfig
from lowsky.process.process import Process


async def open_database(process: Process, config: DatabaseConfig) -> Database:
    """Opens the schema named after the process: probed for health, and closed at shutdown."""
    await process.health.expect(DATABASE)
    database = await process.enter(
        Database.open(config.database_url, schema=process.name, pool_size=config.database_pool_size)
    )
    process.run(DatabaseProbe(database, process.health).run)
    return database
