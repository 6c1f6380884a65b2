"""Flights over a city of 30 km by 30 km that hold their airspace: drawn and covered by the product's own code, then
shifted by whole hours, so that a store with a million of them is there in a minute or two."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import asyncpg
import numpy as np
import shapely
from numpy.typing import NDArray

from lowsky.flightplans.postgres.reservations import Contender, reservations_of, rows_of
from lowsky.geo.heights.altitude import ANYWHERE, Datum
from lowsky.geo.volumes.encoding import Line
from lowsky.geo.volumes.height_scales import on_both_scales
from lowsky.geo.volumes.nodes import cover
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import Volumes, corridors
from lowsky.ids import new_id

LEGS = 18
BUFFER_M, ABOVE_BELOW_M, AROUND_S = 20.0, 10.0, 15.0


class Leg(NamedTuple):
    """Of a kind of flights: how long, and for how long."""

    metres: float
    seconds: float


FAR, NEAR = Leg(250.0, 17.0), Leg(100.0, 8.0)
"""Flights of 4.5 km, and of 1.8 km: of those, ten thousand find room in ten minutes."""

HEIGHTS_M = [40.0 + 30.0 * layer for layer in range(12)]
"""Above ground; layers do not touch."""

ORIGIN = (113.4, 20.9)
CITY_DEGREES = (30_000 / 111_195 / math.cos(math.radians(ORIGIN[1])), 30_000 / 111_195)
HOUR_S: Final = 3_600
HOURS = 29 * 24
"""A month, as far ahead as plans may be submitted."""

PLANS_AT_ONCE = 20_000
"""In one COPY."""

_STARTS, _ENDS = 3, 4
"""Places of the times among the columns of stored volumes, each of eight bytes a leg, after a header of five."""
_HEADER_BYTES = 5

_NODE_SHIFT: Final = 1 << 32
"""Between a node and the same one an hour later; `Flights.of` checks that."""

RESERVED = [("node", ">i8"), ("plan", "V16"), ("priority", ">i2"), ("revision", ">i4"), ("start_ms", ">i8"),
            ("end_ms", ">i8"), *((name, ">i4") for name in ("west", "south", "east", "north", "amsl_min", "amsl_max",
                                                           "agl_min", "agl_max"))]  # fmt: skip
RESERVATIONS = ("plan", "aircraft", "priority", "revision", "off_nominal", "time_start", "time_end", "nodes", "volumes")

BOXES = [("plan", "V16"), ("start_ms", ">i8"), ("end_ms", ">i8"), *((name, ">f8") for name in (
    "lower_m", "upper_m")), ("box", "V32")]  # fmt: skip
"""One row a volume, as an index of boxes in the plane would have them."""


def trajectories(count: int, leg: Leg, first_s: int, lasts_s: float, random: np.random.Generator) -> list[Trajectory]:
    """Meandering flights that take place within some time, whole seconds since the epoch."""
    headings = random.random(count)[:, None] * 2 * np.pi + np.cumsum(random.normal(0, 0.2, (count, LEGS)), axis=1)
    steps = leg.metres / 111_195 * np.stack([np.cos(headings) / math.cos(math.radians(ORIGIN[1])), np.sin(headings)])
    start = np.array(ORIGIN)[:, None] + random.random((2, count)) * np.array(CITY_DEGREES)[:, None]
    places = start[:, :, None] + np.concatenate([np.zeros((2, count, 1)), np.cumsum(steps, axis=2)], axis=2)
    leaves_s = first_s + AROUND_S + np.floor(random.random(count) * (lasts_s - LEGS * leg.seconds - 2 * AROUND_S))
    times_s = leaves_s[:, None] + leg.seconds * np.arange(LEGS + 1)
    heights_m = random.choice(HEIGHTS_M, count)
    datums = np.full(LEGS + 1, Datum.AGL.code, np.int8)
    return [
        Trajectory(
            places[0, n], places[1, n], np.full(LEGS + 1, heights_m[n]), datums, times_s[n],
            BUFFER_M, ABOVE_BELOW_M, AROUND_S,
        )
        for n in range(count)
    ]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Flights:
    """What flights hold, of any of them at any whole hour later."""

    volumes: Volumes
    nodes: NDArray[np.int64]
    rows: NDArray[np.int64]
    bounds: NDArray[np.intp]
    """Of each flight: where its nodes begin; and the end of the last one's."""
    stored: NDArray[np.uint8]
    """The volumes of each as stored, (n, bytes)."""
    times: Sequence[tuple[datetime, datetime]]
    """From when until when."""

    @classmethod
    def of(cls, flown: Sequence[Trajectory]) -> Flights:
        volumes = corridors(flown)
        boxes = shapely.bounds(volumes.outlines)
        nodes = cover(volumes, on_both_scales(volumes.altitudes, boxes, ANYWHERE))
        later = replace(volumes, start_s=volumes.start_s + HOUR_S, end_s=volumes.end_s + HOUR_S)
        moved = cover(later, on_both_scales(volumes.altitudes, boxes, ANYWHERE))
        assert (moved.node == nodes.node + _NODE_SHIFT).all(), "nodes are numbered otherwise now"
        lines = [Line(one.longitudes, one.latitudes, one.horizontal_buffer_m) for one in flown]
        contenders = [Contender(UUID(new_id()), "", "", 0, "", line) for line in lines]
        held = reservations_of(contenders, volumes, nodes)
        return cls(
            volumes,
            nodes.node,
            rows_of(nodes),
            np.searchsorted(nodes.owner, np.arange(len(flown) + 1)),
            np.frombuffer(b"".join(one.volumes for one in held), np.uint8).reshape(len(held), -1),
            [(one.start, one.end) for one in held],
        )

    def __len__(self) -> int:
        return len(self.times)

    def all_of(self, plans: NDArray[np.void], at: NDArray[np.intp], hours: NDArray[np.intp]) -> bytes:
        """Rows of `reserved` for these flights at these hours, for COPY."""
        counts = np.diff(self.bounds)[at]
        flight = np.repeat(np.arange(len(at)), counts)
        of = np.arange(len(flight)) - np.repeat(np.cumsum(counts) - counts, counts) + self.bounds[at][flight]
        rows = self.rows[of].T.copy()
        rows[:2] += hours[flight] * HOUR_S * 1_000
        columns = [self.nodes[of] + hours[flight] * _NODE_SHIFT, plans[flight], 0, 1, *rows]
        return copied(RESERVED, len(of), columns)

    def whole(self, plans: NDArray[np.void], at: NDArray[np.intp], hours: NDArray[np.intp]) -> list[tuple[object, ...]]:
        """Rows of `reservations`, each of an aircraft of its own."""
        stored = self.stored[at]
        of_time = slice(_HEADER_BYTES + 8 * LEGS * _STARTS, _HEADER_BYTES + 8 * LEGS * (_ENDS + 1))
        times = stored[:, of_time].copy().view("<f8") + (hours * HOUR_S)[:, None]
        stored[:, of_time] = times.view(np.uint8)
        return [
            (
                UUID(bytes=plan.tobytes()), f"operators/o/aircraft/{plan.tobytes().hex()}", 0, 1, 0,
                *(moment + timedelta(hours=hour) for moment in self.times[n]),
                (self.nodes[self.bounds[n] : self.bounds[n + 1]] + hour * _NODE_SHIFT).tolist(), its.tobytes(),
            )
            for plan, n, hour, its in zip(plans, at.tolist(), hours.tolist(), stored, strict=True)
        ]  # fmt: skip

    def boxes(self, plans: NDArray[np.void], at: NDArray[np.intp], hours: NDArray[np.intp]) -> bytes:
        """Rows of `boxes`."""
        of = (at[:, None] * LEGS + np.arange(LEGS)).ravel()
        later_ms = np.repeat(hours, LEGS) * HOUR_S * 1_000
        west, south, east, north = shapely.bounds(self.volumes.outlines[of]).T
        corners = np.stack([east, north, west, south], axis=1).astype(">f8").view("V32")[:, 0]
        times = [side[of] * 1e3 + later_ms for side in (self.volumes.start_s, self.volumes.end_s)]
        columns = [np.repeat(plans, LEGS), *times, self.volumes.lower_m[of], self.volumes.upper_m[of], corners]
        return copied(BOXES, len(of), columns)


def copied(fields: Sequence[tuple[str, str]], count: int, columns: Sequence[Any]) -> bytes:
    """Columns of a fixed size as the rows of a binary COPY, without its head and end."""
    row = [("fields", ">i2"), *(part for name, kind in fields for part in ((f"{name}_bytes", ">i4"), (name, kind)))]
    rows = np.zeros(count, dtype=row)
    rows["fields"] = len(fields)
    for (name, kind), values in zip(fields, columns, strict=True):
        rows[f"{name}_bytes"] = np.dtype(kind).itemsize
        rows[name] = values
    return rows.tobytes()


async def fill(connection: asyncpg.Connection, flights: Flights, count: int, random: np.random.Generator) -> None:
    """Stores so many plans, each flight at hours of its own where there are more plans than flights; in an order that
    has nothing to do with when they fly. Tables keep their indexes, which are built at the end."""
    turn, at = np.divmod(random.permutation(count), len(flights))
    hours = (random.integers(0, HOURS, len(flights))[at] + 37 * turn) % HOURS  # 37 and 696 have no divisor in common
    if count <= len(flights):
        hours = np.zeros(count, np.intp)
    await connection.execute(
        """ALTER TABLE reserved DROP CONSTRAINT reserved_pkey;
           DROP INDEX reservations_time_end, reservations_aircraft"""
    )
    for first in range(0, count, PLANS_AT_ONCE):
        some = slice(first, first + PLANS_AT_ONCE)
        plans = plan_ids(len(at[some]), random)
        await _copy(connection, "reserved", flights.all_of(plans, at[some], hours[some]))
        await connection.copy_records_to_table(
            "reservations", records=flights.whole(plans, at[some], hours[some]), columns=RESERVATIONS
        )
        if await connection.fetchval("SELECT to_regclass('boxes') IS NOT NULL"):
            await _copy(connection, "boxes", flights.boxes(plans, at[some], hours[some]))
    await connection.execute(
        """ALTER TABLE reserved ADD PRIMARY KEY (node, plan);
           CREATE INDEX reservations_time_end ON reservations (time_end);
           CREATE INDEX reservations_aircraft ON reservations (aircraft, time_end)"""
    )


def plan_ids(count: int, random: np.random.Generator) -> NDArray[np.void]:
    """UUIDs of version 7, submitted one after the other."""
    ids = np.frombuffer(random.bytes(16 * count), np.uint8).reshape(count, 16).copy()
    now_ms = int(datetime.now(UTC).timestamp() * 1e3)
    ids[:, :6] = (now_ms + np.arange(count) // 16).astype(">i8").view(np.uint8).reshape(count, 8)[:, 2:]
    ids[:, 6], ids[:, 8] = 0x70 | ids[:, 6] & 0x0F, 0x80 | ids[:, 8] & 0x3F
    made: NDArray[np.void] = ids.view("V16")[:, 0]
    return made


async def _copy(connection: asyncpg.Connection, table: str, rows: bytes) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"PGCOPY\n\xff\r\n\0" + bytes(8) + rows + b"\xff\xff"

    await connection.copy_to_table(table, source=parts(), format="binary")
