"""Converts outlines in other reference systems to WGS 84: never smaller than published."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from lowsky.geo.crs import datums
from lowsky.geo.crs.datums import GeographicSystem, System
from lowsky.geo.crs.displacement import CHINA, EDGE_DEGREES, ERRORS_M, STEP_DEGREES, STRAY_M, to_wgs84, unclear
from lowsky.geo.crs.either_reading import Either, either
from lowsky.geo.crs.mainland import mainland
from lowsky.geo.crs.names import ReferenceSystem
from lowsky.geo.shapes.areas import areas_m2
from lowsky.geo.shapes.circles import EXCESS_MAX, RADIUS_MAX_M, circle
from lowsky.geo.shapes.projection import metres_per_degree

Outline = Polygon | MultiPolygon
Floats = NDArray[np.float64]

VERTICES_MAX = 300_000
"""Of an outline, edges divided until they stay straight: the border of a country has some 100 000."""
SIMPLIFIED_M = 0.5
"""How far the outline is simplified, and grown ahead of that, so that it covers as much."""
QUADRANT_SEGMENTS = 8
"""Of the arcs by which an outline grows; they are grown by as much as their chords cut off."""


_WEST, _SOUTH, _EAST, _NORTH = CHINA
_AROUND = shapely.box(_WEST - EDGE_DEGREES, _SOUTH - EDGE_DEGREES, _EAST + EDGE_DEGREES, _NORTH + EDGE_DEGREES)
"""Outside of it nothing is displaced."""


@dataclass(frozen=True, slots=True)
class Converted:
    """An outline in WGS 84 with its margin, how far that reaches, and the outline without it."""

    outline: Outline
    error_m: float
    plain: BaseGeometry
    places: tuple[tuple[BaseGeometry, float], ...]
    """Each possible position of the outline, with its error in metres."""
    unclear: bool = False
    """Whether it is unknown if it is displaced, so that both positions are covered."""

    def sure(self) -> Outline:
        """The ground that lies in the outline in each of its possible positions; may be empty."""
        shrunk = [_grown(place, by_m, inwards=True) for place, by_m in self.places]
        return _areas_of(shapely.intersection_all(shrunk))

    def growth_m2(self) -> float:
        """By how many m² the margin enlarges the outline."""
        large, small = areas_m2([self.outline, self.plain]).tolist()
        return float(max(large - small, 0.0))


def step_degrees(system: System) -> float:
    """How long an edge may be at most so that, converted, it is straight."""
    return STEP_DEGREES[system] if isinstance(system, ReferenceSystem) else datums.STEP_DEGREES


def converted(outline: Outline, system: System) -> Converted | None:
    """As `converted_all`, of one."""
    return converted_all([outline], system)[0]


def converted_all(outlines: Sequence[Outline], system: System) -> list[Converted | None]:
    """Valid outlines with the stated error around each; None where nothing is displaced: in WGS 84, outside of China.

    Edges are straight as published, so they are divided before they are converted. What is not certainly in mainland
    China may lie where it is published or where it is converted to: both are covered, as is what any transformation
    makes of it where several may be meant.

    Raises:
        ValueError: One is too long to be converted edge by edge, encloses nothing, or there is no transformation.
    """
    found: list[Converted | None] = [None] * len(outlines)
    if not system.displaced or not outlines:
        return found
    longest, limit = max(outline.length for outline in outlines), VERTICES_MAX * step_degrees(system)
    if longest > limit:
        raise ValueError(f"the outline is {longest:.0f} degrees long, and {limit:.0f} are the most in {system}")
    if isinstance(system, GeographicSystem):
        return [_by_transformations(outline, system) for outline in outlines]
    drawn = np.array(outlines, dtype=object)
    (places,) = np.nonzero(_meet_china(drawn))
    drawn = drawn[places]
    certain = shapely.covers(mainland(), drawn)

    def convert(longitudes: Floats, latitudes: Floats) -> tuple[Floats, Floats]:
        return to_wgs84(longitudes, latitudes, system, everywhere=True)

    # All at once: of few points each, it is the calls that cost.
    there = _transformed(np.where(certain, drawn, shapely.intersection(drawn, _AROUND)), STEP_DEGREES[system], convert)
    margin_m = ERRORS_M[system] + STRAY_M
    for n, place in enumerate(places.tolist()):
        meant = Either(there[n], there[n]) if certain[n] else either(drawn[n], there[n], STEP_DEGREES[system], convert)
        found[place] = Converted(
            _grown(meant.covered, margin_m), ERRORS_M[system], meant.covered, ((meant.sure, margin_m),), not certain[n]
        )
    return found


def unclear_outlines(outlines: Sequence[Outline]) -> NDArray[np.bool_]:
    """Which outlines, as they are published in GCJ-02 or BD-09, may be displaced or not, all or in part."""
    drawn = np.array(outlines, dtype=object)
    return np.asarray(shapely.intersects(_AROUND, drawn) & ~shapely.covers(mainland(), drawn))


def _meet_china(drawn: Any) -> NDArray[np.bool_]:
    return np.asarray(shapely.intersects(shapely.box(*shapely.bounds(drawn).T), _AROUND))


def _by_transformations(outline: Outline, system: GeographicSystem) -> Converted:
    ways = system.transformations(outline.bounds)
    places = [_transformed(outline, datums.STEP_DEGREES, way.to_wgs84) for way in ways]
    meant = tuple((there, way.accuracy_m + STRAY_M) for there, way in zip(places, ways, strict=True))
    grown = _union([_grown(there, margin_m) for there, margin_m in meant])
    return Converted(grown, max(way.accuracy_m for way in ways), places[0], meant)


def converted_circle(longitude: float, latitude: float, radius_m: float, system: System) -> Converted | None:
    """The same of a circle, whose radius is on the ground: its centre is converted, its radius grows by the error.

    Raises:
        ValueError: See lowsky.geo.shapes.circles.circle; or there is no transformation.
    """
    centre = shapely.Point(longitude, latitude)
    if not system.displaced or (isinstance(system, ReferenceSystem) and not shapely.intersects(centre, _AROUND)):
        return None
    at = np.array([longitude]), np.array([latitude])
    either_place = False
    if isinstance(system, GeographicSystem):
        ways = system.transformations((longitude, latitude, longitude, latitude))
        centres = [(_first(way.to_wgs84(*at)), way.accuracy_m) for way in ways]
    else:
        centres = [(_first(to_wgs84(*at, system, everywhere=True)), ERRORS_M[system])]
        either_place = bool(unclear(longitude, latitude))
        if either_place:
            centres.append(((longitude, latitude), ERRORS_M[system]))
    drawn = [circle(lon, lat, radius_m) for (lon, lat), _ in centres]
    plain = _union(drawn)
    meant = tuple((one, error_m + EXCESS_MAX * radius_m) for one, (_, error_m) in zip(drawn, centres, strict=True))
    error_m = max(error_m for _, error_m in centres)
    if radius_m + error_m > RADIUS_MAX_M:
        raise ValueError(over_limit("radius", radius_m, error_m, system, RADIUS_MAX_M))
    grown = _union([circle(lon, lat, radius_m + error_m) for (lon, lat), error_m in centres])
    return Converted(grown, max(error_m for _, error_m in centres), plain, meant, either_place)


def over_limit(what: str, asked_m: float, error_m: float, system: System, limit_m: float) -> str:
    """The message for what is within a limit as it was asked for, and is not with the error around it."""
    return (
        f"a {what} of {asked_m:.10g} m, with {error_m:g} m added for the error of {system}, is above {limit_m:.10g} m:"
        f" give at most {limit_m - error_m:.10g} m, or WGS 84"
    )


def _transformed(outlines: Any, step: float, convert: Callable[[Floats, Floats], tuple[Floats, Floats]]) -> Any:
    """One outline, or an array of them."""
    fine = shapely.segmentize(outlines, step)
    there = shapely.transform(fine, lambda degrees: np.column_stack(convert(degrees[:, 0], degrees[:, 1])))
    return shapely.make_valid(there)


def _first(degrees: tuple[Floats, Floats]) -> tuple[float, float]:
    # By the antimeridian a centre may come to lie beyond it.
    return (float(degrees[0][0]) + 180.0) % 360.0 - 180.0, float(degrees[1][0])


def _union(outlines: list[Outline]) -> Outline:
    return outlines[0] if len(outlines) == 1 else _area(shapely.union_all(outlines))


def _grown(outline: BaseGeometry, by_m: float, *, inwards: bool = False) -> Outline:
    """The outline with at least so many metres around it; inwards, without at least so many along its edge."""
    if outline.is_empty:
        return Polygon()
    _, south, _, north = outline.bounds
    # The fewest metres that a degree has anywhere in it: a metre of this plane is nowhere less than one on the ground.
    # A degree of latitude has the fewest at the equator's end.
    per_longitude, _ = metres_per_degree(max(abs(south), abs(north)) + 0.01)
    _, per_latitude = metres_per_degree(max(0.0, min(abs(south), abs(north)) - 0.01))
    scale = np.array([float(per_longitude), float(per_latitude)])
    plane = shapely.transform(outline, lambda degrees: degrees * scale)
    reach = (by_m + SIMPLIFIED_M) / math.cos(math.pi / (4 * QUADRANT_SEGMENTS))
    wide = shapely.buffer(plane, -reach if inwards else reach, quad_segs=QUADRANT_SEGMENTS)
    simple = shapely.simplify(wide, SIMPLIFIED_M, preserve_topology=True)
    return _area(shapely.transform(simple if simple.is_valid else wide, lambda metres: metres / scale))


def _areas_of(geometry: BaseGeometry) -> Outline:
    """What of it has an area."""
    parts = [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon) and not part.is_empty]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts) if parts else Polygon()


def _area(geometry: BaseGeometry) -> Outline:
    if not isinstance(geometry, (Polygon, MultiPolygon)):
        raise ValueError("the converted outline encloses no area")
    return geometry
