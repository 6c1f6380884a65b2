"""4D volumes: an area, an altitude band and a time; and a trajectory's legs as such volumes."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from lowsky.geo.heights.altitude import ANYWHERE, AltitudeBand, AltitudeBands, Datum, VerticalReference
from lowsky.geo.heights.geoid import geoid_bounds_of
from lowsky.geo.shapes.antimeridian import cut
from lowsky.geo.shapes.centre_lines import CentreLine, column
from lowsky.geo.shapes.corridors import outlines
from lowsky.geo.shapes.grouped_arrays import numbered, of_some
from lowsky.geo.shapes.projection import LegRefused
from lowsky.geo.volumes.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class Volume4D:
    """An area in longitude/latitude (straight edges), its altitudes, and [start_s, end_s) in seconds since the epoch.

    With a `centre_line` the area is all within its reach, and the outline no more than contains it.
    Raises ValueError for an empty area and for a time that is not finite or does not last.
    """

    outline: Polygon | MultiPolygon
    altitude: AltitudeBand
    start_s: float
    end_s: float
    centre_line: CentreLine | None = None

    def __post_init__(self) -> None:
        if self.outline.is_empty:
            raise ValueError("the outline is empty")
        if not (math.isfinite(self.start_s) and math.isfinite(self.end_s) and self.start_s < self.end_s):
            raise ValueError("the time must be finite and end after it starts")


@dataclass(frozen=True, slots=True, eq=False)
class Volumes:
    """Volumes of a batch of plans as arrays of equal length, plan after plan.

    `outlines` are polygons or multipolygons within [-180, 180]; `centre_lines`, (n, 5), the fields of `CentreLine`, NaN
    where the outline itself is the area; `owner` is the place of the plan in the batch, never
    decreasing, and `leg` that of the volume in its plan. The other columns are those of `Volume4D` and `AltitudeBands`.
    """

    outlines: NDArray[np.object_]
    centre_lines: NDArray[np.float64]
    lower_m: NDArray[np.float64]
    upper_m: NDArray[np.float64]
    lower_datum: NDArray[np.int8]
    upper_datum: NDArray[np.int8]
    takeoff: NDArray[np.float64]
    start_s: NDArray[np.float64]
    end_s: NDArray[np.float64]
    owner: NDArray[np.intp]
    leg: NDArray[np.intp]
    _boxes: NDArray[np.float64] | None = field(default=None, init=False, repr=False)

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
            column([volume.centre_line for volume in listed]),
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
    def join(cls, parts: Sequence[Volumes]) -> Volumes:
        """Volumes of several batches as one, by owner; an owner's volumes must all be in one part."""
        if len(parts) == 1:
            return parts[0]
        joined = cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS))
        return joined[np.argsort(joined.owner, kind="stable")]

    @property
    def boxes(self) -> NDArray[np.float64]:
        """West, south, east and north of each outline, (n, 4): worked out when it is first asked, not to be changed."""
        boxes = self._boxes
        if boxes is None:
            boxes = shapely.bounds(self.outlines).reshape(-1, 4)
            object.__setattr__(self, "_boxes", boxes)
        return boxes

    @property
    def altitudes(self) -> AltitudeBands:
        """The altitude columns, without copying."""
        return AltitudeBands(self.lower_m, self.upper_m, self.lower_datum, self.upper_datum, self.takeoff)

    def __len__(self) -> int:
        return len(self.outlines)

    def __getitem__(self, index: Any) -> Volumes:
        """The volumes at a numpy index (slice, mask or positions)."""
        return self._at(index, self.owner[index])

    def of_owner(self, owner: int) -> Volumes:
        """The volumes of one plan, without copying."""
        first, last = np.searchsorted(self.owner, [owner, owner + 1])
        return self[first:last]

    def of_owners(self, owners: Sequence[int]) -> Volumes:
        """The volumes of some plans, ascending; their owners are the indexes in that list."""
        some = of_some(self.owner, owners)
        return self if some is None else self._at(*some)

    def _at(self, index: Any, owner: NDArray[np.intp]) -> Volumes:
        some = Volumes(
            self.outlines[index],
            self.centre_lines[index],
            self.lower_m[index],
            self.upper_m[index],
            self.lower_datum[index],
            self.upper_datum[index],
            self.takeoff[index],
            self.start_s[index],
            self.end_s[index],
            owner,
            self.leg[index],
        )
        if self._boxes is not None:
            object.__setattr__(some, "_boxes", self._boxes[index])
        return some

    def of_places(self, places: Sequence[int]) -> Volumes:
        """The same volumes with other owners: `places[i]` is the new owner of owner i."""
        return self if list(places) == list(range(len(places))) else replace(self, owner=np.array(places)[self.owner])

    def volume(self, index: int) -> Volume4D:
        """One volume as a value."""
        return Volume4D(
            self.outlines[index],
            self.altitudes.band(index),
            float(self.start_s[index]),
            float(self.end_s[index]),
            self.centre_line(index),
        )

    def centre_line(self, index: int) -> CentreLine | None:
        """What one volume is around, None where its outline itself is the area."""
        line = self.centre_lines[index].tolist()
        return None if math.isnan(line[-1]) else CentreLine(*line)


_COLUMNS = tuple(one.name for one in fields(Volumes) if one.init)


def corridors(
    trajectories: Sequence[Trajectory],
    reference: VerticalReference = ANYWHERE,
    only: NDArray[np.intp] | None = None,
) -> Volumes:
    """One volume per leg: all within the buffer of the geodesic, between its ends' heights and times, widened.

    Centre lines say exactly what that is. Outlines contain it and exceed it by at most 2 cm and 0.1 % of the buffer
    along the leg, 2 cm and 1 % round its ends (see `lowsky.geo.shapes.corridors`). The band keeps the datum of the
    ends; where they differ, it is AMSL and wide enough for both readings: exact with a known take-off elevation, else
    by the terrain and geoid bounds of the reference, and those of EGM96 there. With `only`, the volumes of those legs
    alone, by their places among the legs of all, ascending. Raises LegRefused, a ValueError that carries the trajectory
    and the leg, for legs near a pole or beyond 1000 km.
    """
    if not trajectories:
        return Volumes.of([])
    longitudes = np.concatenate([trajectory.longitudes for trajectory in trajectories])
    latitudes = np.concatenate([trajectory.latitudes for trajectory in trajectories])
    windows = np.concatenate([trajectory.windows_s for trajectory in trajectories])
    owner, leg = numbered(np.array([trajectory.leg_count for trajectory in trajectories]))
    begins = np.arange(len(owner)) + owner  # each trajectory has one waypoint more than legs
    if only is not None:
        begins, owner, leg, windows = begins[only], owner[only], leg[only], windows[only]
    ends = begins + 1
    horizontal, vertical, takeoff = np.array(list(map(_constants, trajectories))).T[:, owner]
    try:
        areas = outlines(longitudes[begins], latitudes[begins], longitudes[ends], latitudes[ends], horizontal)
    except LegRefused as refused:
        raise LegRefused(int(owner[refused.leg]), int(leg[refused.leg]), refused.reason) from None
    bands = _bands(trajectories, begins, ends, vertical, takeoff, areas, reference)
    lines = np.column_stack([longitudes[begins], latitudes[begins], longitudes[ends], latitudes[ends], horizontal])
    return Volumes(
        areas,
        lines,
        bands.lower_m,
        bands.upper_m,
        bands.lower_datum,
        bands.upper_datum,
        bands.takeoff_amsl_m,
        windows[:, 0],
        windows[:, 1],
        owner,
        leg,
    )


def _constants(trajectory: Trajectory) -> tuple[float, float, float]:
    """The same along all of it: buffers to the sides and in height, and the take-off, NaN where unknown."""
    takeoff = math.nan if trajectory.takeoff_amsl_m is None else trajectory.takeoff_amsl_m
    return trajectory.horizontal_buffer_m, trajectory.vertical_buffer_m, takeoff


def _bands(
    trajectories: Sequence[Trajectory],
    begins: NDArray[np.intp],
    ends: NDArray[np.intp],
    vertical: NDArray[np.float64],
    takeoff: NDArray[np.float64],
    areas: NDArray[np.object_],
    reference: VerticalReference,
) -> AltitudeBands:
    """The altitude band of each leg, in one datum."""
    heights = np.concatenate([trajectory.altitudes_m for trajectory in trajectories])
    datums = np.concatenate([trajectory.datums for trajectory in trajectories])
    low, high = np.minimum(heights[begins], heights[ends]), np.maximum(heights[begins], heights[ends])
    datum = datums[begins]
    mixed = (datum != datums[ends]).nonzero()[0]
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
