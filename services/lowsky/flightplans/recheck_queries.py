"""What the re-check asks of PostgreSQL: which plans a zone may touch, and how far plans have been checked again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from lowsky.db.database import Connection
from lowsky.flightplans.domain.plan import RECHECKED, Extent

_CHECKED_BEFORE = "time_end > $1 AND airspace_revision < $2 AND state = ANY($3::text[])"
"""Of plans that are not over and were checked against an earlier airspace: now, revision, RECHECKED."""


class PlansToRecheck:
    """Plans that are not over and were checked against an earlier airspace."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def near(self, boxes: Sequence[Extent], revision: int, now: datetime) -> Sequence[str]:
        """The ids of plans that are not over, were checked against an earlier airspace, and whose box meets one of
        some boxes; the flights that begin first come first."""
        rows = await self._connection.fetch(
            f"""SELECT id FROM flight_plans p
                WHERE {_CHECKED_BEFORE}
                  AND EXISTS (SELECT FROM unnest($4::float8[], $5::float8[], $6::float8[], $7::float8[])
                                       AS b (west, south, east, north)
                              WHERE p.min_lon <= b.east AND p.max_lon >= b.west
                                AND p.min_lat <= b.north AND p.max_lat >= b.south)
                ORDER BY time_start, id""",
            now,
            revision,
            sorted(RECHECKED),
            *zip(*boxes, strict=True),
        )
        return [row["id"] for row in rows]

    async def zones_named(self, revision: int, now: datetime) -> frozenset[str]:
        """The zones that findings name, of plans that are not over and were checked against an earlier airspace."""
        rows = await self._connection.fetch(
            f"SELECT DISTINCT unnest(subjects) AS zone FROM flight_plans WHERE {_CHECKED_BEFORE}",
            now,
            revision,
            sorted(RECHECKED),
        )
        return frozenset(row["zone"] for row in rows)

    async def naming(self, zones: Iterable[str], revision: int, now: datetime) -> Sequence[str]:
        """The ids of those plans whose findings name one of some zones, or were stored before that was noted."""
        rows = await self._connection.fetch(
            f"""SELECT id FROM flight_plans
                WHERE {_CHECKED_BEFORE} AND (subjects && $4::text[] OR subjects IS NULL)
                ORDER BY time_start, id""",
            now,
            revision,
            sorted(RECHECKED),
            list(zones),
        )
        return [row["id"] for row in rows]

    async def contents(self, ids: Sequence[str]) -> Sequence[tuple[str, bytes]]:
        """Ids and contents of plans."""
        rows = await self._connection.fetch("SELECT id, content FROM flight_plans WHERE id = ANY($1::text[])", ids)
        return [(row["id"], row["content"]) for row in rows]


async def rechecks_begun(connection: Connection) -> int:
    """The airspace revision that plans are, or have been, checked again for; until the end of the transaction no
    later re-check begins, and so each sees what is committed here."""
    return int(await connection.fetchval("SELECT airspace_recheck_begun()"))


async def begin_recheck(connection: Connection, revision: int) -> int:
    """From now on nothing is stored that was checked against an earlier revision; gives the one that plans have been
    checked again up to.

    Waits for the submissions under way, which hold the same lock shared, and lets none pass by meanwhile.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('airspace_recheck'), hashtext(current_schema()))")
    return int(
        await connection.fetchval("UPDATE airspace_recheck SET begun = greatest(begun, $1) RETURNING done", revision)
    )


async def end_recheck(connection: Connection, revision: int) -> None:
    """Plans have been checked again up to this revision."""
    await connection.execute("UPDATE airspace_recheck SET done = greatest(done, $1)", revision)
