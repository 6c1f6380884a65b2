"""A process with a database."""

from __future__ import annotations

from lowsky.db.database import Database
from lowsky.db.probe import DatabaseProbe
from lowsky.health import DATABASE
from lowsky.process.config import DatabaseConfig
from lowsky.process.process import Process


async def open_database(process: Process, config: DatabaseConfig) -> Database:
    """The schema that is called as the process is: probed for its health, and closed at the end."""
    await process.health.expect(DATABASE)
    database = await process.enter(
        Database.open(config.database_url, schema=process.name, pool_size=config.database_pool_size)
    )
    process.run(DatabaseProbe(database, process.health).run)
    return database
