"""The plan view: how far a geodesic leg is from a zone, by `pyproj.Geod` alone.

Polar coordinates around a point, by geodesic azimuth and length, are the azimuthal equidistant projection of the
ellipsoid: geodesics through the centre are straight, and near it lengths are true. A leg is straight round any of its
points, so that each zone edge is measured round the leg's point next to it; first round the middle of the leg, to find
which edges matter, then again round the closest point, where nothing is distorted.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

GEOD = Geod(ellps="WGS84")
Floats = NDArray[np.float64]
Point = tuple[float, float]
Rings = Sequence[Floats]
"""Closed or open rings of a zone, shells and holes alike, (n, 2) degrees with continuous longitudes."""

ERROR_M = 0.001
"""How far the distances here may be wrong; seen are micrometres."""
_PIECE_M, _PIECES_MAX, _FINE = 100.0, 4000, 64


def distance_m(start: Point, end: Point, rings: Rings) -> float:
    """Metres from the leg to the nearest point of the area in the rings."""
    return 0.0 if _inside(start, rings) or _inside(end, rings) else _distance(start, end, rings)


def _distance(start: Point, end: Point, rings: Rings) -> float:
    azimuth, _, length = GEOD.inv(*start, *end)
    begins, ends = _pieces(rings)
    offsets, nearest = _measured(start, azimuth, length, length / 2.0, begins, ends)
    # The distortion round the middle is far below a hundredth within a hundred kilometres of it.
    close = np.flatnonzero(offsets <= offsets.min() * 1.02 + 2.0)
    best = np.inf
    for piece in close[np.argsort(offsets[close])][:40]:
        share = np.linspace(0.0, 1.0, _FINE + 1)[:, None]
        points = begins[piece] + (ends[piece] - begins[piece]) * share
        along = float(nearest[piece])
        for _ in range(2):
            fine, places = _measured(start, azimuth, length, along, points[:-1], points[1:])
            along = float(places[np.argmin(fine)])
        best = min(best, float(fine.min()))
    return best


def _measured(
    start: Point, azimuth: float, length: float, along: float, begins: Floats, ends: Floats
) -> tuple[Floats, Floats]:
    """Distance of each piece from the leg, and how far along the leg that is, projected round the leg at `along`."""
    lon, lat, back = GEOD.fwd(*start, azimuth, along)
    heading = np.radians(back + 180.0 if along > 0.0 else azimuth)

    def flat(points: Floats) -> Floats:
        count = len(points)
        bearing, _, away = GEOD.inv(np.full(count, lon), np.full(count, lat), points[:, 0], points[:, 1])
        turn = np.radians(bearing) - heading
        placed: Floats = np.column_stack([np.cos(turn), np.sin(turn)]) * away[:, None] + np.array([along, 0.0])
        return placed

    a, b = flat(begins), flat(ends)
    return _to_segment(a, b, length)


def _to_segment(a: Floats, b: Floats, length: float) -> tuple[Floats, Floats]:
    """Distance between each segment and that from (0, 0) to (length, 0), and the place along the latter."""
    step = b - a
    # Where a piece crosses the axis within the leg.
    with np.errstate(divide="ignore", invalid="ignore"):
        t = -a[:, 1] / step[:, 1]
        x = a[:, 0] + t * step[:, 0]
    crosses = (t >= 0.0) & (t <= 1.0) & (x >= 0.0) & (x <= length)
    found = [(np.where(crosses, 0.0, np.inf), np.where(crosses, x, 0.0))]
    for point in (a, b):
        along = np.clip(point[:, 0], 0.0, length)
        found.append((np.hypot(point[:, 0] - along, point[:, 1]), along))
    square = np.maximum((step**2).sum(axis=1), 1e-300)
    for place in (0.0, length):
        share = np.clip(((place - a[:, 0]) * step[:, 0] - a[:, 1] * step[:, 1]) / square, 0.0, 1.0)
        near = a + share[:, None] * step
        found.append((np.hypot(near[:, 0] - place, near[:, 1]), np.full(len(a), place)))
    distances, places = np.array([d for d, _ in found]), np.array([p for _, p in found])
    which = distances.argmin(axis=0), np.arange(len(a))
    return distances[which], places[which]


def _pieces(rings: Rings) -> tuple[Floats, Floats]:
    """The edges, straight in longitude and latitude, in pieces of some hundred metres."""
    begins, ends = [], []
    for ring in rings:
        for a, b in zip(ring, np.roll(ring, -1, axis=0), strict=True):
            count = int(np.clip(np.abs(b - a).max() * 111_000.0 / _PIECE_M, 1, _PIECES_MAX)) + 1
            points = a + (b - a) * np.linspace(0.0, 1.0, count + 1)[:, None]
            points[-1] = b
            begins.append(points[:-1])
            ends.append(points[1:])
    return np.concatenate(begins), np.concatenate(ends)


def _inside(point: Point, rings: Rings) -> bool:
    """Even-odd; points on an edge may fall on either side, their distance is 0 anyway."""
    inside = False
    for turn in (-360.0, 0.0, 360.0):
        x, y = point[0] + turn, point[1]
        for ring in rings:
            for (ax, ay), (bx, by) in zip(ring, np.roll(ring, -1, axis=0), strict=True):
                if (ay > y) != (by > y) and x < ax + (y - ay) / (by - ay) * (bx - ax):
                    inside = not inside
    return inside
