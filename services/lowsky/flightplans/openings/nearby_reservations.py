"""Nearby reservations at one moment, for queries that decide nothing. Bounded; nothing is locked."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from lowsky.db.database import Database
from lowsky.flightplans.postgres.reservations import Contender, Reservations
from lowsky.geo.volumes.encoding import from_bytes
from lowsky.geo.volumes.nodes import Cover
from lowsky.geo.volumes.volumes import Volumes

FLIGHTS_MAX: Final = 5_000
"""Nearby flights, counted for each part of a query: with 17 legs each, a second to read and to convert."""

BYTES_MAX: Final = 8 * 1024 * 1024
"""Bytes of their volumes, those of 140 000 legs: two seconds in a thread."""


@dataclass(frozen=True, slots=True)
class Near:
    """A flight that may overlap one part of a query. Rows of the same flight share one `volumes` object."""

    index: int
    """Of that part of the query."""
    plan: UUID
    volumes: Volumes


class TooManyFlights(Exception):
    """More is reserved nearby than a query may examine. The message states the limit, for people."""


async def taken(
    database: Database, contender: Contender, start_s: float, end_s: float
) -> Sequence[tuple[float, float]]:
    """The time windows of other plans that occupy the contender's aircraft between start and end; all in seconds since
    the epoch. The plan that it supersedes does not count.

    Raises:
        Unavailable: The database cannot be reached.
    """
    window = datetime.fromtimestamp(start_s, UTC), datetime.fromtimestamp(end_s, UTC)
    async with database.connection() as connection:
        busy = await Reservations(connection).busy([contender], [window])
    superseded = contender.supersedes.rpartition("/")[2]
    return [(one.start.timestamp(), one.end.timestamp()) for one in busy if str(one.plan) != superseded]


async def nearby(database: Database, cover: Cover, priority: int) -> Sequence[Near]:
    """The nearby reservations of flights of at least this priority.

    Raises:
        TooManyFlights: There are too many.
        Unavailable: The database cannot be reached.
    """
    if not len(cover):
        return []
    async with (
        database.connection() as connection,
        # One snapshot for both reads: otherwise a plan superseded between them, and its successor, would be in neither.
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        reservations = Reservations(connection)
        near = await reservations.near(cover, FLIGHTS_MAX + 1)
        if len(near) > FLIGHTS_MAX:
            raise TooManyFlights(f"more than {FLIGHTS_MAX} flights are nearby")
        near = [held for held in near if held.priority >= priority]
        stored = await reservations.stored({held.plan for held in near}, BYTES_MAX)
    if stored is None:
        raise TooManyFlights(f"the flights nearby have more than {BYTES_MAX} bytes of volumes")

    def read() -> Sequence[Near]:
        volumes = dict(zip(stored, from_bytes(list(stored.values())), strict=True))
        return [Near(held.index, held.plan, volumes[held.plan]) for held in near if held.plan in volumes]

    return await asyncio.to_thread(read)
