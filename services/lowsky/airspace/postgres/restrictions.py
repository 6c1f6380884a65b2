"""Restrictions in PostgreSQL: brought into force and ended one by one, with the same events as an import."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lowsky.airspace.codec.zones import PackedZone
from lowsky.airspace.domain.dataset import Dataset
from lowsky.airspace.domain.restriction import Window, dataset_of
from lowsky.airspace.postgres.datasets import DatasetStore
from lowsky.airspace.postgres.zones import ZoneStore
from lowsky.db.database import Connection
from lowsky.errors import NotFound


@dataclass(frozen=True, slots=True)
class NewRestriction:
    """A restriction that is to come into force."""

    authority: str
    zone: PackedZone
    window: Window
    created_by: str


class RestrictionStore:
    """The restrictions, within one transaction that holds the lock of the airspace."""

    def __init__(self, connection: Connection, revision: int) -> None:
        self._connection = connection
        self._revision = revision

    async def in_force(self, authority: str) -> int:
        """The number of restrictions in force of an authority."""
        dataset = await DatasetStore(self._connection).get(dataset_of(authority))
        return dataset.geozone_count if dataset else 0

    async def add(self, drawn: NewRestriction, title: str, now: datetime) -> Dataset:
        """Brings a restriction into force; returns its dataset. `title` is used when the dataset is new."""
        await self._connection.execute(
            """INSERT INTO restrictions (name, authority, start_time, end_time, create_time, created_by)
               VALUES ($1, $2, $3, $4, $5, $6)""",
            drawn.zone.name,
            drawn.authority,
            drawn.window.start,
            drawn.window.end,
            now,
            drawn.created_by,
        )
        return await self._change(drawn.authority, [drawn.zone], [], title, now)

    async def lift(self, name: str, authority: str, lifted_by: str, now: datetime) -> bytes:
        """Ends a restriction; returns its zone as it was, lowsky.api.airspace.v1.Geozone.

        Raises:
            NotFound: It belongs to another authority, has expired, or was lifted.
        """
        ended = await self._connection.fetchval(
            """UPDATE restrictions SET removed_time = $3, lifted_by = $4
               WHERE name = $1 AND authority = $2 AND removed_time IS NULL RETURNING name""",
            name,
            authority,
            now,
            lifted_by,
        )
        if ended is None:
            raise NotFound(name)
        stored, _ = await ZoneStore(self._connection).get(name)
        await self._change(authority, [], [name], "", now)
        return stored.message

    async def expire(self, now: datetime, limit: int) -> Sequence[str]:
        """Ends restrictions whose time is over, the oldest first; returns their names."""
        rows = await self._connection.fetch(
            """UPDATE restrictions SET removed_time = $1
               WHERE name IN (SELECT name FROM restrictions WHERE removed_time IS NULL AND end_time <= $1
                              ORDER BY end_time LIMIT $2)
               RETURNING name, authority""",
            now,
            limit,
        )
        over: dict[str, list[str]] = {}
        for row in rows:
            over.setdefault(row["authority"], []).append(row["name"])
        for authority, names in sorted(over.items()):
            await self._change(authority, [], names, "", now)
        return [row["name"] for row in rows]

    async def _change(
        self, authority: str, added: Sequence[PackedZone], removed: Sequence[str], title: str, now: datetime
    ) -> Dataset:
        name, store = dataset_of(authority), DatasetStore(self._connection)
        before = await store.get(name) or Dataset(name, authority, title)
        dataset = before.imported(
            authority=authority,
            title="",
            geozone_count=before.geozone_count + len(added) - len(removed),
            airspace_revision=self._revision + 1,
            now=now,
        )
        await store.put(dataset)  # without the log of files: the table of restrictions records who changed what
        await ZoneStore(self._connection).change(dataset, added, removed, now)
        self._revision = dataset.airspace_revision
        return dataset


async def any_over(connection: Connection, now: datetime) -> bool:
    """Whether the time of a restriction in force is over; takes no lock."""
    over: bool = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM restrictions WHERE removed_time IS NULL AND end_time <= $1)", now
    )
    return over
