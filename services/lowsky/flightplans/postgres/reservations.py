"""The airspace that plans hold, in PostgreSQL: found by nodes of space and time, locked in their order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from lowsky.db.away import StatementTimedOut
from lowsky.db.database import Connection, array
from lowsky.errors import Invalid, Unavailable
from lowsky.flightplans.postgres.airspace_locks import aircraft_keys, locks_of
from lowsky.geo.volumes.encoding import Line, from_bytes, to_bytes
from lowsky.geo.volumes.nodes import AREA_SPAN, AREAS_MAX, CELL_DEGREES, CELLS, Cover, area_of, is_area
from lowsky.geo.volumes.volumes import Volumes

Windows = Sequence[tuple[datetime, datetime]]
"""From when until when plans take their time, half-open: from the first of their volumes until the last, to the
microsecond, as plans state it."""

LOCK_WAIT_S_MAX: Final = 3.0
"""How long a batch waits for others that decide about the same airspace. They hold it for some milliseconds."""

_INT_MAX: Final = 2**31 - 1

_IS_LEAST: Final = np.array([True, False, True, True, False, False, True, False, True, False])
"""Of the columns of `reserved` from start_ms on: whether they are the least of something, or the greatest."""


@dataclass(frozen=True, slots=True)
class Held:
    """Something that is held near what is asked for."""

    place: int
    """Of who asks."""
    plan: UUID
    priority: int
    revision: int


@dataclass(frozen=True, slots=True)
class Busy:
    """A plan that keeps the aircraft busy of somebody who asks."""

    place: int
    """Of who asks."""
    plan: UUID
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Own:
    """What a plan holds as it was accepted."""

    priority: int
    revision: int
    volumes: Volumes


@dataclass(frozen=True, slots=True)
class Reservation:
    """What a plan is to hold."""

    plan: UUID
    aircraft: str
    priority: int
    start: datetime
    end: datetime
    nodes: Sequence[int]
    volumes: bytes
    rows: Sequence[Sequence[int]]
    """Of each node: the columns of `reserved` from start_ms on."""
    revision: int = 1
    off_nominal: int = 0


@dataclass(frozen=True, slots=True)
class Contender:
    """A plan that is to hold its airspace."""

    plan: UUID
    operator: str
    aircraft: str
    priority: int
    supersedes: str
    """Name of the plan that it takes the place of, or nothing."""
    line: Line | None = None
    """What its volumes are corridors around, where they are."""


def reservations_of(contenders: Sequence[Contender], volumes: Volumes, cover: Cover) -> Sequence[Reservation]:
    """What plans are to hold; owners of volumes and cover are their places here."""
    if not contenders:
        return []
    owners = np.arange(len(contenders) + 1)
    bounds = cover.owner.searchsorted(owners).tolist()
    times = windows_of(volumes, len(contenders))
    nodes, rows = cover.node.tolist(), rows_of(cover).tolist()
    lines = {place: contender.line for place, contender in enumerate(contenders) if contender.line}
    stored = to_bytes(volumes, len(contenders), lines)
    return [
        Reservation(
            contender.plan,
            contender.aircraft,
            contender.priority,
            *times[place],
            nodes[bounds[place] : bounds[place + 1]],
            stored[place],
            rows[bounds[place] : bounds[place + 1]],
        )
        for place, contender in enumerate(contenders)
    ]


def windows_of(volumes: Volumes, count: int) -> Windows:
    """Of so many plans, whose places the owners of the volumes are. Each has volumes."""
    if not count:
        return []
    begins = volumes.owner.searchsorted(np.arange(count))
    starts, ends = np.minimum.reduceat(volumes.start_s, begins), np.maximum.reduceat(volumes.end_s, begins)
    return [
        (datetime.fromtimestamp(start_s, UTC), datetime.fromtimestamp(end_s, UTC))
        for start_s, end_s in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def rows_of(cover: Cover) -> NDArray[np.int64]:
    """The columns of `reserved` from start_ms on, (n, 10), rounded outwards."""
    exact = np.empty((len(cover), len(_IS_LEAST)))
    # In milliseconds two moments may be one, which must not hide that one flight starts before another ends.
    exact[:, 0] = np.nextafter(cover.start_s * 1e3, -np.inf)
    exact[:, 1] = cover.end_s * 1e3
    exact[:, 2:6] = cover.boxes * 1e7
    exact[:, 6:] = np.minimum(np.maximum(cover.heights, -_INT_MAX), _INT_MAX)
    return np.where(_IS_LEAST, np.floor(exact), np.ceil(exact)).astype(np.int64)


def too_large(field: str, what: str) -> Invalid:
    """Says that something meets more areas than a plan may."""
    message = f"{what} {AREAS_MAX} tiles of {CELL_DEGREES * CELLS:.2f} degrees for an hour"
    return Invalid.field(field, message, "TOO_LARGE", limit=str(AREAS_MAX))


_ASKED = ", ".join(
    f"${n}::text::{kind}[]" for n, kind in enumerate(["integer", *["bigint"] * 4, *["integer"] * 8], start=1)
)
"""The arguments of reserved_near, as _asked gives them."""


def _asked(cover: Cover) -> Iterable[str]:
    """Who asks, between which nodes, and the columns of `reserved` from start_ms on."""
    area = is_area(cover.node)
    # What lies beneath an area, and, of leaves, the areas that they lie beneath.
    first = np.concatenate([cover.node, area_of(cover.node[~area])])
    last = np.concatenate([cover.node + np.where(area, AREA_SPAN - 1, 0), area_of(cover.node[~area])])
    rows = rows_of(cover)
    rows = np.concatenate([rows, rows[~area]])
    owner = np.concatenate([cover.owner, cover.owner[~area]])
    return map(array, (owner.tolist(), first.tolist(), last.tolist(), *rows.T.tolist()))


def _keys(cover: Cover, aircraft: Iterable[str] = ()) -> tuple[str, str]:
    """The arguments of lock_airspace."""
    keys, alone = locks_of(cover, aircraft)
    return array(keys.tolist()), "{" + ",".join("t" if one else "f" for one in alone.tolist()) + "}"


def _taken(contenders: Sequence[Contender], windows: Windows) -> tuple[object, ...]:
    """The arguments of aircraft_busy."""
    aircraft = [contender.aircraft for contender in contenders]
    return array(range(len(aircraft))), aircraft, [start for start, _ in windows], [end for _, end in windows]


@contextmanager
def _others_decide() -> Iterator[None]:
    try:
        yield
    except StatementTimedOut:
        raise Unavailable("AIRSPACE_BUSY", "others are deciding about the same airspace", retry_after_s=0.5) from None


class Reservations:
    """What is held, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, cover: Cover) -> None:
        """Nobody else decides about this airspace until the end of the transaction.

        Locks come after the rows of request ids and before those of plans, everywhere.

        Raises:
            Unavailable: Others decide about it for too long.
        """
        with _others_decide():
            await self._connection.execute(
                "SELECT lock_airspace($1::text::bigint[], $2::text::boolean[])",
                *_keys(cover),
                timeout=LOCK_WAIT_S_MAX,
            )

    async def lock_aircraft(self, aircraft: str) -> None:
        """Nobody else decides about this aircraft until the end of the transaction; as lock.

        Raises:
            Unavailable: Others decide about it for too long.
        """
        with _others_decide():
            await self._connection.execute(
                "SELECT lock_airspace($1::bigint[], ARRAY[true])",
                aircraft_keys([aircraft]).tolist(),
                timeout=LOCK_WAIT_S_MAX,
            )

    async def of_aircraft(self, aircraft: str, before: datetime) -> Sequence[UUID]:
        """Plans that are not over and keep an aircraft busy from before a moment on."""
        rows = await self._connection.fetch(
            "SELECT plan FROM reservations WHERE aircraft = $1 AND time_start < $2", aircraft, before
        )
        return [row["plan"] for row in rows]

    async def lock_and_near(
        self, contenders: Sequence[Contender], windows: Windows, cover: Cover
    ) -> tuple[Sequence[Held], Sequence[Busy]]:
        """Locks the airspace and the aircraft, then gives what is held near and what keeps the aircraft busy in those
        times: on one way to the database and back.

        Raises:
            Unavailable: As lock.
        """
        with _others_decide():
            found = await self._connection.fetch(
                f"""SELECT place, plan, priority, revision, time_start, time_end
                    FROM lock_and_near($14::text::bigint[], $15::text::boolean[], {_ASKED},
                                       $16::text::integer[], $17::text[], $18::timestamptz[], $19::timestamptz[])""",
                *_asked(cover),
                *_keys(cover, (contender.aircraft for contender in contenders)),
                *_taken(contenders, windows),
                timeout=LOCK_WAIT_S_MAX,
            )
        near = [Held(*row[:4]) for row in found if row["time_start"] is None]
        return near, [Busy(row[0], row[1], row[4], row[5]) for row in found if row["time_start"] is not None]

    async def busy(self, contenders: Sequence[Contender], windows: Windows) -> Sequence[Busy]:
        """What keeps the aircraft of contenders busy in those times."""
        found = await self._connection.fetch(
            """SELECT place, plan, time_start, time_end
               FROM aircraft_busy($1::text::integer[], $2::text[], $3::timestamptz[], $4::timestamptz[])""",
            *_taken(contenders, windows),
        )
        return [Busy(*row) for row in found]

    async def near(self, cover: Cover, most: int | None = None) -> Sequence[Held]:
        """What is held and may overlap; of each owner each plan once. No more than `most`, where that is given."""
        if not len(cover):
            return []
        found = await self._connection.fetch(
            f"SELECT place, plan, priority, revision FROM reserved_near({_ASKED}) LIMIT $14",  # likewise
            *_asked(cover),
            most,
        )
        return [Held(*row) for row in found]

    async def volumes(self, plans: Collection[UUID]) -> Mapping[UUID, tuple[int, Volumes]]:
        """Revision and volumes of what plans hold; of those that still hold something."""
        if not plans:
            return {}
        rows = await self._connection.fetch(
            "SELECT plan, revision, volumes FROM reservations WHERE plan = ANY($1::uuid[])", list(plans)
        )
        volumes = from_bytes([row["volumes"] for row in rows])
        return {row["plan"]: (row["revision"], its) for row, its in zip(rows, volumes, strict=True)}

    async def stored(self, plans: Collection[UUID], bytes_max: int) -> Mapping[UUID, bytes] | None:
        """The volumes of what plans hold, as they are stored; None where they have more than so many bytes."""
        if not plans:
            return {}
        of = list(plans)
        size = await self._connection.fetchval(
            "SELECT coalesce(sum(octet_length(volumes)), 0) FROM reservations WHERE plan = ANY($1::uuid[])", of
        )
        if size > bytes_max:
            return None
        rows = await self._connection.fetch("SELECT plan, volumes FROM reservations WHERE plan = ANY($1::uuid[])", of)
        return {row["plan"]: row["volumes"] for row in rows}

    async def own(self, plan: UUID) -> Own | None:
        """What a plan holds as it was accepted, without off-nominal volumes; None where it holds nothing."""
        row = await self._connection.fetchrow(
            "SELECT priority, revision, off_nominal, volumes FROM reservations WHERE plan = $1", plan
        )
        if row is None:
            return None
        (volumes,) = from_bytes([row["volumes"]])
        return Own(row["priority"], row["revision"], volumes[: len(volumes) - row["off_nominal"]])

    async def replace(self, reservation: Reservation) -> None:
        """A plan holds something else from now on. Its row is locked."""
        await self.free([reservation.plan])
        await self.add([reservation])

    async def add(self, reservations: Sequence[Reservation]) -> None:
        """Plans hold their airspace from now on."""
        if not reservations:
            return
        await self._connection.execute(
            """WITH held AS (
                   INSERT INTO reservations
                       (plan, priority, revision, off_nominal, time_end, nodes, volumes, aircraft, time_start)
                   SELECT plan, priority, revision, off_nominal, time_end, nodes::bigint[], volumes, aircraft,
                          time_start
                   FROM unnest($1::uuid[], $2::smallint[], $3::integer[], $4::smallint[], $5::timestamptz[],
                               $6::text[], $7::bytea[], $20::text[], $21::timestamptz[])
                     AS r (plan, priority, revision, off_nominal, time_end, nodes, volumes, aircraft, time_start))
               INSERT INTO reserved
                   (node, plan, priority, revision, start_ms, end_ms, west, south, east, north, amsl_min, amsl_max,
                    agl_min, agl_max)
               SELECT node, ($1::uuid[])[place], ($2::smallint[])[place], ($3::integer[])[place], start_ms, end_ms,
                      west, south, east, north, amsl_min, amsl_max, agl_min, agl_max
               FROM unnest($8::text::integer[], $9::text::bigint[], $10::text::bigint[], $11::text::bigint[],
                           $12::text::integer[], $13::text::integer[], $14::text::integer[], $15::text::integer[],
                           $16::text::integer[], $17::text::integer[], $18::text::integer[], $19::text::integer[])
                 AS r (place, node, start_ms, end_ms, west, south, east, north, amsl_min, amsl_max, agl_min, agl_max)
               """,
            [r.plan for r in reservations],
            [r.priority for r in reservations],
            [r.revision for r in reservations],
            [r.off_nominal for r in reservations],
            [r.end for r in reservations],
            [array(r.nodes) for r in reservations],  # arrays do not nest in unnest
            [r.volumes for r in reservations],
            array(place for place, r in enumerate(reservations, 1) for _ in r.nodes),
            array(node for r in reservations for node in r.nodes),
            *map(array, zip(*(row for r in reservations for row in r.rows), strict=True)),
            [r.aircraft for r in reservations],
            [r.start for r in reservations],
        )

    async def free(self, plans: Sequence[UUID]) -> None:
        """Plans hold nothing any more."""
        if not plans:
            return
        await self._connection.execute("SELECT free_airspace($1::uuid[])", plans)

    async def over(self, before: datetime, limit: int, of: Sequence[UUID] | None = None) -> Sequence[UUID]:
        """Plans that still hold airspace whose time has passed; of some plans, where they are given."""
        rows = await self._connection.fetch(
            """SELECT plan FROM reservations WHERE time_end < $1 AND ($3::uuid[] IS NULL OR plan = ANY($3::uuid[]))
               ORDER BY time_end LIMIT $2""",
            before,
            limit,
            of,
        )
        return [row["plan"] for row in rows]
