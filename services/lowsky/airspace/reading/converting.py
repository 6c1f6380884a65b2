"""Outlines published in the reference system of a Chinese map, where they lie: never smaller than published."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from lowsky.geo.areas import areas_m2
from lowsky.geo.circles import circle
from lowsky.geo.projection import metres_per_degree
from lowsky.geo.reference_systems import CHINA, EDGE_DEGREES, ERRORS_M, STEP_DEGREES, STRAY_M, ReferenceSystem, to_wgs84

Outline = Polygon | MultiPolygon

VERTICES_MAX = 300_000
"""Of an outline, edges divided until they stay straight: the border of a country has some 100 000."""
SIMPLIFIED_M = 0.5
"""How far the outline is simplified, and grown ahead of that, so that it covers as much."""
QUADRANT_SEGMENTS = 8
"""Of the arcs by which an outline grows; they are grown by as much as their chords cut off."""


_WEST, _SOUTH, _EAST, _NORTH = CHINA
_AROUND, _INSIDE = (
    shapely.box(_WEST - edge, _SOUTH - edge, _EAST + edge, _NORTH + edge) for edge in (EDGE_DEGREES, -EDGE_DEGREES)
)
"""Outside of the one nothing is displaced, within the other everything is."""


@dataclass(frozen=True, slots=True)
class Converted:
    """An outline in WGS 84, and by how many m² its margin enlarges it."""

    outline: Outline
    extent_growth_m2: float


def converted(outline: Outline, system: ReferenceSystem) -> Converted | None:
    """A valid outline with the stated error around it; None outside of China, where nothing is displaced.

    Edges are straight as published, so they are divided before they are converted. An outline at the edge of the box
    within which maps are displaced may lie where it is published or where it is converted to: both are covered.

    Raises:
        ValueError: It is too long to be converted edge by edge, or encloses nothing.
    """
    if not shapely.intersects(shapely.box(*outline.bounds), _AROUND):
        return None
    if outline.length / STEP_DEGREES[system] > VERTICES_MAX:
        raise ValueError("the outline is too long to be converted")

    def convert(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(to_wgs84(degrees[:, 0], degrees[:, 1], system, everywhere=True))

    inside = bool(shapely.covers(_INSIDE, outline))
    within = outline if inside else shapely.intersection(outline, _AROUND)
    there = shapely.make_valid(shapely.transform(shapely.segmentize(within, STEP_DEGREES[system]), convert))
    if not inside:
        there = shapely.union(there, outline)
    grown = _grown(there, ERRORS_M[system] + STRAY_M)
    return Converted(grown, _growth_m2(grown, there))


def converted_circle(longitude: float, latitude: float, radius_m: float, system: ReferenceSystem) -> Converted | None:
    """The same of a circle, whose radius is on the ground: its centre is converted, its radius grows by the error.

    Raises:
        ValueError: See lowsky.geo.circles.circle.
    """
    centre = shapely.Point(longitude, latitude)
    if not shapely.intersects(centre, _AROUND):
        return None
    centres = [tuple(float(degrees) for degrees in to_wgs84(longitude, latitude, system, everywhere=True))]
    if not shapely.covers(_INSIDE, centre):
        centres.append((longitude, latitude))
    plain = shapely.union_all([circle(lon, lat, radius_m) for lon, lat in centres])
    grown = _area(shapely.union_all([circle(lon, lat, radius_m + ERRORS_M[system]) for lon, lat in centres]))
    return Converted(grown, _growth_m2(grown, plain))


def _grown(outline: BaseGeometry, by_m: float) -> Outline:
    """The outline with at least so many metres around it."""
    _, south, _, north = outline.bounds
    # The fewest metres that a degree has anywhere in it: a metre of this plane is nowhere less than one on the ground.
    # A degree of latitude has the fewest at the equator's end.
    per_longitude, _ = metres_per_degree(max(abs(south), abs(north)) + 0.01)
    _, per_latitude = metres_per_degree(max(0.0, min(abs(south), abs(north)) - 0.01))
    scale = np.array([float(per_longitude), float(per_latitude)])
    plane = shapely.transform(outline, lambda degrees: degrees * scale)
    reach = (by_m + SIMPLIFIED_M) / math.cos(math.pi / (4 * QUADRANT_SEGMENTS))
    wide = shapely.buffer(plane, reach, quad_segs=QUADRANT_SEGMENTS)
    simple = shapely.simplify(wide, SIMPLIFIED_M, preserve_topology=True)
    return _area(shapely.transform(simple if simple.is_valid else wide, lambda metres: metres / scale))


def _area(geometry: BaseGeometry) -> Outline:
    if not isinstance(geometry, (Polygon, MultiPolygon)):
        raise ValueError("the converted outline encloses no area")
    return geometry


def _growth_m2(grown: Outline, plain: BaseGeometry) -> float:
    large, small = areas_m2([grown, plain]).tolist()
    return float(max(large - small, 0.0))
