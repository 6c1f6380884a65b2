"""What is known of the ground where two shapes meet, read cell by cell, and heights compared by it.

What is stated (`lowsky.geo.heights.terrain`, `lowsky.geo.heights.vertical_reference`, `Geozone.terrain_m`): of a
raster, all cells that the shared ground touches count, and one more on each side; where it does not answer for all
of them, the
publisher's bounds do, where the zone has any, else the installation's. Whichever they are, they are narrowed by the
installation's, and where the two contradict, all that either allows is possible.

Which ground two shapes share is read twice: as the common part of the two, of which every cell must count, and as the
common part of their boxes, beyond which none may. A comparison must hold for both readings to be decided.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

from tests.oracle.geofence import Key, Verdict
from tests.oracle.height import Bounds, Limits, possible_and_certain
from tests.oracle.plan import GEOD, Floats, Point

Span = tuple[float, float]
Span4 = tuple[float, float, float, float]

_FEW, _BLOCK = 12, 4
"""Up to so many cells along each side are looked at one by one, and of a country of them blocks (`Terrain`)."""
_HAIR = 1e-6
"""Of a cell: what only borders on a cell within rounding may count or not."""
_ROUNDED_DEG = 1e-12
"""Where the antimeridian cuts an edge, its ends are rounded."""
_ROUNDED_M = 1e-3
"""Elevations are kept in single precision, rounded outwards."""


@dataclass(frozen=True)
class Raster:
    """Elevations from north to south and west to east, NaN where there is none; `step` is a cell's width and height."""

    metres: Floats
    west: float
    north: float
    step: float
    error_m: float

    def known(self, ground: BaseGeometry, box: Span4) -> list[Span | None]:
        """Least and greatest by the cells that must count, then by those that may; None where it may not answer."""
        least = self._counted(ground, -_HAIR)
        most = self._blocks(self._counted(shapely.box(*box), _HAIR))
        found: list[Span | None] = [self._span(least, 0.0), self._span(most, _ROUNDED_M)]
        if found[0] is None or found[1] is not None:
            return found
        # Some cells more than must count may be known, others not.
        sure = {cell for cell in most if not math.isnan(self._metres(cell))}
        return [*found, self._span(sure, _ROUNDED_M)]

    def _counted(self, ground: BaseGeometry, hair: float) -> set[tuple[int, int]]:
        """Cells that a shape meets, and all around them; those beyond the raster too."""
        west, south, east, north = ground.bounds
        rows = np.arange(math.floor((self.north - north) / self.step) - 2, (self.north - south) / self.step + 3)
        columns = np.arange(math.floor((west - self.west) / self.step) - 2, (east - self.west) / self.step + 3)
        row, column = (axis.ravel() for axis in np.meshgrid(rows, columns))
        left, top, reach = self.west + column * self.step, self.north - row * self.step, self.step * hair
        cells = shapely.box(left - reach, top - self.step - reach, left + self.step + reach, top + reach)
        touched = np.flatnonzero(shapely.intersects(cells, ground))
        around = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1)]
        return {(int(row[n]) + down, int(column[n]) + right) for n in touched for down, right in around}

    def _blocks(self, cells: set[tuple[int, int]]) -> set[tuple[int, int]]:
        """Of many cells, the whole blocks that they touch may count."""
        if all(max(axis) - min(axis) < _FEW for axis in zip(*cells, strict=True)):
            return cells
        begins = {(row - row % _BLOCK, column - column % _BLOCK) for row, column in cells}
        whole = {
            (row + down, column + right) for row, column in begins for down in range(_BLOCK) for right in range(_BLOCK)
        }
        return cells | {(row, column) for row, column in whole if self._holds(row, column)}

    def _span(self, cells: set[tuple[int, int]], more_m: float) -> Span | None:
        heights = [self._metres(cell) for cell in cells]
        if not heights or any(map(math.isnan, heights)):
            return None
        return min(heights) - self.error_m - more_m, max(heights) + self.error_m + more_m

    def _metres(self, cell: tuple[int, int]) -> float:
        return float(self.metres[cell]) if self._holds(*cell) else math.nan

    def _holds(self, row: int, column: int) -> bool:
        rows, columns = self.metres.shape
        return bool(0 <= row < rows and 0 <= column < columns)


@dataclass(frozen=True)
class Known:
    """What an installation knows: bounds anywhere, those of the geoid here, and a raster."""

    terrain: Span
    geoid: Span
    raster: Raster | None


@dataclass(frozen=True)
class Over:
    """A volume or the one layer of a zone, by its parts in continuous longitudes; `stated` is its publisher's ground.

    `boxes` are where the service may place the parts. A zone with islands, or cut at the antimeridian, has several.
    `grown` is by how many degrees a volume may be larger than its part.
    """

    parts: tuple[BaseGeometry, ...]
    boxes: tuple[Span4, ...]
    limits: Limits
    stated: Span | None = None
    grown: float = 0.0


def candidates(volume: Over, zone: Over, part: int, known: Known) -> list[Bounds]:
    """What may be known of the ground where a volume and a part of a zone meet."""
    spans: list[Span | None] = [None]
    if known.raster is not None:
        box, other = volume.boxes[0], zone.boxes[part]
        shared = max(box[0], other[0]), max(box[1], other[1]), min(box[2], other[2]), min(box[3], other[3])
        spans = known.raster.known(shapely.intersection(volume.parts[0], zone.parts[part]), shared)
    locally = [narrowed(span or zone.stated or known.terrain, known.terrain) for span in spans]
    return [Bounds(local, known.geoid, takeoff=known.terrain) for local in locally]


def narrowed(local: Span, area: Span) -> Span:
    """The common part; all of both where there is none."""
    least, greatest = max(local[0], area[0]), min(local[1], area[1])
    return (least, greatest) if least <= greatest else (min(local[0], area[0]), max(local[1], area[1]))


def expected_over(
    volumes: Sequence[Over], zones: Sequence[Over], known: Known
) -> dict[Key, tuple[Verdict, bool | None]]:
    """As `geofence.expected`: for each volume and zone the verdict, and whether the altitudes meet for certain."""
    found: dict[Key, tuple[Verdict, bool | None]] = {}
    for v, volume in enumerate(volumes):
        for z, zone in enumerate(zones):
            found[v, z, 0] = _together([_part(volume, zone, n, known) for n in range(len(zone.parts))])
    return found


Reading = tuple[list[bool], list[bool]]
"""Whether the altitudes of a part may meet, and meet for certain, by each candidate."""


def _part(volume: Over, zone: Over, part: int, known: Known) -> Reading:
    if not meet(volume, zone, part):
        near = shapely.distance(volume.parts[0], zone.parts[part]) <= max(volume.grown, _ROUNDED_DEG)
        return ([True, False], [True, False]) if near else ([False], [False])
    read = [possible_and_certain(volume.limits, zone.limits, each) for each in candidates(volume, zone, part, known)]
    return [possible for possible, _ in read], [certain for _, certain in read]


def meet(volume: Over, zone: Over, part: int) -> bool:
    """Whether they share ground in plan; what is no wider than rounding may be none."""
    shared: float = shapely.intersection(volume.parts[0], zone.parts[part]).area
    return shared > 1e-15


def _together(parts: Sequence[Reading]) -> tuple[Verdict, bool | None]:
    """Of parts any: a zone is met where one is, as certainly as the most certain."""
    possible, certain = [read for read, _ in parts], [read for _, read in parts]
    verdict = Verdict.EITHER if any(map(any, possible)) else Verdict.APART
    if any(map(all, possible)):
        verdict = Verdict.MEETS
    if any(map(all, certain)):
        return verdict, True
    return verdict, None if any(map(any, certain)) else False


def around(start: Point, end: Point, buffer_m: float) -> BaseGeometry:
    """All within a distance of a geodesic leg, in continuous longitudes: discs along it, and what lies between two."""
    azimuth, _, length = GEOD.inv(*start, *end)
    discs = []
    count = max(1, math.ceil(length / 50.0))
    for n in range(count + 1):
        lon, lat, _ = GEOD.fwd(*start, azimuth, length * n / count)
        bearings = np.linspace(0.0, 360.0, 72, endpoint=False)
        lons, lats, _ = GEOD.fwd(np.full(72, lon), np.full(72, lat), bearings, np.full(72, buffer_m))
        lons = start[0] + (np.asarray(lons) - start[0] + 180.0) % 360.0 - 180.0
        discs.append(shapely.MultiPoint(np.column_stack([lons, lats])))
    return shapely.union_all([shapely.convex_hull(shapely.union(a, b)) for a, b in pairwise(discs)])
