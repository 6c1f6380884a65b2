"""4D volumes: an area, an altitude band and a time; and a trajectory's legs as such volumes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from lowsky.geo.altitude import ANYWHERE, AltitudeBand, AltitudeBands, Datum, VerticalReference
from lowsky.geo.antimeridian import cut
from lowsky.geo.corridors import outlines
from lowsky.geo.counting import numbered
from lowsky.geo.geoid import geoid_bounds_of
from lowsky.geo.projection import LegRefused
from lowsky.geo.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class Volume4D:
    """An area in longitude/latitude (straight edges), its altitudes, and [start_s, end_s) in seconds since the epoch.

    Raises ValueError for an empty area and for a time that is not finite or does not last.
    """

    outline: Polygon | MultiPolygon
    altitude: AltitudeBand
    start_s: float
    end_s: float

    def __post_init__(self) -> None:
        if self.outline.is_empty:
            raise ValueError("the outline is empty")
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s) and self.start_s < self.end_s):
            raise ValueError("the time must be finite and end after it starts")


@dataclass(frozen=True, slots=True, eq=False)
class Volumes:
    """Volumes of a batch of plans as arrays of equal length, plan after plan.

    `outlines` are polygons or multipolygons within [-180, 180]; `owner` is the place of the plan in the batch, never
    decreasing, and `leg` that of the volume in its plan. The other columns are those of `Volume4D` and `AltitudeBands`.
    """

    outlines: NDArray[np.object_]
    lower_m: NDArray[np.float64]
    upper_m: NDArray[np.float64]
    lower_datum: NDArray[np.int8]
    upper_datum: NDArray[np.int8]
    takeoff: NDArray[np.float64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    owner: NDArray[np.intp]
    leg: NDArray[np.intp]

    @classmethod
    def of(cls, plans: Sequence[Sequence[Volume4D]]) -> Self:
        """The volumes of each plan, outlines cut at the antimeridian. Raises ValueError for what cannot be cut."""
        listed = [volume for plan in plans for volume in plan]
        areas = np.empty(len(listed), dtype=np.object_)
        areas[:] = [cut(volume.outline) for volume in listed]
        counts = np.array([len(plan) for plan in plans], dtype=np.intp)
        bands = AltitudeBands.of(volume.altitude for volume in listed)
        return cls(
            areas,
            bands.lower_m,
            bands.upper_m,
            bands.lower_datum,
            bands.upper_datum,
            bands.takeoff_amsl_m,
            np.array([volume.start_s for volume in listed], dtype=np.float64),
            np.array([volume.end_s for volume in listed], dtype=np.float64),
            *numbered(counts),
        )

    @classmethod
    def join(cls, parts: Sequence[Volumes]) -> Self:
        """Volumes of several batches as one, by owner; an owner's volumes must all be in one part."""
        joined = cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))
        if len(parts) == 1:  # by owner already
            return joined
        order = np.argsort(joined.owner, kind="stable")
        return cls(*(getattr(joined, name)[order] for name in cls.__dataclass_fields__))

    @property
    def altitudes(self) -> AltitudeBands:
        """The altitude columns, without copying."""
        return AltitudeBands(self.lower_m, self.upper_m, self.lower_datum, self.upper_datum, self.takeoff)

    def __len__(self) -> int:
        return len(self.outlines)

    def __getitem__(self, index: Any) -> Volumes:
        """The volumes at a numpy index (slice, mask or positions)."""
        return Volumes(
            self.outlines[index],
            self.lower_m[index],
            self.upper_m[index],
            self.lower_datum[index],
            self.upper_datum[index],
            self.takeoff[index],
            self.start_s[index],
            self.end_s[index],
            self.owner[index],
            self.leg[index],
        )

    def of_owner(self, owner: int) -> Volumes:
        """The volumes of one plan, without copying."""
        first, last = np.searchsorted(self.owner, [owner, owner + 1])
        return self[first:last]

    def of_owners(self, owners: Sequence[int]) -> Volumes:
        """The volumes of some plans, ascending; their owners are the places in that list."""
        keep = np.flatnonzero(np.isin(self.owner, owners))
        return replace(self[keep], owner=np.searchsorted(owners, self.owner[keep]))

    def volume(self, index: int) -> Volume4D:
        """One volume as a value."""
        return Volume4D(
            self.outlines[index], self.altitudes.band(index), float(self.start_s[index]), float(self.end_s[index])
        )


def corridors(
    trajectories: Sequence[Trajectory],
    reference: VerticalReference = ANYWHERE,
    only: NDArray[np.intp] | None = None,
) -> Volumes:
    """One volume per leg: all within the buffer of the geodesic, between its ends' heights and times, widened.

    Outlines contain the true buffer and exceed it by at most 2 cm and 0.1 % of it along the leg, 2 cm and 1 % round
    its ends (see `lowsky.geo.corridors`). The band keeps the datum of the ends; where they differ, it is AMSL and
    wide enough for both readings: exact with a known take-off elevation, else by the terrain and geoid bounds of the
    reference, and those of EGM96 there.
    With `only`, the volumes of those legs alone, by their places among the legs of all, ascending.
    Raises LegRefused, a ValueError that carries the trajectory and the leg, for legs near a pole or beyond 1000 km.
    """
    if not trajectories:
        return Volumes.of([])
    counts = np.array([len(trajectory) for trajectory in trajectories])
    longitudes = np.concatenate([trajectory.longitudes for trajectory in trajectories])
    latitudes = np.concatenate([trajectory.latitudes for trajectory in trajectories])
    times = np.concatenate([trajectory.times_s for trajectory in trajectories])
    begins = np.delete(np.arange(len(longitudes)), np.cumsum(counts) - 1)
    owner, leg = numbered(counts - 1)
    if only is not None:
        begins, owner, leg = begins[only], owner[only], leg[only]
    ends = begins + 1
    horizontal, time = np.array(
        [[trajectory.horizontal_buffer_m, trajectory.time_buffer_s] for trajectory in trajectories]
    )[owner].T
    try:
        areas = outlines(longitudes[begins], latitudes[begins], longitudes[ends], latitudes[ends], horizontal)
    except LegRefused as refused:
        raise LegRefused(int(owner[refused.leg]), int(leg[refused.leg]), refused.reason) from None
    bands = _bands(trajectories, begins, ends, owner, areas, reference)
    return Volumes(
        areas,
        bands.lower_m,
        bands.upper_m,
        bands.lower_datum,
        bands.upper_datum,
        bands.takeoff_amsl_m,
        times[begins] - time,
        times[ends] + time,
        owner,
        leg,
    )


def _bands(
    trajectories: Sequence[Trajectory],
    begins: NDArray[np.intp],
    ends: NDArray[np.intp],
    owner: NDArray[np.intp],
    areas: NDArray[np.object_],
    reference: VerticalReference,
) -> AltitudeBands:
    """The altitude band of each leg, in one datum."""
    heights = np.concatenate([trajectory.altitudes_m for trajectory in trajectories])
    datums = np.concatenate([trajectory.datums for trajectory in trajectories])
    vertical, takeoff = np.array(
        [
            [trajectory.vertical_buffer_m, math.nan if trajectory.takeoff_amsl_m is None else trajectory.takeoff_amsl_m]
            for trajectory in trajectories
        ]
    )[owner].T
    low, high = np.minimum(heights[begins], heights[ends]), np.maximum(heights[begins], heights[ends])
    datum = datums[begins]
    mixed = np.flatnonzero(datum != datums[ends])
    if mixed.size:
        at = np.stack([begins[mixed], ends[mixed]])
        geoid = geoid_bounds_of(shapely.bounds(areas[mixed]))
        low[mixed], high[mixed] = _as_amsl(heights[at], datums[at], takeoff[mixed], geoid, reference)
        datum[mixed] = Datum.AMSL.code
    return AltitudeBands(low - vertical, high + vertical, datum, datum, takeoff)


def _as_amsl(
    heights_m: NDArray[np.float64],
    datums: NDArray[np.int8],
    takeoff_m: NDArray[np.float64],
    geoid_m: NDArray[np.float64],
    reference: VerticalReference,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least and greatest height above mean sea level that the ends of legs, shape (2, legs), may stand for."""
    ends = AltitudeBands(heights_m, heights_m, datums, datums, np.broadcast_to(takeoff_m, heights_m.shape)).resolved()
    least, greatest = reference.differences(ends.lower_datum, np.full_like(ends.lower_datum, Datum.AMSL.code), geoid_m)
    return (ends.lower_m + least).min(axis=0), (ends.upper_m + greatest).max(axis=0)
