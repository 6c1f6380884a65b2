"""Reservations of airspace in PostgreSQL: found by nodes of space and time, and locked in their order."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from lowsky.db.database import Connection, array
from lowsky.db.driver_errors import StatementTimedOut
from lowsky.errors import Invalid, Unavailable
from lowsky.flightplans.postgres.airspace_locks import aircraft_keys, locks_of
from lowsky.geo.volumes.encoding import Line, from_bytes, to_bytes
from lowsky.geo.volumes.nodes import AREA_SPAN, AREAS_MAX, CELL_DEGREES, CELLS, Cover, area_of, is_area
from lowsky.geo.volumes.volumes import Volumes

Windows = Sequence[tuple[datetime, datetime]]
"""The time windows of plans, half-open: from the start of the first volume to the end of the last, to the microsecond,
as in the plans."""

LOCK_WAIT_S_MAX: Final = 3.0
"""How long a batch waits for locks on airspace. Others hold them for some milliseconds."""

_INT_MAX: Final = 2**31 - 1

_IS_LEAST: Final = np.array([True, False, True, True, False, False, True, False, True, False])
"""For the columns of `reserved` from start_ms on: whether each is a minimum, or a maximum."""


@dataclass(frozen=True, slots=True)
class Held:
    """A nearby reservation of another plan."""

    index: int
    """Of the contender, or of the part of a query."""
    plan: UUID
    priority: int
    revision: int


@dataclass(frozen=True, slots=True)
class Busy:
    """A plan that occupies the aircraft of a contender."""

    index: int
    """Of the contender."""
    plan: UUID
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class Own:
    """The reservation of a plan as it was accepted."""

    priority: int
    revision: int
    volumes: Volumes


@dataclass(frozen=True, slots=True)
class Reservation:
    """A reservation to be stored."""

    plan: UUID
    aircraft: str
    priority: int
    start: datetime
    end: datetime
    nodes: Sequence[int]
    volumes: bytes
    rows: Sequence[Sequence[int]]
    """For each node: the columns of `reserved` from start_ms on."""
    revision: int = 1
    off_nominal: int = 0


@dataclass(frozen=True, slots=True)
class Contender:
    """A plan that requests its airspace."""

    plan: UUID
    operator: str
    aircraft: str
    priority: int
    supersedes: str
    """Name of the plan that it supersedes, or empty."""
    line: Line | None = None
    """The line around which its volumes are corridors, if they are."""


def reservations_of(contenders: Sequence[Contender], volumes: Volumes, cover: Cover) -> Sequence[Reservation]:
    """The reservations of plans; owners of volumes and cover are indexes into the contenders."""
    if not contenders:
        return []
    owners = np.arange(len(contenders) + 1)
    bounds = cover.owner.searchsorted(owners).tolist()
    times = windows_of(volumes, len(contenders))
    nodes, rows = cover.node.tolist(), rows_of(cover).tolist()
    lines = {index: contender.line for index, contender in enumerate(contenders) if contender.line}
    stored = to_bytes(volumes, len(contenders), lines)
    return [
        Reservation(
            contender.plan,
            contender.aircraft,
            contender.priority,
            *times[index],
            nodes[bounds[index] : bounds[index + 1]],
            stored[index],
            rows[bounds[index] : bounds[index + 1]],
        )
        for index, contender in enumerate(contenders)
    ]


def windows_of(volumes: Volumes, count: int) -> Windows:
    """The time windows of `count` plans, whose indexes are the owners of the volumes. Each plan has volumes."""
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
    # Two moments may round to the same millisecond, which must not hide that one flight starts before another ends.
    exact[:, 0] = np.nextafter(cover.start_s * 1e3, -np.inf)
    exact[:, 1] = cover.end_s * 1e3
    exact[:, 2:6] = cover.boxes * 1e7
    exact[:, 6:] = np.minimum(np.maximum(cover.heights, -_INT_MAX), _INT_MAX)
    return np.where(_IS_LEAST, np.floor(exact), np.ceil(exact)).astype(np.int64)


def too_large(field: str, what: str) -> Invalid:
    """The error for a volume or plan that covers more areas than the limit."""
    message = f"{what} {AREAS_MAX} tiles of {CELL_DEGREES * CELLS:.2f} degrees for an hour"
    return Invalid.field(field, message, "TOO_LARGE", limit=str(AREAS_MAX))


_ASKED = ", ".join(
    f"${n}::text::{kind}[]" for n, kind in enumerate(["integer", *["bigint"] * 4, *["integer"] * 8], start=1)
)
"""The arguments of reserved_near, as _asked gives them."""


def _asked(cover: Cover) -> Iterable[str]:
    """The owners, their ranges of nodes, and the columns of `reserved` from start_ms on."""
    area = is_area(cover.node)
    # The descendants of areas, and for leaves the areas above them.
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
def _busy_when_timed_out() -> Iterator[None]:
    try:
        yield
    except StatementTimedOut:
        message = "the airspace or aircraft is locked by other submissions: try again"
        raise Unavailable("AIRSPACE_BUSY", message, retry_after_s=0.5) from None


class Reservations:
    """The reservations, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock(self, cover: Cover) -> None:
        """Locks this airspace against other decisions until the end of the transaction.

        These locks are always taken after the rows of request ids and before those of plans.

        Raises:
            Unavailable: The locks were not granted in time.
        """
        with _busy_when_timed_out():
            await self._connection.execute(
                "SELECT lock_airspace($1::text::bigint[], $2::text::boolean[])",
                *_keys(cover),
                timeout=LOCK_WAIT_S_MAX,
            )

    async def lock_aircraft(self, aircraft: str) -> None:
        """Locks this aircraft against other decisions until the end of the transaction; in the same order as lock.

        Raises:
            Unavailable: The lock was not granted in time.
        """
        with _busy_when_timed_out():
            await self._connection.execute(
                "SELECT lock_airspace($1::bigint[], ARRAY[true])",
                aircraft_keys([aircraft]).tolist(),
                timeout=LOCK_WAIT_S_MAX,
            )

    async def of_aircraft(self, aircraft: str, before: datetime) -> Sequence[UUID]:
        """Plans that are not over and occupy an aircraft, starting before a moment."""
        rows = await self._connection.fetch(
            "SELECT plan FROM reservations WHERE aircraft = $1 AND time_start < $2", aircraft, before
        )
        return [row["plan"] for row in rows]

    async def lock_and_near(
        self, contenders: Sequence[Contender], windows: Windows, cover: Cover
    ) -> tuple[Sequence[Held], Sequence[Busy]]:
        """Locks the airspace and the aircraft, then returns the nearby reservations and the plans that occupy the
        aircraft in those windows. One statement saves round trips to the database.

        Raises:
            Unavailable: As lock.
        """
        with _busy_when_timed_out():
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
        """The plans that occupy the aircraft of contenders in those windows."""
        found = await self._connection.fetch(
            """SELECT place, plan, time_start, time_end
               FROM aircraft_busy($1::text::integer[], $2::text[], $3::timestamptz[], $4::timestamptz[])""",
            *_taken(contenders, windows),
        )
        return [Busy(*row) for row in found]

    async def near(self, cover: Cover, most: int | None = None) -> Sequence[Held]:
        """The nearby reservations, which may overlap; each plan once for each owner. At most `most`, if given."""
        if not len(cover):
            return []
        found = await self._connection.fetch(
            f"SELECT place, plan, priority, revision FROM reserved_near({_ASKED}) LIMIT $14",  # names are ours
            *_asked(cover),
            most,
        )
        return [Held(*row) for row in found]

    async def volumes(self, plans: Collection[UUID]) -> Mapping[UUID, tuple[int, Volumes]]:
        """Revision and volumes of the reservations of plans; of those that still have one."""
        if not plans:
            return {}
        rows = await self._connection.fetch(
            "SELECT plan, revision, volumes FROM reservations WHERE plan = ANY($1::uuid[])", list(plans)
        )
        volumes = from_bytes([row["volumes"] for row in rows])
        return {row["plan"]: (row["revision"], its) for row, its in zip(rows, volumes, strict=True)}

    async def stored(self, plans: Collection[UUID], bytes_max: int) -> Mapping[UUID, bytes] | None:
        """The stored volumes of the reservations of plans; None if they exceed ``bytes_max`` in total."""
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
        """The reservation of a plan as it was accepted, without off-nominal volumes; None if it has none."""
        row = await self._connection.fetchrow(
            "SELECT priority, revision, off_nominal, volumes FROM reservations WHERE plan = $1", plan
        )
        if row is None:
            return None
        (volumes,) = from_bytes([row["volumes"]])
        return Own(row["priority"], row["revision"], volumes[: len(volumes) - row["off_nominal"]])

    async def replace(self, reservation: Reservation) -> None:
        """Replaces the reservation of a plan, whose row is locked."""
        await self.free([reservation.plan])
        await self.add([reservation])

    async def add(self, reservations: Sequence[Reservation]) -> None:
        """Stores the reservations of plans."""
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
            array(number for number, r in enumerate(reservations, 1) for _ in r.nodes),
            array(node for r in reservations for node in r.nodes),
            *map(array, zip(*(row for r in reservations for row in r.rows), strict=True)),
            [r.aircraft for r in reservations],
            [r.start for r in reservations],
        )

    async def free(self, plans: Sequence[UUID]) -> None:
        """Deletes the reservations of plans."""
        if not plans:
            return
        await self._connection.execute("SELECT free_airspace($1::uuid[])", plans)

    async def over(self, before: datetime, limit: int, of: Sequence[UUID] | None = None) -> Sequence[UUID]:
        """Plans that still have a reservation and whose time window has passed; only among `of`, if given."""
        rows = await self._connection.fetch(
            """SELECT plan FROM reservations WHERE time_end < $1 AND ($3::uuid[] IS NULL OR plan = ANY($3::uuid[]))
               ORDER BY time_end LIMIT $2""",
            before,
            limit,
            of,
        )
        return [row["plan"] for row in rows]
