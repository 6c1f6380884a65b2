"""Corridors: everything within a distance of geodesic legs, as polygons drawn for a whole batch of legs in one pass."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from lowsky.geo.shapes.antimeridian import cut
from lowsky.geo.shapes.projection import (
    RADIUS_MIN_M,
    SERIES_ERROR_M,
    Floats,
    Pieces,
    bend,
    densify,
    fan_directions,
    refuse,
)

LATITUDE_MAX: Final = 85.0
"""How near to a pole a corridor may reach."""
CHORD_M: Final = 0.008
"""How far the pieces of a leg stray: with the margin that makes up for it, less than 2 cm of excess."""
CAP_EDGES: Final = 12
"""Corners of a cap: 1 / cos(pi / 24) is 0.87 % more than the buffer at a corner. The cost of a corridor, here and in
every predicate after, goes by its corners; 0.1 % would take 36."""
_HALF: Final = math.pi / (2 * CAP_EDGES)
_ANGLES = (2 * np.arange(CAP_EDGES) + 1 - CAP_EDGES) * _HALF
_CAP: Final = fan_directions(np.stack([np.cos(_ANGLES), np.sin(_ANGLES)], axis=-1) / math.cos(_HALF))
"""The corners of the cap ahead, right to left, as (ahead, left) in buffers."""
_SIDES: Final = fan_directions(np.array([[0.0, 1.0], [0.0, -1.0]]))


def outlines(
    longitudes: Floats, latitudes: Floats, to_longitudes: Floats, to_latitudes: Floats, buffers_m: Floats
) -> NDArray[np.object_]:
    """One polygon per leg that contains all within its buffer of the geodesic, cut at the antimeridian.

    It exceeds that by at most 2 cm and 0.1 % of the buffer along the leg, and 2 cm and 1 % round its ends. A leg
    without length is a circle. Raises LegRefused (with owner 0) for a leg that may reach beyond LATITUDE_MAX or is
    too long.
    """
    pieces = densify(longitudes, latitudes, to_longitudes, to_latitudes, CHORD_M)
    highest = pieces.highest_rad + 1.02 * buffers_m / RADIUS_MIN_M
    refuse(highest > np.radians(LATITUDE_MAX), f"it may reach beyond {LATITUDE_MAX:g} degrees of latitude")
    coordinates, bounds = _rings(pieces, buffers_m + _margins_m(pieces, highest, buffers_m))
    # Half the cost of linearrings and polygons one after the other.
    polygons: NDArray[np.object_] = shapely.from_ragged_array(
        shapely.GeometryType.POLYGON, coordinates, (bounds, np.arange(len(bounds)))
    )
    beyond = (np.abs(coordinates[:, 0]) > 180.0).nonzero()[0]
    for index in set((bounds.searchsorted(beyond, side="right") - 1).tolist()):
        polygons[index] = cut(polygons[index])
    return polygons


def corridors_of(lines: Floats) -> NDArray[np.object_]:
    """The same around centre lines, (n, 5), see `lowsky.geo.shapes.centre_lines`."""
    return outlines(lines[:, 0], lines[:, 1], lines[:, 2], lines[:, 3], lines[:, 4])


def _margins_m(pieces: Pieces, highest: Floats, buffers_m: Floats) -> Floats:
    """What to add to each buffer so that straight edges, and what the offsets leave out, never cut into it."""
    edge = pieces.lengths_m / pieces.count + 2.0 * math.tan(_HALF) * buffers_m
    stray = bend(highest) * edge * edge / 8.0
    tangent = np.tan(highest)
    third_order = buffers_m**3 * (1.0 + 3.0 * tangent * tangent) / (3.0 * RADIUS_MIN_M**2)
    return stray + third_order + SERIES_ERROR_M


def _rings(pieces: Pieces, reach_m: Floats) -> tuple[Floats, NDArray[np.intp]]:
    """Coordinates of the corridors' closed rings, counter-clockwise, and the bounds of each ring in them.

    A ring is the cap round the leg's end, the left side backwards, the cap round its start, the right side onwards.
    Caps are half circumscribed polygons whose first and last edges run on into the sides, so that only inner vertices
    make sides.
    """
    inner = pieces.count - 1
    bounds = np.zeros(len(inner) + 1, dtype=np.intp)
    np.cumsum(2 * (CAP_EDGES + inner) + 1, out=bounds[1:])
    start = bounds[:-1]
    coordinates = np.empty((int(bounds[-1]), 2))
    last = (pieces.count + 1).cumsum() - 1
    # Both caps at once: that round the start reaches the other way.
    caps = np.concatenate([start, start + CAP_EDGES + inner])[:, None] + np.arange(CAP_EDGES)
    ends, reach = np.concatenate([last, last - pieces.count]), np.concatenate([reach_m, -reach_m])
    _draw(coordinates, caps, pieces, ends, reach, _CAP)
    if inner.any():
        vertex = ((pieces.place > 0) & (pieces.place < pieces.count[pieces.leg])).nonzero()[0]
        leg, place = pieces.leg[vertex], pieces.place[vertex]
        left = start[leg] + CAP_EDGES + inner[leg] - place
        right = start[leg] + 2 * CAP_EDGES + inner[leg] + place - 1
        _draw(coordinates, np.stack([left, right], axis=-1), pieces, vertex, reach_m[leg], _SIDES)
    coordinates[bounds[1:] - 1] = coordinates[start]
    return coordinates, bounds


def _draw(
    coordinates: Floats,
    at: NDArray[np.intp],
    pieces: Pieces,
    vertex: NDArray[np.intp],
    reach_m: Floats,
    directions: Floats,
) -> None:
    """Sets the coordinates at (n, k) to the points in k directions (ahead, left), times the reach, from n vertices."""
    curvature = pieces.curvature[vertex]
    drawn = curvature.fan(pieces.heading_east[vertex], pieces.heading_north[vertex], reach_m, directions)
    for axis, degrees in enumerate((pieces.longitudes, pieces.latitudes)):
        coordinates[at, axis] = drawn[axis] + degrees[vertex][:, None]
