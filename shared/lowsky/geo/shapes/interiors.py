"""Whether areas meet parts of zones, by their outlines and, where they have any, by how far centre lines are apart, for
many pairs at once: what a few numbers show is not asked of the geometry engine, which takes ten times as long for a
whole answer.

Two shapes are apart when a line lies between them, which is shown with a margin far above what floating point rounds.
They meet when a point inside the one, or a vertex of it, is strictly inside the other, which the engine says exactly.
Outlines of corridors and circles only contain them: of those that meet, distances decide
(`lowsky.geo.shapes.areas_meet`).
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from lowsky.geo.shapes.areas_meet import lines_meet
from lowsky.geo.thread_locks import locked

Floats = NDArray[np.float64]

Indices = NDArray[np.intp]

MARGIN_DEGREES: Final = 1e-9
"""A tenth of a millimetre. Rounding errs by a thousandth of it."""

_ENDS: Final = 0.02
"""Of the line across an outline, on which no point is tried: they lie at its edge."""

_VERTICES_FEW: Final = 64
"""Of a part: with more, looking at each of them takes longer than the engine's answer, which has an index of them."""

_PARTS_AT_ONCE: Final = 1_024
"""Whose vertices are held beside those of the outlines, while something is worked out of them for all."""


class Parts:
    """Polygons to be asked about, prepared. Threads may share one."""

    __slots__ = ("_centre", "_count", "_half", "_lines", "_lock", "_radius", "polygons")

    def __init__(self, polygons: NDArray[np.object_], lines: Floats) -> None:
        self.polygons = polygons
        self._lines = lines
        """The circles that parts are, as centre lines, (n, 5); NaN where they are the polygons themselves."""
        shapely.prepare(polygons)
        west, south, east, north = shapely.bounds(polygons).reshape(-1, 4).T
        self._centre = (west + east) / 2.0, (south + north) / 2.0
        self._half = (east - west) / 2.0, (north - south) / 2.0
        self._count: Indices = shapely.get_num_coordinates(polygons).astype(np.intp)
        self._radius = self._radii()
        # A prepared outline builds its own index when it is first asked, which two threads must not do at once.
        self._lock = threading.Lock()

    def _radii(self) -> Floats:
        """Of a circle round the middle of each part's box that holds all of it, in degrees along both axes."""
        radii = np.zeros(len(self.polygons))
        for begin in range(0, len(radii), _PARTS_AT_ONCE):
            some = slice(begin, begin + _PARTS_AT_ONCE)
            counts = self._count[some]
            x, y = shapely.get_coordinates(self.polygons[some]).T
            x, y = x - np.repeat(self._centre[0][some], counts), y - np.repeat(self._centre[1][some], counts)
            radii[some] = np.maximum.reduceat(np.hypot(x, y), np.cumsum(counts) - counts)
        return radii

    def meet(self, part: Indices, outlines: NDArray[np.object_], lines: Floats, outline: Indices) -> NDArray[np.bool_]:
        """Whether parts and areas at these indexes (valid outlines and centre lines) meet, pair by pair."""
        meet = self._interiors_meet(part, outlines, outline)
        near = meet.nonzero()[0]
        part, outline = part[near], outline[near]
        by_distance = ~(np.isnan(self._lines[part, 4]) & np.isnan(lines[outline, 4]))
        near, part, outline = near[by_distance], part[by_distance], outline[by_distance]
        if len(near):
            with locked(self._lock):
                meet[near] = lines_meet(self.polygons[part], self._lines[part], outlines[outline], lines[outline])
        return meet

    def _interiors_meet(self, part: Indices, outlines: NDArray[np.object_], outline: Indices) -> NDArray[np.bool_]:
        """Whether the interiors of parts and of outlines at these indexes, all valid, meet, pair by pair."""
        meet = np.zeros(len(part), dtype=np.bool_)
        if not len(part):
            return meet
        asked = np.zeros(len(outlines), dtype=np.bool_)
        asked[outline] = True
        outlines, outline = outlines[asked], (asked.cumsum() - 1)[outline]
        lines = _Lines.across(outlines)
        pairs = (~self._apart(part, lines, outline)).nonzero()[0]
        with locked(self._lock):
            for vertices in (lines.begin, lines.end):
                inside = self._inside(part[pairs], *vertices[outline[pairs]].T)
                meet[pairs[inside]] = True
                pairs = pairs[~meet[pairs]]
            x, y = self._towards(part[pairs], lines, outline[pairs])
            inside = self._inside(part[pairs], x, y)
            # Of an outline that is bent, or has a hole, the point may be outside.
            inside = inside[shapely.contains_xy(outlines[outline[pairs[inside]]], x[inside], y[inside])]
            meet[pairs[inside]] = True
            pairs = pairs[~meet[pairs]]
            few = self._count[part[pairs]] <= _VERTICES_FEW
            nearest = pairs[few]
            is_inside, is_beyond = self._nearest(part[nearest], lines, outlines, outline[nearest])
            meet[nearest[is_inside]] = True
            pairs = np.concatenate([pairs[~few], nearest[~(is_inside | is_beyond)]])
            if not len(pairs):
                return meet
            polygons, others = self.polygons[part[pairs]], outlines[outline[pairs]]
            near = shapely.intersects(polygons, others)
            pairs, polygons, others = pairs[near], polygons[near], others[near]
            meet[pairs] = ~shapely.touches(polygons, others)
        return meet

    def _apart(self, part: Indices, lines: _Lines, outline: Indices) -> NDArray[np.bool_]:
        """Where a parallel of the line across the outline lies between the two."""
        x, y = lines.normal_x[outline], lines.normal_y[outline]
        middle = x * self._centre[0][part] + y * self._centre[1][part]
        reach = np.abs(x) * self._half[0][part] + np.abs(y) * self._half[1][part]
        reach = np.minimum(reach, self._radius[part]) + MARGIN_DEGREES
        apart: NDArray[np.bool_] = (middle - reach > lines.greatest[outline]) | (middle + reach < lines.least[outline])
        return apart

    def _inside(self, part: Indices, x: Floats, y: Floats) -> Indices:
        """The pairs of which the point is strictly inside the part."""
        away = np.hypot(x - self._centre[0][part], y - self._centre[1][part])
        near = (away <= self._radius[part] + MARGIN_DEGREES).nonzero()[0]
        inside: Indices = near[shapely.contains_xy(self.polygons[part[near]], x[near], y[near])]
        return inside

    def _towards(self, part: Indices, lines: _Lines, outline: Indices) -> tuple[Floats, Floats]:
        """A point of the outline that is likely to be in the part: from the nearest to its middle of the line across,
        up to halfway to the edge."""
        begin, step = lines.begin[outline], lines.end[outline] - lines.begin[outline]
        x, y = self._centre[0][part] - begin[:, 0], self._centre[1][part] - begin[:, 1]
        squared = step[:, 0] ** 2 + step[:, 1] ** 2
        share = (x * step[:, 0] + y * step[:, 1]) / np.where(squared > 0.0, squared, 1.0)
        share = np.minimum(np.maximum(share, _ENDS), 1.0 - _ENDS)
        normal_x, normal_y = lines.normal_x[outline], lines.normal_y[outline]
        level = normal_x * begin[:, 0] + normal_y * begin[:, 1]
        off = np.maximum(x * normal_x + y * normal_y, (lines.least[outline] - level) / 2)
        off = np.minimum(off, (lines.greatest[outline] - level) / 2)
        return begin[:, 0] + share * step[:, 0] + off * normal_x, begin[:, 1] + share * step[:, 1] + off * normal_y

    def _nearest(
        self, part: Indices, lines: _Lines, outlines: NDArray[np.object_], outline: Indices
    ) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Of the vertex of the part that is the nearest to the line across the outline: whether it is inside the
        outline, and whether it, and so the part, is beyond all of the outline."""
        if not len(part):
            return np.zeros(0, dtype=np.bool_), np.zeros(0, dtype=np.bool_)
        normal_x, normal_y = lines.normal_x[outline], lines.normal_y[outline]
        middle = (lines.least[outline] + lines.greatest[outline]) / 2.0
        side = np.where(normal_x * self._centre[0][part] + normal_y * self._centre[1][part] < middle, -1.0, 1.0)
        counts = self._count[part]
        firsts = np.cumsum(counts) - counts
        x, y = shapely.get_coordinates(self.polygons[part]).T
        along = x * np.repeat(side * normal_x, counts) + y * np.repeat(side * normal_y, counts)
        least = np.minimum.reduceat(along, firsts)
        at = np.flatnonzero(along == np.repeat(least, counts))
        at = at[np.searchsorted(at, firsts)]
        greatest = np.where(side > 0.0, lines.greatest[outline], -lines.least[outline])
        return shapely.contains_xy(outlines[outline], x[at], y[at]), least - MARGIN_DEGREES > greatest


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """A line across each of some outlines, from vertex to vertex."""

    begin: Floats
    """(n, 2), as `end`."""
    end: Floats
    normal_x: Floats
    """With `normal_y`: of length one, or none where the vertices are one point."""
    normal_y: Floats
    least: Floats
    """Of all vertices along the normal; and the greatest."""
    greatest: Floats

    @classmethod
    def across(cls, outlines: NDArray[np.object_]) -> _Lines:
        """The longer one of two between opposite vertices: of a corridor, along it."""
        coordinates = shapely.get_coordinates(outlines)
        counts = shapely.get_num_coordinates(outlines)
        firsts = np.cumsum(counts) - counts
        begin, end = coordinates[firsts + counts // 4], coordinates[firsts + 3 * counts // 4]
        other, its_end = coordinates[firsts], coordinates[firsts + counts // 2]
        lengths = np.hypot(*(end - begin).T), np.hypot(*(its_end - other).T)
        longer = (lengths[1] > lengths[0])[:, None]
        begin, end = np.where(longer, other, begin), np.where(longer, its_end, end)
        step = end - begin
        length = np.maximum(*lengths)
        length[length == 0.0] = 1.0
        normal_x, normal_y = -step[:, 1] / length, step[:, 0] / length
        along = coordinates[:, 0] * np.repeat(normal_x, counts) + coordinates[:, 1] * np.repeat(normal_y, counts)
        least, greatest = np.minimum.reduceat(along, firsts), np.maximum.reduceat(along, firsts)
        return cls(begin, end, normal_x, normal_y, least, greatest)
