"""Everything within a distance of a geodesic, a corridor's leg or a circle's centre, and whether two of these meet.

They meet exactly when the geodesics are less than the sum of both reaches apart. On a surface of positive curvature, as
the ellipsoid is, two geodesics that do not cross are nearest to each other at an end of one of them, so that what is
asked is how far four ends are from the other geodesic.

Nearly all pairs are decided on a plane: geodesic normal coordinates round the middle of each pair, to second order,
whose error is known. What lies within that error is decided by geodesics themselves (`GEOD`), to a micrometre.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lowsky.geo.shapes.projection import GEOD, RADIUS_MIN_M, Curvature, Floats, inverse

Indices = NDArray[np.intp]
Marks = NDArray[np.bool_]

TOLERANCE_M: Final = 1e-6
"""Far above what floating point rounds here: what is apart by the sum of the reaches to within it is taken to meet, so
that none is missed."""

_PLANE_M_MAX: Final = 50_000.0
"""From the middle of a pair, beyond which nothing is decided on its plane."""

_ON_LINE_M: Final = 1e-3
"""An end that is so near to the other geodesic, prolonged, is on neither side of it."""

_STEPS: Final = 2
"""Until the foot of a perpendicular is found, to less than a micrometre within 1 000 km."""

_PAIRS_AT_ONCE: Final = 16_384
"""Whose numbers fit into a processor's cache: some 10 MB."""


@dataclass(frozen=True, slots=True)
class CentreLine:
    """All points less than `reach_m` from the geodesic between two points, in degrees; a circle where both are one."""

    longitude: float
    latitude: float
    to_longitude: float
    to_latitude: float
    reach_m: float

    @classmethod
    def circle(cls, longitude: float, latitude: float, radius_m: float) -> CentreLine:
        """All points less than the radius from a centre."""
        return cls(longitude, latitude, longitude, latitude, radius_m)


def column(lines: list[CentreLine | None]) -> Floats:
    """As columns, (n, 5), in the order of the fields; NaN where there is none."""
    return np.array(
        [
            (np.nan,) * 5
            if one is None
            else (one.longitude, one.latitude, one.to_longitude, one.to_latitude, one.reach_m)
            for one in lines
        ],
        dtype=np.float64,
    ).reshape(-1, 5)


def are_within_reach(ours: Floats, theirs: Floats, error_m: float = 0.0) -> Marks:
    """Whether the geodesics of pairs are less than the sum of their reaches apart, both (n, 5) as `column`.

    It depends on neither the order of the two nor on what else is asked. It errs to meeting by TOLERANCE_M and
    `error_m`, by which the geodesics that are given may stray from what they stand for.
    """
    within, doubtful = on_plane(ours, theirs, error_m)
    if len(doubtful):
        within[doubtful] = by_geodesics(ours[doubtful], theirs[doubtful], error_m)
    return within


def on_plane(ours: Floats, theirs: Floats, error_m: float = 0.0) -> tuple[Marks, Indices]:
    """As `are_within_reach`, and the indexes of the pairs that the plane cannot decide."""
    within = np.zeros(len(ours), dtype=np.bool_)
    doubtful = np.zeros(len(ours), dtype=np.bool_)
    for begin in range(0, len(ours), _PAIRS_AT_ONCE):
        some = slice(begin, begin + _PAIRS_AT_ONCE)
        reach_m = ours[some, 4] + theirs[some, 4] + error_m
        apart_m, doubt_m = _on_plane(ours[some], theirs[some])
        within[some] = apart_m + doubt_m < reach_m
        doubtful[some] = ~within[some] & (apart_m - doubt_m < reach_m + TOLERANCE_M)
    return within, doubtful.nonzero()[0]


def by_geodesics(ours: Floats, theirs: Floats, error_m: float = 0.0) -> Marks:
    """As `are_within_reach`; some 30 microseconds a pair."""
    return _by_geodesics(ours, theirs, ours[:, 4] + theirs[:, 4] + error_m + TOLERANCE_M)


def _on_plane(ours: Floats, theirs: Floats) -> tuple[Floats, Floats]:
    """Metres between the segments that geodesics are in normal coordinates, and a bound on their error.

    Beyond second order, coordinates at a distance d err by less than (1/3 + 2 tan^2(lat)) d^3 / R^2 each, and the plane
    by less than d^3 / R^2 in lengths and in how straight geodesics are.
    """
    degrees = np.concatenate([ours[:, :4], theirs[:, :4]], axis=1).reshape(-1, 4, 2).transpose(2, 1, 0)
    steps = degrees[0, 1:] - degrees[0, _FROM]
    steps -= 360.0 * np.rint(steps / 360.0)
    steps[2] += steps[1]
    north, east = degrees[1], np.zeros_like(degrees[0])
    east[1:] = steps
    highest = np.radians(np.abs(north).max(axis=0))
    middle = north.mean(axis=0)
    east, north = np.radians(east - east.mean(axis=0)), np.radians(north - middle)
    curvature = Curvature.at(np.radians(middle))
    east_turn, north_turn = curvature.acceleration(east, north)
    x, y = curvature.parallel_m * (east - 0.5 * east_turn), curvature.meridian_m * (north - 0.5 * north_turn)
    away_m = np.sqrt((x * x + y * y).max(axis=0))
    doubt_m = (1.5 + 4.0 * np.tan(highest) ** 2) * away_m**3 / RADIUS_MIN_M**2 + TOLERANCE_M
    doubt_m[~(away_m < _PLANE_M_MAX)] = np.inf
    return _between_segments(x, y), doubt_m


_FROM: Final = [0, 0, 2]
"""Of the four points of a pair, ours and theirs, that from which each but the first is measured."""
_END: Final = [2, 3, 0, 1]
_SEGMENT: Final = [0, 0, 1, 1]
_START: Final = [0, 0, 2, 2]
"""Each end, the other segment, and where that begins."""


def _between_segments(x: Floats, y: Floats) -> Floats:
    """Distance in a plane between segments from the first to the second and from the third to the fourth point, (4, n);
    0 where they cross."""
    step_x, step_y = x[1::2] - x[::2], y[1::2] - y[::2]
    squared = step_x * step_x + step_y * step_y
    squared[squared == 0.0] = 1.0
    step_x, step_y, squared = step_x[_SEGMENT], step_y[_SEGMENT], squared[_SEGMENT]
    to_x, to_y = x[_END] - x[_START], y[_END] - y[_START]
    along = np.minimum(np.maximum((to_x * step_x + to_y * step_y) / squared, 0.0), 1.0)
    off_x, off_y = to_x - along * step_x, to_y - along * step_y
    side = step_x * to_y - step_y * to_x
    distances: Floats = np.sqrt((off_x * off_x + off_y * off_y).min(axis=0))
    distances[(side[0] * side[1] < 0.0) & (side[2] * side[3] < 0.0)] = 0.0
    return distances


def _by_geodesics(ours: Floats, theirs: Floats, reach_m: Floats) -> Marks:
    """Whether geodesics are nearer than the reach, pair by pair: by the ends, then by whether they cross."""
    count = len(ours)
    ends = np.concatenate([theirs[:, :2], theirs[:, 2:4], ours[:, :2], ours[:, 2:4]])
    lines = np.concatenate([ours, ours, theirs, theirs])
    away_m, side_m = (values.reshape(4, count) for values in _from_lines(ends, lines))
    sides = np.where(np.abs(side_m) > _ON_LINE_M, np.sign(side_m), 0.0)
    crosses = (sides[0] * sides[1] < 0.0) & (sides[2] * sides[3] < 0.0)
    within: Marks = (away_m.min(axis=0) < reach_m) | crosses
    return within


def _from_lines(points: Floats, lines: Floats) -> tuple[Floats, Floats]:
    """Metres from points to geodesics, and by how much they are to the right of these, prolonged."""
    longitudes, latitudes = points.T
    starts = lines[:, 0], lines[:, 1]
    headings, lengths_m = inverse(*starts, lines[:, 2], lines[:, 3])
    along_m, ahead, side_m = np.zeros(len(lines)), headings, np.zeros(len(lines))
    foot = starts
    for _ in range(_STEPS):
        bearings, away_m = inverse(*foot, longitudes, latitudes)
        turns = np.radians(bearings - ahead)
        # As on a sphere.
        step = np.arctan2(np.sin(away_m / RADIUS_MIN_M) * np.cos(turns), np.cos(away_m / RADIUS_MIN_M))
        along_m = along_m + RADIUS_MIN_M * step
        foot, ahead = _led(starts, headings, along_m)
    bearings, away_m = inverse(*foot, longitudes, latitudes)
    side_m = away_m * np.sin(np.radians(bearings - ahead))
    foot, _ = _led(starts, headings, np.minimum(np.maximum(along_m, 0.0), lengths_m))
    return inverse(*foot, longitudes, latitudes)[1], side_m


def _led(starts: tuple[Floats, Floats], headings: Floats, along_m: Floats) -> tuple[tuple[Floats, Floats], Floats]:
    """Where geodesics lead, and their headings there, in degrees."""
    longitudes, latitudes, back = GEOD.fwd(*starts, headings, along_m)
    return (longitudes, latitudes), back + 180.0
