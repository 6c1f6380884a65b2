"""Limits what a repair may add: pieces that are nowhere deeper than a metre."""

from __future__ import annotations

from functools import partial

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry, MultiPolygon, Polygon, STRtree

from lowsky.geo.shapes.projection import metres_per_degree

DEPTH_MAX_M = 1.0
"""How deep a piece that a repair adds to the smallest reading may be: no point of it is farther from its edge.

The rule of the domain: a repair changes no extent by more than a metre.
"""
CROSSINGS_MAX = 1_000
"""Of lines with themselves and each other, counted before anything is computed: one of 20 000 random points has a
hundred million."""
SLIVER_DEGREES2 = 1e-16
"""Below some mm², whether a piece is inside is a matter of rounding: it counts as inside."""


class RepairRefused(Exception):
    """No outline can be determined safely."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


def is_shallow(geometry: Geometry) -> bool:
    """Whether no piece of it, in degrees, is deeper than a metre."""
    return all(shapely.buffer(piece, -DEPTH_MAX_M).is_empty for piece in _pieces_m(geometry))


def require_shallow(wide: Geometry, narrow: Geometry) -> float:
    """By how many m² the wide reading exceeds the narrow.

    Raises:
        RepairRefused: EXTENT_AMBIGUOUS, it is deeper than a metre anywhere.
    """
    beyond = shapely.difference(wide, narrow)
    if not is_shallow(beyond):
        message = "the rings can be read in ways that differ by more than a metre"
        raise RepairRefused("EXTENT_AMBIGUOUS", message)
    return sum(float(piece.area) for piece in _pieces_m(beyond))


def areas_in(geometry: Geometry) -> Polygon | MultiPolygon:
    """What of a geometry has an area."""
    # Twice: a collection may hold a multipolygon.
    pieces = shapely.get_parts(shapely.get_parts(geometry))
    parts = [part for part in pieces if isinstance(part, Polygon) and part.area > 0.0]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def refuse_tangles(segments: NDArray[np.float64]) -> None:
    """Refuses lines that cross too often to be taken apart, looking at no more of them than that takes.

    Args:
        segments: Both ends of each, (n, 2, 2).

    Raises:
        RepairRefused: RING_TOO_TANGLED.
    """
    lines = np.asarray(shapely.linestrings(segments))
    tree = STRtree(lines)
    neighbours = 3  # each meets itself and the two beside it
    meetings = 0
    for first in range(0, len(lines), 256):
        some = lines[first : first + 256]
        meetings += tree.query(some, predicate="intersects").shape[1] - neighbours * len(some)
        if meetings > 2 * CROSSINGS_MAX:
            raise RepairRefused("RING_TOO_TANGLED", f"the ring crosses itself more than {CROSSINGS_MAX} times")


def _pieces_m(geometry: Geometry) -> list[Polygon]:
    """Pieces with an area, in metres."""
    found: list[Polygon] = []
    for piece in shapely.get_parts(geometry):
        if isinstance(piece, Polygon) and piece.area >= SLIVER_DEGREES2:
            found.append(shapely.transform(piece, partial(np.multiply, _metres(piece.centroid.y))))
    return found


def _metres(latitude: float) -> NDArray[np.float64]:
    """Of a degree of longitude and of latitude."""
    return np.array([float(metres) for metres in metres_per_degree(latitude)])
