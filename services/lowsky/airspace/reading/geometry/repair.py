"""Invalid polygons: an outline that covers every way to read them, or a refusal.

A ring that crosses itself has two readings: even-odd (what is inside an odd number of turns) and non-zero (what it
winds around). The non-zero one contains the other and is taken, with what the usual repair of geometry engines would
take, when what this adds is nowhere deeper than a metre. A ring that encloses something under the one reading only, as
one that is drawn twice does, encloses that.

Which rings are parts and which are holes follows from how they lie (see `nesting`), not from their order. Holes are cut
out only where they surely are: where they lie inside their part, and not where two of them cross.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry, LinearRing, LineString, MultiPolygon, Polygon

from lowsky.airspace.reading.geometry.nesting import Nesting, nesting_of
from lowsky.airspace.reading.geometry.repair_limits import (
    SLIVER_DEGREES2,
    RepairRefused,
    areas_in,
    is_shallow,
    refuse_tangles,
    require_shallow,
)

FACES_MAX = 2_000
"""Pieces that a ring may cut itself into; a scribble beyond that is refused rather than computed."""

_SELF_INTERSECTS = ("RING_SELF_INTERSECTS", "the ring meets itself: what it encloses or winds around was taken")
_FIRST_RING_WITHIN = (
    "RINGS_EXCHANGED",
    "the first ring lies within another: what is a part and what a hole was read from how the rings lie",
)
_PARTS = ("RINGS_ARE_PARTS", "rings outside of each other were read as parts of the zone, which has all of them")
_ISLANDS = ("ISLAND_IN_HOLE", "a ring within a hole was read as an island, which is part of the zone")


@dataclass(frozen=True, slots=True)
class Repaired:
    """A valid outline, what was wrong (reason, message), and by how many m² it exceeds the smallest reading."""

    outline: Polygon | MultiPolygon
    findings: tuple[tuple[str, str], ...]
    extent_growth_m2: float


@dataclass(frozen=True, slots=True)
class _Fill:
    """The two readings of one ring; `narrow` is within `wide`."""

    narrow: Geometry
    wide: Polygon | MultiPolygon


def repair(polygon: Polygon) -> Repaired:
    """A valid outline for an invalid polygon with unwrapped longitudes, whose rings are in any order.

    Raises:
        RepairRefused: EXTENT_AMBIGUOUS when readings differ by more than a metre, RING_WITHOUT_AREA when the first ring
            encloses nothing, RING_TOO_TANGLED.
        shapely.errors.GEOSException: when the geometry engine gives up.
    """
    rings = [polygon.exterior, *polygon.interiors]
    findings = dict([_SELF_INTERSECTS] if any(not ring.is_simple for ring in rings) else [])
    fills = [_fill(ring) for ring in rings]
    if fills[0].wide.is_empty:
        raise RepairRefused("RING_WITHOUT_AREA", "the polygon encloses no area")
    if any(fill.wide.is_empty for fill in fills):
        findings["HOLE_WITHOUT_AREA"] = "a hole of no area was left out"
    fills = [fill for fill in fills if not fill.wide.is_empty]
    nesting = nesting_of(np.array([fill.wide for fill in fills], dtype=np.object_))
    fills = _joined_twins(fills, nesting, findings)
    findings |= _findings(nesting)
    wide, narrow = _together(fills, nesting)
    # As others repair the whole: lines of no area may enclose something together with other rings.
    wide = areas_in(shapely.union(wide, areas_in(shapely.make_valid(polygon))))
    growth_m2 = require_shallow(wide, narrow)
    return Repaired(
        wide,
        tuple(findings.items()) or (("POLYGON_INVALID", "the polygon's rings were put in order"),),
        growth_m2,
    )


def _joined_twins(fills: list[_Fill], nesting: Nesting, findings: dict[str, str]) -> list[_Fill]:
    """The fills, where parts that are drawn twice enclose what they enclose once.

    Raises:
        RepairRefused: EXTENT_AMBIGUOUS for a hole that is drawn twice, which may be filled again, and for a part with
            rings within it, which are its holes or, where the two cancel each other, what is left.
    """
    joined = list(fills)
    twice = {twin for _, twin in nesting.twins}
    for place, twin in nesting.twins:
        joined[twin] = _Fill(joined[twin].narrow, areas_in(shapely.union(joined[twin].wide, fills[place].wide)))
    for place in nesting.rings:
        fill = joined[place]
        if fill.narrow is fill.wide or not nesting.is_part(place):
            continue
        if is_shallow(fill.narrow) and not is_shallow(fill.wide):
            joined[place] = _Fill(fill.wide, fill.wide)
            twice.add(place)
    for place in twice:
        if not nesting.is_part(place) or nesting.holes_of(place):
            message = "a ring that is a hole, or has holes, is drawn twice: what of it is enclosed is not clear"
            raise RepairRefused("EXTENT_AMBIGUOUS", message)
    if twice:
        findings["RING_DRAWN_TWICE"] = "a ring is drawn twice: what it encloses was taken once"
    return joined


def _findings(nesting: Nesting) -> dict[str, str]:
    parts = [place for place in nesting.rings if nesting.is_part(place)]
    found = []
    if nesting.depths[0] > 0:
        found.append(_FIRST_RING_WITHIN)
    if sum(nesting.depths[place] == 0 for place in parts) > 1:
        found.append(_PARTS)
    if any(nesting.depths[place] > 0 for place in parts):
        found.append(_ISLANDS)
    for one, other in nesting.overlaps:
        if nesting.is_part(one) and nesting.is_part(other):
            found.append(("PARTS_OVERLAP", "parts overlap: they were joined"))
        elif nesting.is_part(one) or nesting.is_part(other) or nesting.parents[one] != nesting.parents[other]:
            found.append(("HOLE_CROSSES_SHELL", "a hole reaches out of its part: only what is inside was cut out"))
        else:
            found.append(("HOLES_OVERLAP", "holes overlap: where they do, the zone was kept"))
    if any(not nesting.is_part(place) for place in nesting.reaching_out):
        found.append(("HOLE_CROSSES_SHELL", "a hole reaches out of its part: only what is inside was cut out"))
    return dict(found)


def _together(fills: list[_Fill], nesting: Nesting) -> tuple[Polygon | MultiPolygon, Geometry]:
    """All parts without their holes, in the wide reading and in the narrow one."""
    wide: list[Geometry] = []
    narrow: list[Geometry] = []
    for place in nesting.rings:
        if not nesting.is_part(place):
            continue
        part, holes = fills[place], nesting.holes_of(place)
        if not holes:
            wide.append(part.wide)
            narrow.append(part.narrow)
            continue
        surely = shapely.union_all([fills[hole].narrow for hole in holes])
        twice = [
            shapely.intersection(fills[one].wide, fills[other].wide)
            for one, other in nesting.overlaps
            if one in holes and other in holes
        ]
        surely = shapely.difference(surely, shapely.union_all(twice))
        wide.append(shapely.difference(part.wide, surely))
        wide.extend(shapely.difference(fills[hole].wide, part.wide) for hole in holes if hole in nesting.reaching_out)
        maybe = shapely.union_all([fills[hole].wide for hole in holes])
        narrow.append(shapely.difference(part.narrow, maybe))
    return areas_in(shapely.union_all(wide)), shapely.union_all(narrow)


def _fill(ring: LinearRing) -> _Fill:
    """Both readings of a ring, from the pieces into which its own line divides the plane."""
    plain = Polygon(ring)
    if plain.is_valid:
        return _Fill(plain, plain)
    vertices = shapely.get_coordinates(ring)
    refuse_tangles(np.stack([vertices[:-1], vertices[1:]], axis=1))
    line = shapely.unary_union(LineString(ring.coords))
    faces = np.asarray(shapely.get_parts(shapely.polygonize([line])))
    if len(faces) > FACES_MAX:
        raise RepairRefused("RING_TOO_TANGLED", f"the ring divides itself into more than {FACES_MAX} pieces")
    windings = np.array([_winding(vertices, face) for face in faces], dtype=np.int64)
    slivers = shapely.area(faces) < SLIVER_DEGREES2
    around = shapely.union_all(faces[(windings != 0) | slivers])
    # The repair that others use ("make valid") reads an edge that is run to and fro in a third way: cover that too.
    usual = areas_in(shapely.make_valid(plain))
    return _Fill(shapely.union_all(faces[windings % 2 == 1]), areas_in(shapely.union(around, usual)))


def _winding(ring: NDArray[np.float64], face: Polygon) -> int:
    """How often the closed ring turns around a point of the face."""
    x, y = shapely.get_coordinates(shapely.point_on_surface(face))[0]
    (x0, y0), (x1, y1) = ring[:-1].T, ring[1:].T
    left = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)
    up = (y0 <= y) & (y1 > y) & (left > 0.0)
    down = (y0 > y) & (y1 <= y) & (left < 0.0)
    return int(up.sum() - down.sum())
