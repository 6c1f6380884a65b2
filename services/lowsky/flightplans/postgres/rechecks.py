"""What the re-check asks of PostgreSQL: which plans a zone may touch, and how far plans have been checked again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from lowsky.db.database import Connection
from lowsky.flightplans.domain.plan import FINAL, Extent
from lowsky.flightplans.projections.areas import StatedAreas

PageKey = tuple[datetime, str]
"""Where a plan stands in the order in which plans are checked again: when it ends, and its id."""


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A plan that is not over and was checked against an earlier airspace."""

    id: str
    end: datetime
    zones: Collection[str] | None
    """Those that its findings name; None where it was stored before that was noted."""
    airspace_revision: int
    near: bool
    """Whether its box meets a box of what changed."""

    @property
    def place(self) -> PageKey:
        return self.end, self.id


class PlansToRecheck:
    """Plans that are not over and were checked against an earlier airspace."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(
        self, boxes: Sequence[Extent], revision: int | None, now: datetime, after: PageKey | None, limit: int
    ) -> Sequence[Unchecked]:
        """The first ones after a place, or of all that are not over where there is no revision; the flights that end
        first come first.

        Each page is a range of an index, however many plans there are: none of them runs into the statement time-out.
        """
        west, south, east, north = zip(*boxes, strict=True) if boxes else ((), (), (), ())
        rows = await self._connection.fetch(
            """SELECT id, time_end, subjects, airspace_revision,
                      EXISTS (SELECT FROM unnest($7::float8[], $8::float8[], $9::float8[], $10::float8[])
                                           AS b (west, south, east, north)
                              WHERE p.min_lon <= b.east AND p.max_lon >= b.west
                                AND p.min_lat <= b.north AND p.max_lat >= b.south) AS near
               FROM flight_plans p
               WHERE time_end > $1 AND ($2::bigint IS NULL OR airspace_revision < $2) AND state <> ALL($3::text[])
                 AND (time_end, id) > ($4::timestamptz, $5::text)
               ORDER BY time_end, id LIMIT $6""",
            now,
            revision,
            sorted(FINAL),
            *(after or (now, "")),
            limit,
            west,
            south,
            east,
            north,
        )
        return [
            Unchecked(row["id"], row["time_end"], row["subjects"], row["airspace_revision"], row["near"])
            for row in rows
        ]

    async def contents(self, ids: Sequence[str]) -> Sequence[tuple[str, bytes]]:
        """Ids and contents of plans."""
        rows = await self._connection.fetch("SELECT id, content FROM flight_plans WHERE id = ANY($1::text[])", ids)
        return [(row["id"], row["content"]) for row in rows]


@dataclass(frozen=True, slots=True)
class Begun:
    """What plans are, or have been, checked again for."""

    airspace_revision: int
    areas_read: int
    areas_digest: bytes

    def overtakes(self, airspace_revision: int, areas: StatedAreas) -> bool:
        """Whether that is newer than what somebody knows."""
        return self.airspace_revision > airspace_revision or areas.is_overtaken_by(self.areas_read, self.areas_digest)


@dataclass(frozen=True, slots=True)
class ToDo:
    """What plans are to be checked again for."""

    done: int
    """The airspace revision that they have been checked again up to."""
    areas: bool
    """Whether they have not all been checked against these areas."""
    overtaken: bool
    """Whether others know more than whoever asks: it is theirs to do."""


async def rechecks_begun(connection: Connection) -> Begun:
    """What plans are, or have been, checked again for; until the end of the transaction no later re-check begins, and
    so each sees what is committed here."""
    (row,) = await connection.fetch("SELECT begun, areas_begun, areas_digest FROM rechecks_begun()")
    return Begun(row["begun"], row["areas_begun"], row["areas_digest"])


async def begin_recheck(connection: Connection, revision: int, areas: StatedAreas) -> ToDo:
    """From now on nothing is stored that was checked against an earlier revision or earlier areas.

    Waits for the submissions under way, which hold the same lock shared, and lets none pass by meanwhile.
    """
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('airspace_recheck'), hashtext(current_schema()))")
    (row,) = await connection.fetch("SELECT * FROM airspace_recheck")
    if areas.is_overtaken_by(row["areas_begun"], row["areas_digest"]):
        return ToDo(row["done"], areas=False, overtaken=True)
    pending = row["areas_done"] < row["areas_begun"]
    changed = areas.digest != row["areas_digest"]
    read = max(areas.read, row["areas_begun"])
    await connection.execute(
        """UPDATE airspace_recheck
           SET begun = greatest(begun, $1), areas_begun = $2::bigint, areas_digest = $3,
               areas_done = CASE WHEN $4::boolean THEN least(areas_done, $2::bigint - 1) ELSE $2::bigint END""",
        revision,
        read,
        areas.digest,
        pending or changed,
    )
    # Plans that were checked against a newer airspace are looked at by who knows that one.
    behind = (pending or changed) and row["begun"] > revision
    return ToDo(row["done"], areas=pending or changed, overtaken=behind)


async def end_recheck(connection: Connection, revision: int, areas: StatedAreas) -> None:
    """Plans have been checked again up to this revision, and against these areas."""
    await connection.execute(
        """UPDATE airspace_recheck SET done = greatest(done, $1),
                                       areas_done = CASE WHEN areas_digest = $2 THEN areas_begun ELSE areas_done END""",
        revision,
        areas.digest,
    )
