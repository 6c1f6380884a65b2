"""The areas of authorities in an immutable index, for checks of flights; read from the service's own tables, so that a
check sees every change that was acknowledged before it, on any worker."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from lowsky.airspace.postgres.authorities import AuthorityStore
from lowsky.db.database import Database
from lowsky.geofence.areas import AreaIndex


class AreasInForce:
    """Keeps the index; it is built anew when an authority that states an area has changed."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._versions: Mapping[str, int] = {}
        self._index = AreaIndex()

    async def index(self) -> AreaIndex:
        """The areas stated now.

        Raises:
            Unavailable: The database is not reachable.
        """
        async with self._database.transaction() as connection:
            await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            store = AuthorityStore(connection)
            versions = await store.versions_with_area()
            if versions == self._versions:
                return self._index
            stated = await store.stated_areas()
        index = await asyncio.to_thread(AreaIndex, stated)
        self._versions, self._index = versions, index
        return index
