"""Invalid polygons: an outline that covers every way to read them, or a refusal.

A ring that crosses itself has two readings: even-odd (what is inside an odd number of turns) and non-zero (what it
winds around). The non-zero one contains the other and is taken, with what the usual repair of geometry engines would
take, when what this adds is nowhere deeper than a metre.
Holes are cut out only where they surely are: inside the shell, and not where two of them cross.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import Geometry, LinearRing, LineString, MultiPolygon, Polygon, STRtree

from lowsky.geo.projection import metres_per_degree

GROWTH_MAX_M = 1.0
"""How deep a piece that a repair adds to the smallest reading may be: no point of it is farther from its edge.

The rule of the domain: a repair changes no extent by more than a metre.
"""
FACES_MAX = 2_000
"""Pieces that a ring may cut itself into; a scribble beyond that is refused rather than computed."""
CROSSINGS_MAX = 1_000
"""Of a ring with itself, counted before anything is computed: one of 20 000 random points has a hundred million."""
SLIVER_DEGREES2 = 1e-16
"""Below some mm², whether a piece is inside is a matter of rounding: it counts as inside."""


class RepairRefused(Exception):
    """No outline can be stood behind."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


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
    wide: Geometry


def repair(polygon: Polygon) -> Repaired:
    """A valid outline for an invalid polygon with unwrapped longitudes.

    Raises:
        RepairRefused: EXTENT_AMBIGUOUS when readings differ by more than a metre, RING_WITHOUT_AREA when nothing is
            enclosed, RING_TOO_TANGLED.
        shapely.errors.GEOSException: when the geometry engine gives up.
    """
    findings: list[tuple[str, str]] = []
    shell = _fill(polygon.exterior)
    if not polygon.exterior.is_simple:
        findings.append(("RING_SELF_INTERSECTS", "the ring meets itself: what it encloses or winds around was taken"))
    surely_cut, maybe_cut = _holes(polygon, shell, findings)
    wide = _areas(shapely.difference(shell.wide, surely_cut))
    narrow = _areas(shapely.difference(shell.narrow, maybe_cut))
    if wide.is_empty:
        raise RepairRefused("RING_WITHOUT_AREA", "the polygon encloses no area")
    growth_m2 = _growth(wide, narrow)
    return Repaired(wide, tuple(findings) or (("POLYGON_INVALID", "the polygon's rings were put in order"),), growth_m2)


def _holes(polygon: Polygon, shell: _Fill, findings: list[tuple[str, str]]) -> tuple[Geometry, Geometry]:
    """What is surely cut out, and what may be."""
    surely: Geometry = Polygon()
    maybe: Geometry = Polygon()
    for interior in polygon.interiors:
        hole = _fill(interior)
        if not shapely.intersection(hole.wide, shell.wide).area > 0.0:
            findings.append(("HOLE_OUTSIDE_SHELL", "a hole outside the outline was left out: it takes nothing away"))
            continue
        if not interior.is_simple:
            findings.append(("RING_SELF_INTERSECTS", "a hole meets itself: only what it surely encloses was cut out"))
        if not shapely.covers(shell.wide, hole.wide):
            findings.append(("HOLE_CROSSES_SHELL", "a hole reaches out of the outline: its part inside was cut out"))
        shared = shapely.intersection(maybe, hole.wide)
        if shared.area > 0.0:
            _growth(shared, Polygon())  # refuses at once what would be refused in the end
            findings.append(("HOLES_OVERLAP", "holes overlap: where they do, the zone was kept"))
        surely = shapely.symmetric_difference(surely, hole.narrow)
        maybe = shapely.union(maybe, hole.wide)
    return surely, maybe


def _fill(ring: LinearRing) -> _Fill:
    """Both readings of a ring, from the pieces into which its own line divides the plane."""
    plain = Polygon(ring)
    if plain.is_valid:
        return _Fill(plain, plain)
    _refuse_tangles(shapely.get_coordinates(ring))
    line = shapely.unary_union(LineString(ring.coords))
    faces = np.asarray(shapely.get_parts(shapely.polygonize([line])))
    if len(faces) > FACES_MAX:
        raise RepairRefused("RING_TOO_TANGLED", f"the ring divides itself into more than {FACES_MAX} pieces")
    vertices = shapely.get_coordinates(ring)
    windings = np.array([_winding(vertices, face) for face in faces], dtype=np.int64)
    slivers = shapely.area(faces) < SLIVER_DEGREES2
    around = shapely.union_all(faces[(windings != 0) | slivers])
    # The repair that others use ("make valid") reads an edge that is run to and fro in a third way: cover that too.
    return _Fill(shapely.union_all(faces[windings % 2 == 1]), shapely.union(around, _areas(shapely.make_valid(plain))))


def _refuse_tangles(vertices: NDArray[np.float64]) -> None:
    """Refuses a ring that crosses itself too often to be taken apart, looking at no more of it than that takes."""
    segments = np.asarray(shapely.linestrings(np.stack([vertices[:-1], vertices[1:]], axis=1)))
    tree = STRtree(segments)
    neighbours = 3  # each meets itself and the two beside it
    meetings = 0
    for first in range(0, len(segments), 256):
        some = segments[first : first + 256]
        meetings += tree.query(some, predicate="intersects").shape[1] - neighbours * len(some)
        if meetings > 2 * CROSSINGS_MAX:
            raise RepairRefused("RING_TOO_TANGLED", f"the ring crosses itself more than {CROSSINGS_MAX} times")


def _winding(ring: NDArray[np.float64], face: Polygon) -> int:
    """How often the closed ring turns around a point of the face."""
    x, y = shapely.get_coordinates(shapely.point_on_surface(face))[0]
    (x0, y0), (x1, y1) = ring[:-1].T, ring[1:].T
    left = (x1 - x0) * (y - y0) - (x - x0) * (y1 - y0)
    up = (y0 <= y) & (y1 > y) & (left > 0.0)
    down = (y0 > y) & (y1 <= y) & (left < 0.0)
    return int(up.sum() - down.sum())


def _growth(wide: Geometry, narrow: Geometry) -> float:
    """By how many m² the wide reading exceeds the narrow; refused when it is deeper than a metre anywhere."""
    total_m2 = 0.0
    for piece in shapely.get_parts(shapely.difference(wide, narrow)):
        if not isinstance(piece, Polygon) or piece.area < SLIVER_DEGREES2:
            continue
        per_longitude, per_latitude = metres_per_degree(piece.centroid.y)
        scale = np.array([float(per_longitude), float(per_latitude)])
        local = _scaled(piece, scale)
        total_m2 += float(shapely.area(local))
        if not shapely.buffer(local, -GROWTH_MAX_M).is_empty:
            message = "the rings can be read in ways that differ by more than a metre"
            raise RepairRefused("EXTENT_AMBIGUOUS", message)
    return total_m2


def _scaled(geometry: Geometry, scale: NDArray[np.float64]) -> Geometry:
    scaled: Geometry = shapely.transform(geometry, lambda degrees: degrees * scale)
    return scaled


def _areas(geometry: Geometry) -> Polygon | MultiPolygon:
    # Twice: a collection may hold a multipolygon.
    pieces = shapely.get_parts(shapely.get_parts(geometry))
    parts = [part for part in pieces if isinstance(part, Polygon) and part.area > 0.0]
    return parts[0] if len(parts) == 1 else MultiPolygon(parts)
