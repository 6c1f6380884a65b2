"""Authorities in PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import asyncpg

from lowsky.airspace.codec import authorities as codec
from lowsky.airspace.domain.authority import Authority, AuthorityProfile
from lowsky.db.database import Connection
from lowsky.errors import AlreadyExists, NotFound
from lowsky.events import topics
from lowsky.events.event import Event
from lowsky.events.outbox import append
from lowsky.geofence.areas import StatedArea


class AuthorityStore:
    """The authorities, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def add(self, authority: Authority) -> None:
        """Stores a new authority and its event.

        Raises:
            AlreadyExists: The name is taken.
        """
        # A violated constraint would write the name that the client chose to the database's log.
        if not await self._connection.fetchval(
            """INSERT INTO authorities
                   (name, version, create_time, update_time, display_name, country, time_zone, email, phone,
                    area, filing_horizon_days)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
               ON CONFLICT (name) DO NOTHING RETURNING true""",
            *_row(authority),
        ):
            raise AlreadyExists(f"{authority.name} is taken", field="authority_id")
        await self._emit(authority)

    async def save(self, authority: Authority) -> None:
        """Stores a change and its events."""
        await self._connection.execute(
            """UPDATE authorities SET version = $2, create_time = $3, update_time = $4, display_name = $5, country = $6,
                   time_zone = $7, email = $8, phone = $9, area = $10, filing_horizon_days = $11
               WHERE name = $1""",
            *_row(authority),
        )
        await self._emit(authority)

    async def get(self, name: str) -> Authority:
        """One authority.

        Raises:
            NotFound
        """
        return _found(name, await self._connection.fetchrow("SELECT * FROM authorities WHERE name = $1", name))

    async def get_to_change(self, name: str) -> Authority:
        """One authority, locked until the end of the transaction.

        Raises:
            NotFound
        """
        row = await self._connection.fetchrow("SELECT * FROM authorities WHERE name = $1 FOR UPDATE", name)
        return _found(name, row)

    async def list(self, after: str | None, limit: int) -> Sequence[Authority]:
        """Authorities by name, starting after `after`; without their areas, which are too large for lists."""
        rows = await self._connection.fetch(
            """SELECT name, version, create_time, update_time, display_name, country, time_zone, email, phone,
                   NULL::bytea AS area, filing_horizon_days
               FROM authorities WHERE name > $1 ORDER BY name LIMIT $2""",
            after or "",
            limit,
        )
        return [_authority(row) for row in rows]

    async def versions_with_area(self) -> dict[str, int]:
        """The versions of the authorities that state an area, by resource name."""
        rows = await self._connection.fetch("SELECT name, version FROM authorities WHERE area IS NOT NULL")
        return {row["name"]: row["version"] for row in rows}

    async def stated_areas(self) -> Sequence[StatedArea]:
        """The areas of authorities, for the geofence; in the order of their names."""
        rows = await self._connection.fetch("SELECT * FROM authorities WHERE area IS NOT NULL ORDER BY name")
        authorities = [_authority(row) for row in rows]
        return [
            StatedArea(one.name, one.profile.display_name, one.profile.area.ground, one.profile.area.open_below_m)
            for one in authorities
            if one.profile.area is not None
        ]

    async def display_names(self) -> dict[str, str]:
        """The display names of all authorities, by resource name."""
        rows = await self._connection.fetch("SELECT name, display_name FROM authorities ORDER BY name")
        return {row["name"]: row["display_name"] for row in rows}

    async def _emit(self, authority: Authority) -> None:
        await append(self._connection, list(_events(authority)))
        authority.happened.clear()


def _events(authority: Authority) -> Iterable[Event]:
    value = codec.to_event(authority)
    for what in authority.happened:
        yield Event(topics.AUTHORITIES, authority.name, f"lowsky.authority.{what}.v1", value, authority.update_time)


def _row(authority: Authority) -> tuple[object, ...]:
    profile = authority.profile
    return (
        authority.name,
        authority.version,
        authority.create_time,
        authority.update_time,
        profile.display_name,
        authority.country,
        profile.time_zone,
        profile.email,
        profile.phone,
        codec.area_to_store(profile.area),
        profile.filing_horizon_days,
    )


def _found(name: str, row: asyncpg.Record | None) -> Authority:
    if row is None:
        raise NotFound(name)
    return _authority(row)


def _authority(row: asyncpg.Record) -> Authority:
    return Authority(
        name=row["name"],
        country=row["country"],
        profile=AuthorityProfile(
            row["display_name"],
            row["time_zone"],
            row["email"],
            row["phone"],
            codec.stored_area(row["area"]),
            row["filing_horizon_days"],
        ),
        create_time=row["create_time"],
        update_time=row["update_time"],
        version=row["version"],
        happened=[],
    )
