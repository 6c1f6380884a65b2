"""Polygons that cross the antimeridian: published in one piece, kept here in pieces within [-180, 180]."""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

WORLD = shapely.box(-180.0, -90.0, 180.0, 90.0)


def cut(area: Polygon | MultiPolygon) -> Polygon | MultiPolygon:
    """The area in pieces within [-180, 180] degrees of longitude; an area that crosses nothing is returned as it is.

    A step of more than 180 degrees between neighbouring vertices, such as 179 to -179, is a crossing, and longitudes
    may also run past 180 (RFC 7946 section 3.1.9 asks for the cut that publishers leave out). A ring that would
    collapse if its steps were crossings, such as a box from -180 to 180, spans the world and keeps its steps.
    Raises ValueError for a ring around a pole, and for an area that has to be cut and is not valid: see `unwrap`.
    """
    west, _, east, _ = area.bounds
    if west >= -180.0 and east <= 180.0 and east - west <= 180.0:
        return area
    unwrapped = unwrap(area)
    west, _, east, _ = unwrapped.bounds
    if (west >= -180.0 and east <= 180.0) or area.is_empty:
        return unwrapped
    if not unwrapped.is_valid:
        raise ValueError(f"cannot be cut at the antimeridian: {shapely.is_valid_reason(unwrapped)}")
    parts: list[Polygon] = []
    for turn in range(math.floor((west + 180.0) / 360.0), math.floor((east + 180.0) / 360.0) + 1):
        piece = shapely.intersection(_shifted(unwrapped, -360.0 * turn), WORLD)
        parts += [part for part in shapely.get_parts(piece) if isinstance(part, Polygon) and part.area > 0.0]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)


def unwrap(area: Polygon | MultiPolygon) -> Polygon | MultiPolygon:
    """The area with continuous longitudes, which may leave [-180, 180]: repair invalid rings in this form, then `cut`.

    An area without steps is returned as it is. Raises ValueError for a ring around a pole.
    """
    coordinates = shapely.get_coordinates(area)
    # Steps between rings are seen here too: they only cost the slower look.
    if not (np.abs(np.diff(coordinates[:, 0])) > 180.0).any():
        return area
    if isinstance(area, MultiPolygon):
        return MultiPolygon([_unwrap_polygon(part) for part in area.geoms])
    return _unwrap_polygon(area)


def _unwrap_polygon(polygon: Polygon) -> Polygon:
    shell = _unwrap_ring(shapely.get_coordinates(polygon.exterior))
    west, east = shell[:, 0].min(), shell[:, 0].max()
    holes = []
    for interior in polygon.interiors:
        hole = _unwrap_ring(shapely.get_coordinates(interior))
        middle = (hole[:, 0].min() + hole[:, 0].max()) / 2.0
        hole[:, 0] += 360.0 * np.round(((west + east) / 2.0 - middle) / 360.0)
        holes.append(hole)
    return Polygon(shell, holes)


def _unwrap_ring(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    steps = np.diff(ring[:, 0])
    turns = -np.round(steps / 360.0) * (np.abs(steps) > 180.0)
    if not turns.any():
        return ring
    unwrapped = ring.copy()
    unwrapped[1:, 0] += 360.0 * np.cumsum(turns)
    if np.ptp(unwrapped[:, 0]) == 0.0:
        return ring
    if unwrapped[-1, 0] != unwrapped[0, 0]:
        raise ValueError("a ring goes around a pole")
    return unwrapped


def _shifted(area: Polygon | MultiPolygon, degrees: float) -> Polygon | MultiPolygon:
    if degrees == 0.0:
        return area
    return shapely.transform(area, lambda coordinates: np.add(coordinates, (degrees, 0.0)))
