"""Geometries that enclose no area next to the outlines of a zone: lines, points, and walls (no horizontal area).

An exporter draws a building as its roof and its walls, a person leaves a line or a label beside an area. Each is left
out, and the report says so; where lines and walls enclose ground that no outline covers, the zone is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from lowsky.airspace.reading.geometry.repair_limits import RepairRefused, is_shallow, refuse_tangles
from lowsky.airspace.reading.report import Notes, ZoneRefused

GRID_DEGREES = 1e-5
"""About a metre: ends of lines that are no farther apart meet."""


class Strays:
    """Those of one zone, or of one geometry of it."""

    def __init__(self) -> None:
        self._lines: list[NDArray[np.float64]] = []
        self._kinds: Counter[str] = Counter()
        self._path = ""

    def add(self, kind: str, positions: NDArray[np.float64], path: str) -> None:
        """One more, of longitudes and latitudes, (n, 2): a point, a line or a wall."""
        self._path = self._path or path
        self._kinds[kind] += 1
        self._lines.append(positions)

    def leave_out(self, outlines: Sequence[Polygon | MultiPolygon], notes: Notes) -> None:
        """Notes all of them, where there are any.

        Args:
            outlines: What the zone encloses, in degrees as the strays are.
            notes: Of the zone.

        Raises:
            ZoneRefused: LINES_ENCLOSE_GROUND, or RING_TOO_TANGLED.
        """
        if not self._lines:
            return
        try:
            enclosed = _enclosed_beside(self._lines, outlines)
        except RepairRefused as fault:
            raise ZoneRefused(fault.reason, self._path, fault.message) from None
        if enclosed:
            message = "lines or walls enclose ground that no polygon covers, which may or may not belong to the zone"
            raise ZoneRefused("LINES_ENCLOSE_GROUND", self._path, message)
        counts = ", ".join(f"{count} {kind}{'s' if count > 1 else ''}" for kind, count in sorted(self._kinds.items()))
        message = f"left out beside the polygons, since they enclose nothing in plan: {counts}"
        notes.unclear("STRAYS_LEFT_OUT", self._path, message)


def _enclosed_beside(lines: Sequence[NDArray[np.float64]], outlines: Sequence[Polygon | MultiPolygon]) -> bool:
    """Whether the lines, together with the edges of the outlines, enclose more than these cover."""
    rings = [shapely.get_coordinates(ring) for ring in _rings(outlines)]
    segments = _segments([*lines, *rings])
    if not len(segments):
        return False
    refuse_tangles(segments)
    noded = shapely.union_all(shapely.linestrings(segments), grid_size=GRID_DEGREES)
    faces = shapely.union_all(shapely.get_parts(shapely.polygonize([noded])))
    return not is_shallow(shapely.difference(faces, shapely.union_all(outlines)))


def _rings(outlines: Sequence[Polygon | MultiPolygon]) -> list[shapely.LinearRing]:
    parts = shapely.get_parts(outlines)
    return [ring for part in parts for ring in (part.exterior, *part.interiors)]


def _segments(lines: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Each once, whichever way it is run through, (n, 2, 2): a wall runs to and fro."""
    steps = [np.stack([line[:-1], line[1:]], axis=1) for line in lines if len(line) > 1]
    if not steps:
        return np.empty((0, 2, 2))
    ends = np.round(np.concatenate(steps) / GRID_DEGREES)
    turned = (ends[:, 0, 0] > ends[:, 1, 0]) | ((ends[:, 0, 0] == ends[:, 1, 0]) & (ends[:, 0, 1] > ends[:, 1, 1]))
    ends[turned] = ends[turned, ::-1]
    found: NDArray[np.float64] = np.unique(ends[(ends[:, 0] != ends[:, 1]).any(axis=1)].reshape(-1, 4), axis=0)
    return found.reshape(-1, 2, 2) * GRID_DEGREES
