"""Polygons of several rings, in any order and however they lie: parts, holes and islands, and never less than any
reading of them."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from itertools import pairwise

import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from lowsky.airspace.reading import ZoneOutcome
from tests.support.samples import PUBLIC
from tests.support.whole_reading import read
from tests.unit.airspace.reading.test_outlines import BAND, METRE, Ring, noted, outline, polygon, square, winds_around

CASES = PUBLIC / "cases"
OUTER, HOLE, ISLAND = square(8, 47, 0.1), square(8.02, 47.02, 0.05), square(8.03, 47.03, 0.02)
APART = square(8.2, 47, 0.1)
HOLE_APART = square(8.22, 47.02, 0.01)


def block(west: float, south: float, east: float, north: float) -> Ring:
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def area(*rings: Ring) -> float:
    return sum(Polygon(ring).area for ring in rings)


@pytest.mark.parametrize(
    ("rings", "reasons", "expected"),
    [
        ([OUTER, APART], ["RINGS_ARE_PARTS"], area(OUTER, APART)),
        ([OUTER, square(8.1, 47, 0.05)], ["RINGS_ARE_PARTS"], 0.0125),
        ([OUTER, APART, HOLE_APART], ["RINGS_ARE_PARTS"], area(OUTER, APART) - area(HOLE_APART)),
        ([OUTER, HOLE, APART, HOLE_APART], ["RINGS_ARE_PARTS"], area(OUTER, APART) - area(HOLE, HOLE_APART)),
        ([OUTER, HOLE, ISLAND], ["ISLAND_IN_HOLE"], area(OUTER, ISLAND) - area(HOLE)),
        ([OUTER, ISLAND, HOLE], ["ISLAND_IN_HOLE"], area(OUTER, ISLAND) - area(HOLE)),
        ([HOLE, OUTER], ["RINGS_EXCHANGED"], area(OUTER) - area(HOLE)),
        ([HOLE, OUTER, square(8.08, 47.08, 0.01)], ["RINGS_EXCHANGED"], area(OUTER) - area(HOLE) - 0.0001),
        ([OUTER, OUTER], ["RING_DRAWN_TWICE"], area(OUTER)),
        ([OUTER, OUTER[::-1]], ["RING_DRAWN_TWICE"], area(OUTER)),
        ([OUTER, APART, APART], ["RING_DRAWN_TWICE", "RINGS_ARE_PARTS"], area(OUTER, APART)),
        ([[*OUTER, *OUTER[1:]]], ["RING_SELF_INTERSECTS", "RING_DRAWN_TWICE"], area(OUTER)),
        ([OUTER, [(8.2, 47), (8.3, 47), (8.2, 47)]], ["HOLE_WITHOUT_AREA"], area(OUTER)),
        (
            [OUTER, [(8.2, 47), (8.3, 47), (8.4, 47), (8.2, 47)]],
            ["RING_SELF_INTERSECTS", "HOLE_WITHOUT_AREA"],
            area(OUTER),
        ),
    ],
)
def test_what_a_ring_is_follows_from_where_it_lies(rings: list[Ring], reasons: list[str], expected: float) -> None:
    taken, entry = polygon(*rings)
    assert taken is not None
    assert math.isclose(taken.area, expected, rel_tol=1e-9)
    assert (entry.outcome, noted(entry), entry.extent_growth_m2) == (ZoneOutcome.REPAIRED, reasons, 0.0)


@pytest.mark.parametrize(
    "rings",
    [
        [OUTER, square(8.09, 47.02, 0.02)],
        [OUTER, square(8.05, 47.02, 0.1)],
        [OUTER, square(8.1 - 3 * METRE, 47.02, 0.02)],
        [OUTER, square(8.02, 47.02, 0.02), square(8.03, 47.03, 0.02)],
        [OUTER, APART, square(8.25, 47.05, 0.1)],
        [OUTER, HOLE, HOLE],
        [OUTER, OUTER, HOLE],
        [[*OUTER, *OUTER[1:]], HOLE],
        [OUTER, [*HOLE, *HOLE[1:]]],
        [  # each within the one before, a metre to spare, and the last as good as beside the first
            OUTER,
            block(8.02, 47.02, 8.08, 47.1 + 1.4 * METRE),
            block(8.03, 47.1 - 1.4 * METRE, 8.07, 47.1 + 1.4 * METRE),
        ],
    ],
)
def test_rings_that_cross_or_double_a_hole_are_refused_as_ambiguous(rings: list[Ring]) -> None:
    taken, entry = polygon(*rings)
    assert taken is None
    assert noted(entry)[-1] == "EXTENT_AMBIGUOUS"


def test_a_hole_that_reaches_out_by_less_than_a_metre_keeps_what_is_outside() -> None:
    out = 0.5 * METRE
    taken, entry = polygon(OUTER, square(8.08 + out, 47.02, 0.02))
    assert taken is not None
    assert not taken.contains(Point(8.09, 47.03))
    assert taken.contains(Point(8.1 + out / 2, 47.03))
    assert noted(entry) == ["HOLE_CROSSES_SHELL"]
    assert entry.extent_growth_m2 > 0.0


def test_a_part_that_overlaps_the_first_by_less_than_a_metre_is_joined_to_it() -> None:
    taken, entry = polygon(OUTER, square(8.1 - 0.5 * METRE, 47, 0.1))
    assert taken is not None
    assert taken.covers(shapely.box(8, 47, 8.2 - METRE, 47.1))
    assert noted(entry) == ["RINGS_ARE_PARTS", "PARTS_OVERLAP"]


def test_a_ring_drawn_twice_with_some_centimetres_between_is_taken_as_both() -> None:
    taken, entry = polygon(OUTER, square(8 + 0.2 * METRE, 47, 0.1))
    assert taken is not None
    assert taken.covers(shapely.box(8, 47, 8.1 + 0.1 * METRE, 47.1))
    assert noted(entry) == ["RING_DRAWN_TWICE"]


def test_parts_on_both_sides_of_the_antimeridian_are_kept() -> None:
    taken, entry = polygon(square(179.8, 0, 0.2), square(-180, 0, 0.1), square(-179.95, 0.02, 0.01))
    assert taken is not None
    assert math.isclose(taken.area, 0.04 + 0.01 - 0.0001, rel_tol=1e-9)
    assert "RINGS_ARE_PARTS" in noted(entry)


def case(name: str) -> tuple[BaseGeometry, list[str]]:
    if not (CASES / name).is_file():
        pytest.skip(f"{CASES / name} is not here")
    found = read((CASES / name).read_bytes())
    (zone,) = found.zones
    return zone.geozone.layers[0].outline, noted(found.entries[0])


def test_the_published_plant_in_three_parts_keeps_all_three_and_its_court() -> None:
    taken, reasons = case("zones-rings-that-are-parts.json")
    assert len(shapely.get_parts(taken)) == 3
    assert math.isclose(taken.area, 0.002**2 + 0.01**2 + 0.003**2 - 0.002**2, rel_tol=1e-6)
    assert reasons == ["RINGS_ARE_PARTS"]


def test_the_published_ring_drawn_twice_is_taken_once() -> None:
    taken, _ = case("zones-ring-drawn-twice.json")
    assert math.isclose(taken.area, 0.0001, rel_tol=1e-9)


WALLS = [[[a, b, b, a]] for a, b in pairwise(OUTER)]
"""As vertical walls are in plan."""


def test_walls_beside_their_lid_are_left_out_and_named() -> None:
    taken, entry = outline({"type": "MultiPolygon", "coordinates": [*WALLS[:2], [OUTER], *WALLS[2:]]})
    assert taken is not None
    assert taken.equals(Polygon(OUTER))
    assert "4 walls" in entry.notes[-1].message
    assert noted(entry) == ["STRAYS_LEFT_OUT"] or noted(entry) == ["RING_UNCLOSED"] * 4 + ["STRAYS_LEFT_OUT"]


@pytest.mark.parametrize("beside", [APART, square(8.05, 47, 0.1)])
def test_walls_that_enclose_ground_without_a_lid_refuse_their_zone(beside: Ring) -> None:
    taken, entry = outline({"type": "MultiPolygon", "coordinates": [[beside], *WALLS]})
    assert taken is None
    assert noted(entry)[-1] == "LINES_ENCLOSE_GROUND"


def test_walls_alone_are_no_zone() -> None:
    taken, entry = outline({"type": "MultiPolygon", "coordinates": WALLS})
    assert taken is None
    assert noted(entry)[-1] == "RING_WITHOUT_AREA"


LID = {"type": "Polygon", "coordinates": [OUTER]}


@pytest.mark.parametrize(
    ("stray", "named"),
    [
        ({"type": "LineString", "coordinates": [[8, 47], [9, 48]]}, "1 line"),
        ({"type": "LineString", "coordinates": OUTER}, "1 line"),
        ({"type": "MultiLineString", "coordinates": [[[8, 47], [9, 48]], [[7, 47], [7, 48]]]}, "2 lines"),
        ({"type": "Point", "coordinates": [8.5, 47]}, "1 point"),
        ({"type": "Polygon", "coordinates": [[*WALLS[0][0], WALLS[0][0][0]]]}, "1 wall"),
    ],
)
@pytest.mark.parametrize("first", [True, False])
def test_a_stray_beside_a_polygon_is_left_out_and_named(stray: object, named: str, first: bool) -> None:
    taken, entry = outline({"type": "GeometryCollection", "geometries": [stray, LID] if first else [LID, stray]})
    assert taken is not None
    assert taken.equals(Polygon(OUTER))
    assert noted(entry) == ["STRAYS_LEFT_OUT"]
    assert entry.notes[0].message.endswith(named)


@pytest.mark.parametrize(
    ("stray", "reason"),
    [
        ({"type": "LineString", "coordinates": APART}, "LINES_ENCLOSE_GROUND"),
        (
            {"type": "LineString", "coordinates": [[8.1, 47], [8.3, 47], [8.3, 47.1], [8.1, 47.1]]},
            "LINES_ENCLOSE_GROUND",
        ),
        ({"type": "LineString", "coordinates": [[8, 47], [8, "north"]]}, "COORDINATES_UNREADABLE"),
        ({"type": "LineString", "coordinates": [[8, 47], [9, 47]], "layer": {"upper": 9}}, "GEOMETRY_TYPE"),
        ({"type": "Point", "coordinates": [8, 47], "extent": {"subType": "Circle"}}, "RADIUS_UNUSABLE"),
    ],
)
def test_what_may_be_of_the_zone_is_not_left_out(stray: object, reason: str) -> None:
    taken, entry = outline({"type": "GeometryCollection", "geometries": [LID, stray]})
    assert taken is None
    assert noted(entry)[-1] == reason


def test_a_bare_point_beside_circles_alone_may_be_one_without_its_radius() -> None:
    circle = {"type": "Point", "coordinates": [8, 47], "extent": {"subType": "Circle", "radius": 500}}
    bare = {"type": "Point", "coordinates": [9, 47]}
    taken, entry = outline({"type": "GeometryCollection", "geometries": [circle, bare]})
    assert taken is None
    assert noted(entry)[-1] == "EXTENT_ABSENT"


def test_notes_of_a_zone_beyond_the_most_are_counted() -> None:
    parts = [[square(8 + n * 0.01, 47, 0.005)[:-1]] for n in range(130)]
    taken, entry = outline({"type": "MultiPolygon", "coordinates": parts})
    assert taken is not None
    assert (len(entry.notes), entry.notes[-1].reason) == (101, "MORE_NOTES")
    assert entry.notes[-1].message.startswith("30 more")


def test_many_rings_side_by_side_are_read_and_a_thousand_around_each_other_are_refused() -> None:
    taken, _ = polygon(*(square(8 + n % 31 * 0.01, 47 + n // 31 * 0.01, 0.01) for n in range(960)))
    assert taken is not None
    assert math.isclose(taken.area, 0.096, rel_tol=1e-9)
    taken, entry = polygon(*(square(8 - n * 1e-3, 47 - n * 1e-3, n * 2e-3) for n in range(1, 1_000)))
    assert taken is None
    assert noted(entry) == ["RING_TOO_TANGLED"]


corner = st.tuples(st.integers(0, 8), st.integers(0, 8))
scribbles = st.lists(corner, min_size=3, max_size=7)
boxes = st.builds(
    lambda x, y, w, h: [(x, y), (x + w, y), (x + w, y + h), (x, y + h)],
    st.integers(0, 8),
    st.integers(0, 8),
    st.integers(0, 6),
    st.integers(0, 6),
)


@st.composite
def broken(draw: st.DrawFn) -> list[list[tuple[int, int]]]:
    """Rings apart, crossing, nested, exchanged, equal, touching themselves, of no area, drawn twice and reversed."""
    rings = draw(st.lists(boxes | scribbles, min_size=1, max_size=4))
    if draw(st.booleans()):
        rings.append(draw(st.sampled_from(rings)))
    if draw(st.booleans()):
        rings.append(draw(st.sampled_from(rings)) * 2)
    rings = draw(st.permutations(rings))
    return [ring[::-1] if draw(st.booleans()) else ring for ring in rings]


def readings(rings: Sequence[Ring]) -> list[BaseGeometry]:
    """What the rings may be read as: by GEOS, by even-odd, and as outer ring and holes; by points in the faces that all
    lines together make, and not as the code under test does.

    The structural way of GEOS takes the holes of a second part for ground, and so is a reading of one ring only."""
    # Two points are no ring; of the others GEOS counts the lines as well, of whatever area.
    whole = Polygon(rings[0], [ring for ring in rings[1:] if len(set(ring)) > 2])
    lines = shapely.unary_union([LineString(ring) for ring in rings])
    odd, specified = [], []
    for face in shapely.get_parts(shapely.polygonize(shapely.get_parts(lines))):
        x, y = face.representative_point().coords[0]
        around = [winds_around(ring, x, y) for ring in rings]
        if sum(around) % 2:
            odd.append(face)
        if around[0] and not any(around[1:]):
            specified.append(face)
    return [
        shapely.make_valid(whole),
        shapely.make_valid(Polygon(rings[0]), method="structure", keep_collapsed=False)
        if len(rings) == 1
        else Polygon(),
        shapely.union_all(odd),
        shapely.union_all(specified),
    ]


@settings(max_examples=250, deadline=None)
@given(broken(), st.sampled_from([1e-2, 1e-6]), st.booleans())
@example([[(0, 0), (2, 0), (2, 2), (0, 2)], [(4, 0), (8, 0), (8, 8), (4, 8)], [(5, 1), (6, 1), (6, 2)]], 1e-2, True)
@example([[(1, 1), (2, 1), (2, 2), (1, 2)], [(0, 0), (8, 0), (8, 8), (0, 8)]], 1e-2, False)
@example([[(2, 0), (5, 5), (0, 0), (7, 6), (1, 3)]], 1e-6, False)
@example([[(2, 0), (5, 5), (0, 3), (7, 6), (1, 3)]], 1e-6, False)
def test_what_is_taken_of_any_rings_covers_every_reading_of_them(
    corners: list[list[tuple[int, int]]], scale: float, closed: bool
) -> None:
    rings = [[(8 + x * scale, 47 + y * scale) for x, y in ring] for ring in corners]
    full = [[*ring, ring[0]] for ring in rings]
    taken, entry = polygon(*(full if closed else rings))
    if taken is None:
        assert noted(entry)[-1] in ("EXTENT_AMBIGUOUS", "RING_WITHOUT_AREA", "RING_TOO_TANGLED")
        return
    # Crossings are rounded; where GEOS has to snap, to some five micrometres.
    covered = taken.buffer(1e-10)
    for reading in readings(full):
        assert shapely.difference(shapely.make_valid(reading), covered).area <= 1e-6 * scale**2


@pytest.mark.parametrize("name", ["A", [{"text": "A", "lang": "en"}]])
def test_zones_of_one_title_are_each_taken_under_their_own_identifier(name: object) -> None:
    zones = [
        {
            "type": "Feature",
            "properties": {"identifier": identifier, "name": name, "type": "PROHIBITED"},
            "geometry": {"type": "Polygon", "coordinates": [OUTER], "layer": BAND},
        }
        for identifier in ("Z1", "Z2")
    ]
    found = read(json.dumps({"type": "FeatureCollection", "features": zones}).encode())
    assert [(entry.identifier, entry.outcome) for entry in found.entries] == [
        ("Z1", ZoneOutcome.TAKEN),
        ("Z2", ZoneOutcome.TAKEN),
    ]


def test_reasons_beyond_the_most_are_noted() -> None:
    feature = {
        "type": "Feature",
        "properties": {"identifier": "Z", "type": "PROHIBITED", "reason": [f"R{n}" for n in range(21)]},
        "geometry": {"type": "Polygon", "coordinates": [OUTER], "layer": BAND},
    }
    (entry,) = read(json.dumps(feature).encode()).entries
    assert noted(entry) == ["TOO_MANY_REASONS"]


def test_published_json_of_parts_stays_as_it_was_published() -> None:
    feature = {
        "type": "Feature",
        "properties": {"identifier": "Z", "type": "PROHIBITED"},
        "geometry": {"type": "Polygon", "coordinates": [OUTER, APART]},
    }
    (zone,) = read(json.dumps(feature).encode()).zones
    assert len(json.loads(zone.published_json)["geometry"]["coordinates"]) == 2
