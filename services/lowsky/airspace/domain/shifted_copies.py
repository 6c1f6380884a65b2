"""Whether the zones of a file are a shifted copy of known zones, such as zones published in a map's coordinates.

The bounding boxes of many zones are compared at once, by position, size and identifier. A copy is either displaced like
the maps of China, or shifted uniformly.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from lowsky.geo.crs.displacement import from_wgs84, to_wgs84
from lowsky.geo.crs.names import ReferenceSystem
from lowsky.geo.shapes.projection import metres_per_degree

Floats = NDArray[np.float64]

OFFSET_MIN_M, OFFSET_MAX_M = 50.0, 1_500.0
"""Smaller offsets are corrections of a survey; no map of China has larger ones."""
NEAR_M = 30.0
"""How close a zone must be to the position that a displacement predicts: more than a margin around it may move it."""
SIZE_M, SIZE_SHARE = 45.0, 0.02
"""By how much the widths and heights of one zone may differ: the margin on both sides, and what maps stretch."""
ZONES_MIN, SHARE_MIN = 3, 0.5
"""How many zones, and which share of the candidates, make a copy: fewer may match by chance."""
SAMPLE_MAX = 2_000
"""Zones of a file that are compared, evenly sampled: enough to decide, and quick with 100 000 known zones."""
WIDTH_MAX_DEGREES = 90.0
"""Of a box; wider ones lie on both sides of the antimeridian and have no middle."""


class As(StrEnum):
    """How the zones of a file are shifted from known zones."""

    GCJ_02 = "as GCJ-02 shows them"
    BD_09 = "as BD-09 shows them"
    FROM_GCJ_02 = "as if those were shown in GCJ-02"
    FROM_BD_09 = "as if those were shown in BD-09"
    SAME_WAY = "all in the same direction"


@dataclass(frozen=True, slots=True)
class Boxes:
    """Zones: what each is called within its dataset, and least longitude, latitude, greatest longitude, latitude."""

    identifiers: Sequence[str]
    bounds: Floats
    """(n, 4), degrees."""


@dataclass(frozen=True, slots=True)
class Shift:
    """Zones of a file that are shifted, how far on average, and in what way."""

    zones: int
    offset_m: float
    way: As


def shift(file: Boxes, known: Boxes) -> Shift | None:
    """The way in which most zones of the file lie shifted from known ones of their size; None where they do not."""
    ours, theirs = _Plane.of(file, SAMPLE_MAX), _Plane.of(known, None)
    if not len(ours.centres) or not len(theirs.centres):
        return None
    apart = ~ours.found(theirs, ours.centres, OFFSET_MIN_M)[0]
    best: Shift | None = None
    for way, expected in _expected(ours, theirs).items():
        found, distances = ours.found(theirs, expected, NEAR_M)
        hit = found & apart & (distances >= OFFSET_MIN_M) & (distances <= OFFSET_MAX_M)
        count = int(hit.sum())
        if count > (best.zones if best else 0):
            best = Shift(count, float(distances[hit].mean()), way)
    enough = max(ZONES_MIN, SHARE_MIN * min(len(ours.centres), len(theirs.centres)))
    return best if best is not None and best.zones >= enough else None


@dataclass(frozen=True, slots=True)
class _Plane:
    """Boxes by their middles, degrees, and their widths and heights, metres."""

    identifiers: Sequence[str]
    centres: Floats
    sizes: Floats

    @classmethod
    def of(cls, boxes: Boxes, at_most: int | None) -> _Plane:
        indexes = np.flatnonzero(boxes.bounds[:, 2] - boxes.bounds[:, 0] <= WIDTH_MAX_DEGREES)
        if at_most is not None and len(indexes) > at_most:
            indexes = indexes[np.linspace(0, len(indexes) - 1, at_most).astype(np.intp)]
        low, high = boxes.bounds[indexes, :2], boxes.bounds[indexes, 2:]
        centres = (low + high) / 2.0
        sizes = (high - low) * _scale(centres)
        return cls([boxes.identifiers[index] for index in indexes.tolist()], centres, sizes)

    def found(self, others: _Plane, expected: Floats, within_m: float) -> tuple[NDArray[np.bool_], Floats]:
        """For each zone: whether another of its size lies within `within_m` of the expected position, and the distance
        between the two."""
        mine, other = _near(expected, others.centres, within_m)
        alike = self.alike(others, mine, other)
        mine, other = mine[alike], other[alike]
        found = np.zeros(len(self.centres), dtype=np.bool_)
        distances = np.zeros(len(self.centres))
        found[mine] = True
        distances[mine] = _lengths(others.centres[other] - self.centres[mine], self.centres[mine])
        return found, distances

    def alike(self, others: _Plane, mine: NDArray[np.intp], other: NDArray[np.intp]) -> NDArray[np.bool_]:
        """Whether pairs are of one size."""
        differences = np.abs(self.sizes[mine] - others.sizes[other])
        return np.asarray(np.all(differences <= SIZE_M + SIZE_SHARE * self.sizes[mine], axis=1))


def _expected(ours: _Plane, theirs: _Plane) -> dict[As, Floats]:
    """The expected positions of the known zones, for each way in which the file could be shifted."""
    lon, lat = ours.centres.T
    expected = {
        As.GCJ_02: to_wgs84(lon, lat, ReferenceSystem.GCJ_02),
        As.BD_09: to_wgs84(lon, lat, ReferenceSystem.BD_09),
        As.FROM_GCJ_02: from_wgs84(lon, lat, ReferenceSystem.GCJ_02),
        As.FROM_BD_09: from_wgs84(lon, lat, ReferenceSystem.BD_09),
    }
    found = {way: np.column_stack(positions) for way, positions in expected.items()}
    steps = _steps(ours, theirs)
    if len(steps):
        found[As.SAME_WAY] = ours.centres + np.median(steps, axis=0) / _scale(ours.centres)
    return found


def _steps(ours: _Plane, theirs: _Plane) -> Floats:
    """Offset from each zone to the known one of its name and size, else the nearest of its size; metres east, north."""
    index = {identifier: number for number, identifier in enumerate(theirs.identifiers)}
    named = [(number, index[name]) for number, name in enumerate(ours.identifiers) if name in index]
    pairs = np.array(named, dtype=np.intp).reshape(-1, 2)
    mine, other = pairs.T
    if len(pairs) < ZONES_MIN:
        mine, other = _near(ours.centres, theirs.centres, OFFSET_MAX_M)
    alike = ours.alike(theirs, mine, other)
    mine, other = mine[alike], other[alike]
    steps = (theirs.centres[other] - ours.centres[mine]) * _scale(ours.centres[mine])
    nearest = np.lexsort((np.hypot(*steps.T), mine))
    _, first = np.unique(mine[nearest], return_index=True)
    return np.asarray(steps[nearest[first]])


def _near(points: Floats, others: Floats, within_m: float) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pairs of indexes whose points are at most `within_m` apart, found with a spatial index."""
    reach = within_m / _scale(points)
    around = gpd.GeoSeries.from_xy(*others.T).sindex
    mine, other = around.query(shapely.box(*(points - reach).T, *(points + reach).T), predicate="intersects")
    near = _lengths(others[other] - points[mine], points[mine]) <= within_m
    return mine[near], other[near]


def _lengths(steps: Floats, at: Floats) -> Floats:
    metres = steps * _scale(at)
    return np.asarray(np.hypot(metres[:, 0], metres[:, 1]))


def _scale(points: Floats) -> Floats:
    """Metres per degree of longitude and latitude."""
    return np.column_stack(metres_per_degree(points[:, 1]))
