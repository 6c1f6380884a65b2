"""What is held near something, as of one moment, for those who ask and decide nothing. Bounded; nothing is locked."""

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
"""Flights near what is asked for, counted for each part of it: with 17 legs each, a second to read and to draw."""

BYTES_MAX: Final = 8 * 1024 * 1024
"""Of their volumes, as of 140 000 legs: two seconds in a thread."""


@dataclass(frozen=True, slots=True)
class Near:
    """A flight that may overlap what is asked for. Volumes of several such rows are the same object."""

    place: int
    """Of what is asked for."""
    plan: UUID
    volumes: Volumes


class TooManyFlights(Exception):
    """More is held there than is looked at. The message says how much, for people."""


async def taken(
    database: Database, contender: Contender, start_s: float, end_s: float
) -> Sequence[tuple[float, float]]:
    """From when until when other plans keep the aircraft of a contender busy, of those that do at some of a time; all
    in seconds since the epoch. The plan that it supersedes does not count.

    Raises:
        Unavailable: The database is away.
    """
    window = datetime.fromtimestamp(start_s, UTC), datetime.fromtimestamp(end_s, UTC)
    async with database.connection() as connection:
        busy = await Reservations(connection).busy([contender], [window])
    superseded = contender.supersedes.rpartition("/")[2]
    return [(one.start.timestamp(), one.end.timestamp()) for one in busy if str(one.plan) != superseded]


async def nearby(database: Database, cover: Cover, priority: int) -> Sequence[Near]:
    """What is held near by flights of at least a priority.

    Raises:
        TooManyFlights: It is too much.
        Unavailable: The database is away.
    """
    if not len(cover):
        return []
    async with (
        database.connection() as connection,
        # One moment for both reads: a plan that another one supersedes between them would be in neither.
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        reservations = Reservations(connection)
        near = await reservations.near(cover, FLIGHTS_MAX + 1)
        if len(near) > FLIGHTS_MAX:
            raise TooManyFlights(f"more than {FLIGHTS_MAX} flights are near")
        near = [held for held in near if held.priority >= priority]
        stored = await reservations.stored({held.plan for held in near}, BYTES_MAX)
    if stored is None:
        raise TooManyFlights(f"the flights near have more than {BYTES_MAX} bytes of volumes")

    def read() -> Sequence[Near]:
        volumes = dict(zip(stored, from_bytes(list(stored.values())), strict=True))
        return [Near(held.place, held.plan, volumes[held.plan]) for held in near if held.plan in volumes]

    return await asyncio.to_thread(read)
