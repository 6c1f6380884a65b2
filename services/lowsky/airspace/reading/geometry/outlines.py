"""Published rings, polygons and circles to valid outlines in lon/lat.

A repair covers every reading of a faulty ring and is at most about a metre larger than the smallest; where that
cannot be, the zone is refused. A published outline is never made smaller. Geometries that enclose no area (a line, a
point or a wall) next to outlines are left out and noted. Outlines in another reference system are repaired first, and
then converted and buffered by the stated error.
"""

from __future__ import annotations

from itertools import chain

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon
from shapely.errors import GEOSException

from lowsky.airspace.reading.attributes.json_values import number
from lowsky.airspace.reading.geometry.repair import repair
from lowsky.airspace.reading.geometry.repair_limits import RepairRefused
from lowsky.airspace.reading.geometry.strays import Strays
from lowsky.airspace.reading.report import Notes, ZoneRefused
from lowsky.geo.crs.converting import Converted, converted, converted_circle
from lowsky.geo.heights.altitude import AltitudeBand
from lowsky.geo.shapes.antimeridian import cut, unwrap
from lowsky.geo.shapes.centre_lines import CentreLine
from lowsky.geo.shapes.circles import circle
from lowsky.geo.zones.geozone import Layer, Restriction

VERTICES_MAX = 20_000
"""Of one zone. National zones reach 1 000 in a ring; beyond this, a check of a plan would be slow for everyone."""
PARTS_MAX = 1_000
"""Parts of a MultiPolygon, and rings of a polygon."""
RADIUS_MAX_M = 1_000_000.0
"""Published circles reach 300 km; beyond this a circle is no local airspace."""
WIDTH_MAX_DEGREES = 180.0
"""An outline that spans more is a viewer's mask ("outside the country") or a fault, not a zone to plan against."""

Outline = Polygon | MultiPolygon
Ring = NDArray[np.float64]
"""Longitudes and latitudes, n by 2."""


class Outlines:
    """Reads the outlines of one zone, within the limit on its vertices."""

    def __init__(self, notes: Notes, restriction: Restriction) -> None:
        self._notes = notes
        self._permits = restriction is Restriction.NO_RESTRICTION
        self._vertices = 0
        self._published: list[Outline] = []
        """Outlines as they are published, whatever the reference system."""
        self._strays = Strays()
        self._circles: list[tuple[Outline, CentreLine]] = []
        self._converted: list[tuple[Outline, Converted]] = []

    def polygon(self, coordinates: object, path: str) -> Outline:
        """A polygon from GeoJSON coordinates: a shell, then holes; what further rings are follows from how they lie."""
        return self._placed(self._shape(self._rings(coordinates, path), path), path)

    def polygon_or_wall(self, coordinates: object, path: str) -> Outline | None:
        """A polygon that is not alone; None where it is a wall, which has no area in plan: see `leave_out_strays`."""
        rings = self._rings(coordinates, path)
        outline = self._shape_or_wall(rings, path, self._strays)
        return outline if outline is None else self._placed(outline, path)

    def line(self, coordinates: object, path: str) -> None:
        """A point, a line, or several, beside outlines: see `leave_out_strays`."""
        if not isinstance(coordinates, list) or not coordinates:
            raise ZoneRefused("COORDINATES_UNREADABLE", path, "not a list of positions")
        if not isinstance(coordinates[0], list):
            self._strays.add("point", np.array([self._vertex(coordinates, path)]), path)
        elif coordinates[0] and isinstance(coordinates[0][0], list):
            for index, inner in enumerate(coordinates):
                self.line(inner, f"{path}[{index}]")
        else:
            self._strays.add("line", self._positions(coordinates, path), path)

    def leave_out_strays(self) -> None:
        """Notes the lines and walls that were found so far, once there are outlines beside them.

        Raises:
            ZoneRefused: LINES_ENCLOSE_GROUND, they enclose ground that no outline covers.
        """
        self._strays.leave_out(self._published, self._notes)

    def multi_polygon(self, coordinates: object, path: str) -> Outline:
        """The union of all parts."""
        if not isinstance(coordinates, list) or not coordinates:
            raise ZoneRefused("COORDINATES_UNREADABLE", path, "not a list of polygons")
        if len(coordinates) > PARTS_MAX:
            raise ZoneRefused("TOO_MANY_PARTS", path, f"{len(coordinates)} parts; {PARTS_MAX} is the most")
        parts: list[Outline] = []
        walls = Strays()
        for index, part in enumerate(coordinates):
            at = f"{path}[{index}]"
            outline = self._shape_or_wall(self._rings(part, at), at, walls)
            if outline is not None:
                parts.append(outline)
        if not parts:
            raise ZoneRefused("RING_WITHOUT_AREA", path, "none of the polygons encloses an area")
        walls.leave_out(parts, self._notes)
        return self._placed(parts[0] if len(parts) == 1 else self._together(parts, path), path)

    def _together(self, parts: list[Outline], path: str) -> Outline:
        together = MultiPolygon([polygon for part in parts for polygon in shapely.get_parts(part)])
        if together.is_valid:
            return together
        self._notes.mended("PARTS_OVERLAP", path, "parts overlap or share an edge: they were joined")
        joined = shapely.union_all(parts)
        if not isinstance(joined, (Polygon, MultiPolygon)):
            raise ZoneRefused("POLYGON_UNUSABLE", path, "the parts cannot be joined to an area")
        return joined

    def circle(self, centre: object, radius_m: float | None, path: str) -> Outline:
        """A circle, as a polygon that contains it."""
        longitude, latitude = self._vertex(centre, f"{path}.center")
        if radius_m is None or not 0.0 < radius_m <= RADIUS_MAX_M:
            raise ZoneRefused(
                "RADIUS_UNUSABLE", f"{path}.radius", f"a circle's radius is above 0 and at most {RADIUS_MAX_M:.0f} m"
            )
        longitude = (longitude + 180.0) % 360.0 - 180.0
        try:
            there = converted_circle(longitude, latitude, radius_m, self._notes.reference_system)
            plain = self._finish(circle(longitude, latitude, radius_m), path)
            self._published.append(plain)
            outline = plain if there is None else self._moved(there, path)
        except ValueError as fault:
            raise ZoneRefused("CIRCLE_UNUSABLE", path, str(fault)) from None
        if there is None:
            self._circles.append((outline, CentreLine.circle(longitude, latitude, radius_m)))
        return outline

    def layer(self, outline: Outline, band: AltitudeBand) -> Layer:
        """The layer of an outline that was read here, with the circle that it was drawn around, but for one that was
        converted: that is known to some metres, which the outline contains, and what permits does not."""
        circle_of = next((circle for drawn, circle in self._circles if drawn is outline), None)
        there = next((there for drawn, there in self._converted if drawn is outline), None)
        sure = cut(there.sure()) if there is not None and self._permits else None
        return Layer(outline, band, circle_of, sure)

    def _placed(self, outline: Outline, path: str) -> Outline:
        """The outline in WGS 84, whatever it was published in."""
        self._published.append(outline)
        try:
            there = converted(outline, self._notes.reference_system)
        except ValueError as fault:
            raise ZoneRefused("CONVERSION_IMPOSSIBLE", path, str(fault)) from None
        return outline if there is None else self._moved(there, path)

    def _moved(self, there: Converted, path: str) -> Outline:
        outline = self._finish(self._note(there, path), path)
        self._converted.append((outline, there))
        return outline

    def _note(self, there: Converted, path: str) -> Outline:
        self._notes.mended(
            f"CONVERTED_FROM_{self._notes.reference_system}",
            path.partition("[")[0],
            f"converted to WGS 84, and grown by {there.error_m:g} m, the possible error of the conversion",
            there.growth_m2(),
        )
        if there.unclear:
            self._notes.mended(
                "DISPLACEMENT_UNCLEAR",
                path.partition("[")[0],
                f"outside of mainland China or near its border, what is published in {self._notes.reference_system} may"
                " be displaced or not: both places are covered; publish WGS 84 or CGCS2000 for one",
            )
        return there.outline

    def _rings(self, coordinates: object, path: str) -> list[Ring]:
        if not isinstance(coordinates, list) or not coordinates:
            raise ZoneRefused("COORDINATES_UNREADABLE", path, "not a list of rings")
        if len(coordinates) > PARTS_MAX:
            raise ZoneRefused("TOO_MANY_RINGS", path, f"{len(coordinates)} rings; {PARTS_MAX} is the most")
        return [self._ring(ring, f"{path}[{index}]") for index, ring in enumerate(coordinates)]

    def _shape_or_wall(self, rings: list[Ring], path: str, walls: Strays) -> Outline | None:
        """The outline, or None and one more of the walls."""
        try:
            return self._shape(rings, path)
        except ZoneRefused as refusal:
            # Of several rings the first may be what all the others are holes of.
            if refusal.note.reason != "RING_WITHOUT_AREA" or len(rings) > 1:
                raise
        walls.add("wall", rings[0], path)
        return None

    def _shape(self, rings: list[Ring], path: str) -> Outline:
        if _encloses_nothing(rings[0]):
            raise ZoneRefused("RING_WITHOUT_AREA", f"{path}[0]", "fewer than three different points enclose nothing")
        holes: list[Ring] = []
        for index, hole in enumerate(rings[1:], 1):
            if _encloses_nothing(hole):
                self._notes.mended("HOLE_WITHOUT_AREA", f"{path}[{index}]", "a hole of no area was left out")
            else:
                holes.append(hole)
        return self._finish(self._mended(rings[0], holes, path), path)

    def _mended(self, shell: Ring, holes: list[Ring], path: str) -> Outline:
        try:
            published = unwrap(Polygon(shell, holes))
            if published.is_valid or isinstance(published, MultiPolygon):
                return published
            mended = repair(published)
        except RepairRefused as fault:
            raise ZoneRefused(fault.reason, path, fault.message) from None
        except (ValueError, GEOSException) as fault:
            raise ZoneRefused("POLYGON_UNUSABLE", path, str(fault)) from None
        for reason, message in mended.findings:
            self._notes.mended(reason, path, message)
        self._notes.extent_growth_m2 += mended.extent_growth_m2
        return mended.outline

    def _ring(self, coordinates: object, path: str) -> Ring:
        ring = self._positions(coordinates, path)
        if (ring[0] != ring[-1]).any():
            self._notes.mended("RING_UNCLOSED", path, "the ring was closed from its last point to its first")
            ring = np.concatenate([ring, ring[:1]])
        return ring

    def _positions(self, coordinates: object, path: str) -> Ring:
        if not isinstance(coordinates, list) or not coordinates:
            raise ZoneRefused("COORDINATES_UNREADABLE", path, "not a list of positions")
        self._vertices += len(coordinates)
        if self._vertices > VERTICES_MAX:
            raise ZoneRefused("TOO_MANY_VERTICES", path, f"more than {VERTICES_MAX} vertices in one zone")
        ring = _plain_positions(coordinates)
        if ring is None:
            ring = np.array([self._vertex(position, f"{path}[{index}]") for index, position in enumerate(coordinates)])
        return ring

    def _vertex(self, position: object, path: str) -> tuple[float, float]:
        if not isinstance(position, list) or len(position) < 2:
            raise ZoneRefused("COORDINATES_UNREADABLE", path, "not a position of longitude and latitude")
        longitude, latitude = number(position[0]), number(position[1])
        if longitude is None or latitude is None:
            raise ZoneRefused("COORDINATES_UNREADABLE", path, "a longitude or latitude is not a number")
        if not (-360.0 <= longitude <= 360.0 and -90.0 <= latitude <= 90.0):
            raise ZoneRefused(
                "COORDINATES_OUT_OF_RANGE", path, f"{longitude}, {latitude} is not a longitude and a latitude"
            )
        if isinstance(position[0], str) or isinstance(position[1], str):
            self._notes.unclear("NUMBER_AS_TEXT", path.partition("[")[0], "coordinates are written as texts")
        return longitude, latitude

    def _finish(self, outline: Outline, path: str) -> Outline:
        """Cut at the antimeridian, and looked over once more: what leaves here is valid and has an area."""
        bounds = shapely.bounds(shapely.get_parts(outline))
        width = float((bounds[:, 2] - bounds[:, 0]).max())
        if width > WIDTH_MAX_DEGREES:
            raise ZoneRefused("EXTENT_IMPLAUSIBLE", path, f"{width:.0f} degrees of longitude is no zone but a mask")
        try:
            pieces = cut(outline)
        except (ValueError, GEOSException) as fault:
            raise ZoneRefused("POLYGON_UNUSABLE", path, str(fault)) from None
        if (bounds[:, 0].min() < -180.0 or bounds[:, 2].max() > 180.0) and pieces is not outline:
            self._notes.unclear("ANTIMERIDIAN_CROSSED", path, "crosses the antimeridian: cut into pieces there")
        if pieces.is_empty or not pieces.area > 0.0 or not pieces.is_valid:
            raise ZoneRefused("POLYGON_UNUSABLE", path, "encloses no area")
        return pieces


def _plain_positions(coordinates: list[object]) -> Ring | None:
    """All positions at once, where all are valid; None where they must be checked one by one.

    A national file has a million positions, and hardly ever one that is not a plain pair of numbers.
    """
    if set(map(type, coordinates)) != {list} or not set(map(type, chain.from_iterable(coordinates))) <= {float, int}:  # type: ignore[arg-type]
        return None
    try:
        positions = np.array(coordinates, dtype=np.float64)
    except (ValueError, OverflowError):  # of different lengths, or an integer beyond any float
        return None
    if positions.ndim != 2 or positions.shape[1] < 2:
        return None
    ring = positions[:, :2]
    # Also false for what is not finite.
    return ring if (np.abs(ring) <= (360.0, 90.0)).all() else None


def _encloses_nothing(ring: Ring) -> bool:
    """Fewer than three different points: mostly the first few tell."""
    return len(set(map(tuple, ring[:8].tolist()))) < 3 and len(set(map(tuple, ring.tolist()))) < 3
