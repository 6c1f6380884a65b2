"""Whether areas meet, for pairs of any two: touching is not meeting.

An area is a polygon in longitude and latitude, or all within reach of a centre line (`lowsky.geo.shapes.centre_lines`),
whose outline only contains it: there distances decide. Two centre lines meet by how far they are apart, one meets a
polygon by how far its line is from it.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from lowsky.geo.shapes.centre_lines import are_within_reach, by_geodesics, on_plane
from lowsky.geo.shapes.circles import circle
from lowsky.geo.shapes.corridors import LATITUDE_MAX, corridors_of
from lowsky.geo.shapes.grouped_arrays import numbered
from lowsky.geo.shapes.projection import RADIUS_MIN_M, SEMI_MAJOR_M, bend, highest_latitude, unwrapped_steps

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Marks = NDArray[np.bool_]
Outlines = NDArray[np.object_]

_CORNERS_FEW: Final = 100
"""Corners of an area up to which no index of them is built. Corridors have about 25."""

STRAY_M: Final = 0.002
"""How far pieces of a polygon's edge may stray from geodesics, by which they are measured."""

_INNER: Final = 0.985
"""Of a reach: what is drawn around this much of it lies within all of it, see `lowsky.geo.shapes.corridors`."""
_INNER_MIN_M: Final = 5.0
_INNER_MAX_M: Final = 10_000.0


def areas_meet(ours: Outlines, our_lines: Floats, theirs: Outlines, their_lines: Floats) -> Marks:
    """Whether areas meet, pair by pair: their outlines, valid, and their centre lines, (n, 5), NaN where there is none.

    It errs to meeting by at most 3 mm, and only where there is a centre line.
    """
    is_polygon = np.isnan(our_lines[:, 4]) & np.isnan(their_lines[:, 4])
    meet = np.zeros(len(ours), dtype=np.bool_)
    at, rest = is_polygon.nonzero()[0], (~is_polygon).nonzero()[0]
    if len(at):
        meet[at] = interiors_meet(ours[at], theirs[at])
    if len(rest):
        meet[rest] = lines_meet(ours[rest], our_lines[rest], theirs[rest], their_lines[rest])
    return meet


def lines_meet(ours: Outlines, our_lines: Floats, theirs: Outlines, their_lines: Floats) -> Marks:
    """The same, where one of each pair has a centre line at least."""
    is_ours, is_theirs = ~np.isnan(our_lines[:, 4]), ~np.isnan(their_lines[:, 4])
    meet = np.zeros(len(ours), dtype=np.bool_)
    at = (is_ours & is_theirs).nonzero()[0]
    if len(at):
        within, doubtful = on_plane(our_lines[at], their_lines[at])
        # Of long legs the plane does not tell; their outlines do, of most.
        doubtful = doubtful[shapely.intersects(ours[at[doubtful]], theirs[at[doubtful]])]
        within[doubtful] = by_geodesics(our_lines[at[doubtful]], their_lines[at[doubtful]])
        meet[at] = within
    at = (is_ours & ~is_theirs).nonzero()[0]
    if len(at):
        meet[at] = _meet_polygons(our_lines[at], ours[at], theirs[at])
    at = (is_theirs & ~is_ours).nonzero()[0]
    if len(at):
        meet[at] = _meet_polygons(their_lines[at], theirs[at], ours[at])
    return meet


def interiors_meet(ours: Outlines, theirs: Outlines) -> Marks:
    """Whether the interiors of valid polygons meet, pair by pair."""
    corners = shapely.get_num_coordinates(ours)
    large = np.flatnonzero(np.maximum(corners, shapely.get_num_coordinates(theirs)) > _CORNERS_FEW)
    if len(large):
        ours, theirs = _larger_prepared(ours, theirs, large)
    meet: Marks = shapely.intersects(ours, theirs)
    near = np.flatnonzero(meet)
    meet[near] = ~shapely.touches(ours[near], theirs[near])
    return meet


def _larger_prepared(ours: Outlines, theirs: Outlines, large: Indices) -> tuple[Outlines, Outlines]:
    """The same pairs, at some places the area of more corners first, prepared: one of thousands is compared with
    thousands. Copies, since threads that share a prepared area may build its index at once."""
    ours, theirs = ours.copy(), theirs.copy()
    swap = large[shapely.get_num_coordinates(theirs[large]) > shapely.get_num_coordinates(ours[large])]
    ours[swap], theirs[swap] = theirs[swap], ours[swap]
    copies: dict[int, int] = {}
    at = [copies.setdefault(id(area), len(copies)) for area in ours[large]]
    firsts = large[np.unique(at, return_index=True)[1]]
    prepared = shapely.from_wkb(shapely.to_wkb(ours[firsts]))
    shapely.prepare(prepared)
    ours[large] = prepared[at]
    return ours, theirs


def _meet_polygons(lines: Floats, drawn: Outlines, polygons: Outlines) -> Marks:
    """Whether polygons come within reach of lines, pair by pair: by the line itself, then by what surely lies within
    its reach, and where neither meets, by how far the edges are from the line.

    Args:
        drawn: The outlines of the lines' areas.
    """
    straight = _straight(lines)
    meet: Marks = shapely.intersects(polygons, straight)
    rest = (~meet).nonzero()[0]
    meet[rest] = shapely.intersects_xy(polygons[rest], lines[rest, 0], lines[rest, 1])
    rest = rest[~meet[rest]]
    inner = rest[lines[rest, 4] >= _INNER_MIN_M]
    if len(inner):
        each, of = np.unique(lines[inner], axis=0, return_inverse=True)
        meet[inner] = shapely.intersects(polygons[inner], _inner(each)[of.reshape(-1)])
        rest = rest[~meet[rest]]
    if len(rest):
        meet[rest] = _edges_within_reach(lines[rest], drawn[rest], polygons[rest])
    return meet


def _lengths_m(degrees: Floats, to_degrees: Floats) -> Floats:
    """Bounds on the lengths of geodesics between points, (n, 2) each."""
    east = np.radians(unwrapped_steps(degrees[:, 0], to_degrees[:, 0]))
    north = np.radians(to_degrees[:, 1] - degrees[:, 1])
    low = np.radians(np.minimum(np.abs(degrees[:, 1]), np.abs(to_degrees[:, 1])))
    low[degrees[:, 1] * to_degrees[:, 1] <= 0.0] = 0.0
    # A parallel is at most 0.34 % longer than on a sphere of the equator's radius.
    return np.asarray(1.005 * SEMI_MAJOR_M * np.hypot(np.cos(low) * east, north))


def _straight(lines: Floats) -> Outlines:
    """Segments, straight in longitude and latitude, that lie within reach of their lines; None where there is none."""
    lengths_m = _lengths_m(lines[:, :2], lines[:, 2:4])
    highest = highest_latitude(lines[:, 1], lines[:, 3], lengths_m)
    stays = bend(highest) * lengths_m * lengths_m / 8.0 < 0.9 * lines[:, 4]
    stays &= np.abs(lines[:, 2] - lines[:, 0]) < 180.0
    segments: Outlines = np.full(len(lines), None, dtype=np.object_)
    segments[stays] = shapely.linestrings(lines[stays, :4].reshape(-1, 2, 2))
    return segments


def _inner(lines: Floats) -> Outlines:
    """Areas that lie within reach of lines."""
    reach_m = _INNER * lines[:, 4]
    highest = highest_latitude(lines[:, 1], lines[:, 3], _lengths_m(lines[:, :2], lines[:, 2:4]))
    corridor = (lines[:, 4] <= _INNER_MAX_M) & (highest + 1.02 * reach_m / RADIUS_MIN_M < np.radians(LATITUDE_MAX))
    drawn: Outlines = np.full(len(lines), None, dtype=np.object_)
    if corridor.any():
        drawn[corridor] = corridors_of(np.column_stack([lines[:, :4], reach_m])[corridor])
    for at in (~corridor).nonzero()[0].tolist():
        # What no corridor can be drawn of is a circle.
        longitude, latitude, _, _, _ = lines[at].tolist()
        drawn[at] = circle(longitude, latitude, float(reach_m[at]))
    return drawn


def _edges_within_reach(lines: Floats, drawn: Outlines, polygons: Outlines) -> Marks:
    """Whether edges of polygons are within reach of lines: what of them lies in the outlines, where all that is."""
    inside, pair = shapely.get_parts(shapely.intersection(shapely.boundary(polygons), drawn), return_index=True)
    corners, part = shapely.get_coordinates(inside, return_index=True)
    edge = (part[1:] == part[:-1]).nonzero()[0]
    begins, ends, pair = corners[edge], corners[edge + 1], pair[part[edge]]
    lengths_m = _lengths_m(begins, ends)
    highest = highest_latitude(begins[:, 1], ends[:, 1], lengths_m)
    count = np.maximum(np.ceil(lengths_m / np.sqrt(8.0 * STRAY_M / bend(highest))), 1.0).astype(np.intp)
    of, nth = numbered(count)
    steps = (ends - begins) / count[:, None]
    pieces = np.zeros((len(of), 5))
    pieces[:, :2] = begins[of] + nth[:, None] * steps[of]
    pieces[:, 2:4] = pieces[:, :2] + steps[of]
    within = are_within_reach(lines[pair[of]], pieces, STRAY_M)
    meet = np.zeros(len(lines), dtype=np.bool_)
    meet[pair[of[within]]] = True
    return meet
