"""The re-check in PostgreSQL: which plans a zone may affect, and up to which airspace plans have been checked again."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from lowsky.db.database import Connection
from lowsky.flightplans.domain.plan import FINAL, Extent
from lowsky.flightplans.projections.areas import StatedAreas

PageKey = tuple[datetime, str]
"""The position of a plan in the order of the re-check: its end, and its id."""


@dataclass(frozen=True, slots=True)
class Unchecked:
    """A plan that is not over and was checked against an earlier airspace."""

    id: str
    end: datetime
    zones: Collection[str] | None
    """The zones that its findings name; None if it was stored before these were recorded."""
    airspace_revision: int
    near: bool
    """Whether its box overlaps a box of the changed zones."""

    @property
    def key(self) -> PageKey:
        return self.end, self.id


class PlansToRecheck:
    """Plans that are not over and were checked against an earlier airspace."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def page(
        self, boxes: Sequence[Extent], revision: int | None, now: datetime, after: PageKey | None, limit: int
    ) -> Sequence[Unchecked]:
        """The next plans after a key, those that end first coming first; without a revision, all that are not over.

        Each page is a range of an index, however many plans there are, so that none runs into the statement timeout.
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
    """The airspace and areas of the last re-check that has begun."""

    airspace_revision: int
    areas_read: int
    areas_digest: bytes

    def overtakes(self, airspace_revision: int, areas: StatedAreas) -> bool:
        """Whether they are newer than these."""
        return self.airspace_revision > airspace_revision or areas.is_overtaken_by(self.areas_read, self.areas_digest)


@dataclass(frozen=True, slots=True)
class ToDo:
    """The work of a re-check."""

    done: int
    """The airspace revision up to which plans have been checked again."""
    areas: bool
    """Whether some plans have not been checked against these areas."""
    overtaken: bool
    """Whether another worker knows a newer airspace or newer areas, and must do the re-check."""


async def rechecks_begun(connection: Connection) -> Begun:
    """The last re-check that has begun. No later re-check begins until the end of the transaction, so that each sees
    what is committed here."""
    (row,) = await connection.fetch("SELECT begun, areas_begun, areas_digest FROM rechecks_begun()")
    return Begun(row["begun"], row["areas_begun"], row["areas_digest"])


async def areas_begun(connection: Connection) -> Begun:
    """The last re-check that has begun, whatever may begin meanwhile."""
    (row,) = await connection.fetch("SELECT begun, areas_begun, areas_digest FROM airspace_recheck")
    return Begun(row["begun"], row["areas_begun"], row["areas_digest"])


async def count_areas_anew(connection: Connection, begun: Begun, areas: StatedAreas) -> None:
    """The same areas as those of the last re-check, as counted by another topic; unless another one has begun."""
    await connection.execute(
        """UPDATE airspace_recheck
           SET areas_begun = $3::bigint, areas_done = $3::bigint - (areas_done < areas_begun)::int
           WHERE areas_begun = $1 AND areas_digest = $2""",
        begun.areas_read,
        begun.areas_digest,
        areas.read,
    )


async def begin_recheck(connection: Connection, revision: int, areas: StatedAreas) -> ToDo:
    """From now on no plan is stored that was checked against an earlier revision or earlier areas.

    Waits for submissions in progress, which hold the same lock shared; new submissions wait behind it.
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
    # Plans that were checked against a newer airspace are left to a worker that knows it.
    behind = (pending or changed) and row["begun"] > revision
    return ToDo(row["done"], areas=pending or changed, overtaken=behind)


async def end_recheck(connection: Connection, revision: int, areas: StatedAreas) -> None:
    """Records that plans have been checked again up to this revision, and against these areas."""
    await connection.execute(
        """UPDATE airspace_recheck SET done = greatest(done, $1),
                                       areas_done = CASE WHEN areas_digest = $2 THEN areas_begun ELSE areas_done END""",
        revision,
        areas.digest,
    )
