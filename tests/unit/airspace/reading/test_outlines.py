"""Outlines: every flaw that published rings have, repaired without taking anything away, or refused."""

from __future__ import annotations

import json
import math
import random
from itertools import pairwise

import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shapely import LineString, MultiPolygon, Point, Polygon, box
from shapely.geometry import shape

from lowsky.airspace.reading import ReportEntry, ZoneOutcome
from lowsky.geo.shapes.centre_lines import CentreLine
from tests.support.whole_reading import read

Ring = list[tuple[float, float]]
BAND = {"upper": 120, "upperReference": "AGL", "lower": 0, "lowerReference": "AGL", "uom": "m"}
METRE = 1 / 111_320
"""In degrees of latitude, about."""


def square(west: float, south: float, size: float) -> Ring:
    east, north = west + size, south + size
    return [(west, south), (east, south), (east, north), (west, north), (west, south)]


def outline(geometry: dict[str, object]) -> tuple[Polygon | MultiPolygon | None, ReportEntry]:
    feature = {
        "type": "Feature",
        "properties": {"identifier": "Z", "type": "PROHIBITED"},
        "geometry": {"layer": BAND, **geometry},
    }
    found = read(json.dumps(feature).encode())
    (entry,) = found.entries
    taken = found.zones[0].geozone.layers[0].outline if found.zones else None
    assert (taken is None) == (entry.outcome is ZoneOutcome.REFUSED)
    if taken is not None:
        assert taken.is_valid
        assert -180 <= taken.bounds[0] <= taken.bounds[2] <= 180
    return taken, entry


def polygon(*rings: object) -> tuple[Polygon | MultiPolygon | None, ReportEntry]:
    return outline({"type": "Polygon", "coordinates": list(rings)})


def noted(entry: ReportEntry) -> list[str]:
    return [note.reason for note in entry.notes]


def test_an_unclosed_ring_is_closed() -> None:
    taken, entry = polygon(square(8, 47, 0.1)[:-1])
    assert taken is not None
    assert taken.equals(box(8, 47, 8.1, 47.1))
    assert (entry.outcome, noted(entry), entry.extent_growth_m2) == (ZoneOutcome.REPAIRED, ["RING_UNCLOSED"], 0.0)


def test_repeated_points_tiny_rings_and_third_ordinates_are_nothing_to_mend() -> None:
    tiny = [(lon, lat, 400.0) for lon, lat in square(8, 47, 2 * METRE)]
    taken, entry = polygon([tiny[0], *tiny])
    assert taken is not None
    assert taken.area > 0
    assert entry.outcome is ZoneOutcome.TAKEN
    assert not entry.notes


def test_numbers_written_as_texts_are_read() -> None:
    taken, entry = polygon([[str(lon), str(lat)] for lon, lat in square(8, 47, 0.1)])
    assert taken is not None
    assert taken.equals(box(8, 47, 8.1, 47.1))
    assert noted(entry) == ["NUMBER_AS_TEXT"]


def test_a_bow_tie_keeps_both_its_lobes() -> None:
    ring = [(8.0, 47.0), (8.1, 47.1), (8.1, 47.0), (8.0, 47.1), (8.0, 47.0)]
    taken, entry = polygon(ring)
    assert taken is not None
    assert math.isclose(taken.area, 0.005, rel_tol=1e-9)
    assert (entry.outcome, noted(entry)) == (ZoneOutcome.REPAIRED, ["RING_SELF_INTERSECTS"])
    assert entry.extent_growth_m2 == 0.0


def test_a_spike_is_taken_away_since_it_encloses_nothing() -> None:
    taken, entry = polygon([(8, 47), (8.1, 47), (8.1, 47.1), (8.2, 47.1), (8.1, 47.1), (8, 47.1), (8, 47)])
    assert taken is not None
    assert taken.equals(box(8, 47, 8.1, 47.1))
    assert entry.outcome is ZoneOutcome.REPAIRED


@pytest.mark.parametrize(("loop_m", "kept"), [(0.5, True), (1.5, True), (3.5, False), (50.0, False)])
def test_a_loop_wound_twice_is_filled_when_small_and_refused_when_not(loop_m: float, kept: bool) -> None:
    loop = square(8.05, 47.05, loop_m * METRE)  # east to west a third less
    around = [(8.0, 47.0), (8.1, 47.0), (8.1, 47.1), (8.0, 47.1), (8.0, 47.0), (8.05, 47.05), *loop[1:], (8.0, 47.0)]
    taken, entry = polygon(around)
    assert (taken is not None) is kept
    assert noted(entry) == ["RING_SELF_INTERSECTS" if kept else "EXTENT_AMBIGUOUS"]
    if taken is not None:
        assert taken.contains(Point(8.05 + loop_m * METRE / 3, 47.05 + loop_m * METRE / 3))
        assert 0 < entry.extent_growth_m2 < loop_m**2


@pytest.mark.parametrize(
    ("hole", "reason", "area"),
    [
        ([(8.02, 47.02), (8.03, 47.02), (8.02, 47.02)], "HOLE_WITHOUT_AREA", 0.01),
        (
            [(8.02, 47.02), (8.04, 47.04), (8.04, 47.02), (8.02, 47.04), (8.02, 47.02)],
            "RING_SELF_INTERSECTS",
            0.01 - 0.0002,
        ),
    ],
)
def test_a_faulty_hole_takes_away_no_more_than_it_surely_does(hole: Ring, reason: str, area: float) -> None:
    taken, entry = polygon(square(8, 47, 0.1), hole)
    assert taken is not None
    assert math.isclose(taken.area, area, rel_tol=1e-6)
    assert noted(entry) == [reason]
    assert entry.outcome is ZoneOutcome.REPAIRED


def test_a_sound_hole_stays() -> None:
    taken, entry = polygon(square(8, 47, 0.1), square(8.02, 47.02, 0.02))
    assert taken is not None
    assert not taken.contains(Point(8.03, 47.03))
    assert not entry.notes


def test_holes_that_overlap_widely_are_refused_and_narrowly_are_kept() -> None:
    found, entry = polygon(square(8, 47, 0.1), square(8.02, 47.02, 0.02), square(8.03, 47.03, 0.02))
    assert found is None
    assert noted(entry) == ["EXTENT_AMBIGUOUS"]
    sliver = 0.02 - 0.5 * METRE
    found, entry = polygon(square(8, 47, 0.1), square(8.02, 47.02, 0.02), square(8.02 + sliver, 47.02, 0.02))
    assert found is not None
    assert found.contains(Point(8.04 - 0.25 * METRE, 47.03))
    assert noted(entry) == ["HOLES_OVERLAP"]


@pytest.mark.parametrize(
    ("rings", "reason"),
    [
        ([], "COORDINATES_UNREADABLE"),
        ([[]], "COORDINATES_UNREADABLE"),
        (["ring"], "COORDINATES_UNREADABLE"),
        ([[[8, 47], [8.1, 47], None, [8, 47.1]]], "COORDINATES_UNREADABLE"),
        ([[[8, 47], [8.1, 47], [8.1], [8, 47.1]]], "COORDINATES_UNREADABLE"),
        ([[[8, 47], [8.1, 47], [8.1, True], [8, 47.1]]], "COORDINATES_UNREADABLE"),
        ([[[8, 47], [8.1, 47], [8.1, "north"], [8, 47.1]]], "COORDINATES_UNREADABLE"),
        ([[[8, 47], [8.1, 47], [8.1, 97], [8, 47]]], "COORDINATES_OUT_OF_RANGE"),
        ([[[8, 47], [8.1, 47], [400, 47.1], [8, 47]]], "COORDINATES_OUT_OF_RANGE"),
        ([[[8, 47], [8.1, 47], [8, 47]]], "RING_WITHOUT_AREA"),
        ([[[8, 47], [8.1, 47.1], [8.2, 47.2], [8, 47]]], "RING_WITHOUT_AREA"),
        ([[(8, 47), (8.1, 47), (8, 47)], square(8, 47, 0.1)], "RING_WITHOUT_AREA"),
        ([[(8, 47), (8.1, 47), (8.2, 47), (8, 47)], square(8, 47, 0.1)], "RING_WITHOUT_AREA"),
        ([[(-180, -90), (180, -90), (180, 90), (-180, 90), (-180, -90)]], "EXTENT_IMPLAUSIBLE"),
        ([[(-180, 80), (-60, 80), (60, 80), (-180, 80)]], "POLYGON_UNUSABLE"),
        ([[(8 + 1e-6 * n, 47 + 0.1 * (n % 2)) for n in range(20_001)]], "TOO_MANY_VERTICES"),
        ([square(8, 47, 0.1)] * 1_001, "TOO_MANY_RINGS"),
    ],
)
def test_an_outline_that_cannot_be_stood_behind_is_refused(rings: list[object], reason: str) -> None:
    found, entry = polygon(*rings)
    assert found is None
    assert noted(entry)[-1] == reason


def test_parts_that_overlap_are_joined_and_lose_nothing() -> None:
    parts = [[square(8, 47, 0.1)], [square(8.05, 47.05, 0.1)]]
    taken, entry = outline({"type": "MultiPolygon", "coordinates": parts})
    assert taken is not None
    assert math.isclose(taken.area, 0.0175, rel_tol=1e-9)
    assert noted(entry) == ["PARTS_OVERLAP"]


def test_parts_apart_are_kept_as_they_are() -> None:
    taken, entry = outline({"type": "MultiPolygon", "coordinates": [[square(8, 47, 0.1)], [square(9, 47, 0.1)]]})
    assert taken is not None
    assert len(shapely.get_parts(taken)) == 2
    assert entry.outcome is ZoneOutcome.TAKEN


@pytest.mark.parametrize("coordinates", [[], "x", [[]], [[square(8, 47, 0.1)], None]])
def test_parts_that_cannot_be_read_refuse_the_whole(coordinates: object) -> None:
    assert outline({"type": "MultiPolygon", "coordinates": coordinates})[0] is None


@pytest.mark.parametrize(
    "ring",
    [
        [(179.9, 0), (-179.9, 0), (-179.9, 1), (179.9, 1), (179.9, 0)],
        [(179.9, 0), (180.1, 0), (180.1, 1), (179.9, 1), (179.9, 0)],
        [(-180.1, 0), (-179.9, 0), (-179.9, 1), (-180.1, 1), (-180.1, 0)],
    ],
)
def test_an_outline_over_the_antimeridian_is_cut_there(ring: Ring) -> None:
    taken, _ = polygon(ring)
    assert taken is not None
    assert math.isclose(taken.area, 0.2, rel_tol=1e-9)
    assert taken.contains(Point(179.95, 0.5))
    assert taken.contains(Point(-179.95, 0.5))


def test_a_tie_over_the_antimeridian_is_mended_and_cut() -> None:
    taken, entry = polygon([(179.9, 0), (-179.9, 1), (-179.9, 0), (179.9, 1), (179.9, 0)])
    assert taken is not None
    assert math.isclose(taken.area, 0.1, rel_tol=1e-9)
    assert entry.outcome is ZoneOutcome.REPAIRED


@pytest.mark.parametrize("radius", [10, 3_500, 300_000, "500"])
def test_a_circle_is_a_polygon_that_contains_it(radius: float | str) -> None:
    taken, _ = outline({"type": "Point", "coordinates": [8, 47], "extent": {"subType": "Circle", "radius": radius}})
    assert taken is not None
    assert taken.contains(Point(8, 47 + 0.999 * float(radius) / 111_500))


@pytest.mark.parametrize("longitude", [8.0, 179.999, -180.0, 185.0])
def test_a_circle_stays_one_beside_its_polygon(longitude: float) -> None:
    geometry = {"type": "Point", "coordinates": [longitude, 47], "extent": {"subType": "Circle", "radius": 3_500}}
    feature = {"type": "Feature", "properties": {"identifier": "Z", "type": "PROHIBITED"}, "geometry": geometry}
    (layer,) = read(json.dumps(feature).encode()).zones[0].geozone.layers
    assert layer.circle is not None
    assert layer.circle == CentreLine.circle(layer.circle.longitude, 47.0, 3_500.0)
    assert (layer.circle.longitude - longitude) % 360.0 == pytest.approx(0.0)
    assert -180.0 <= layer.circle.longitude <= 180.0


@pytest.mark.parametrize("radius", [0, -5, None, "wide", 1_000_001, True, 1e400])
def test_a_circle_without_a_usable_radius_is_refused(radius: object) -> None:
    geometry = {"type": "Point", "coordinates": [8, 47], "extent": {"subType": "Circle", "radius": radius}}
    text = json.dumps(
        {"type": "Feature", "properties": {"identifier": "Z", "type": "PROHIBITED"}, "geometry": geometry}
    )
    (entry,) = read(text.replace("Infinity", "1e999").encode()).entries
    assert entry.outcome is ZoneOutcome.REFUSED
    assert noted(entry) in (["RADIUS_UNUSABLE"], ["NUMBER_OUT_OF_RANGE"])


def test_a_circle_of_ed_269_is_read_in_metres_whatever_the_unit_of_its_limits() -> None:
    volume = {
        "uomDimensions": "FT",
        "lowerLimit": 0,
        "lowerVerticalReference": "AGL",
        "upperLimit": 400,
        "upperVerticalReference": "AGL",
        "horizontalProjection": {"type": "Circle", "center": [8, 47], "radius": 1000},
    }
    zone = {
        "identifier": "Z",
        "restriction": "PROHIBITED",
        "applicability": [{"permanent": "YES"}],
        "geometry": [volume],
    }
    found = read(json.dumps([zone]).encode())
    layer = found.zones[0].geozone.layers[0]
    assert layer.outline.contains(Point(8, 47 + 990 * METRE))
    assert layer.circle == CentreLine.circle(8.0, 47.0, 1000.0)
    assert noted(found.entries[0]) == ["RADIUS_UNIT"]


corner = st.tuples(st.integers(0, 8), st.integers(0, 8))
rings = st.lists(corner, min_size=3, max_size=9)


def winds_around(ring: Ring, x: float, y: float) -> bool:
    """By the angle that the ring sweeps: another way than the code under test."""
    angle = 0.0
    for (x0, y0), (x1, y1) in pairwise(ring):
        first, second = math.atan2(y0 - y, x0 - x), math.atan2(y1 - y, x1 - x)
        angle += math.remainder(second - first, math.tau)
    return abs(angle) > 1.0


@settings(max_examples=200, deadline=None)
@given(rings, st.sampled_from([1e-2, 1e-6]))
@example([(0, 1), (0, 0), (0, 1), (1, 0), (0, 0), (1, 0)], 1e-2)  # every side forth and back
def test_what_is_taken_of_any_ring_covers_every_reading_of_it(corners: list[tuple[int, int]], scale: float) -> None:
    ring = [(8 + x * scale, 47 + y * scale) for x, y in corners]
    ring.append(ring[0])
    taken, entry = polygon(ring)
    if taken is None:
        assert noted(entry)[-1] in ("EXTENT_AMBIGUOUS", "RING_WITHOUT_AREA")
        return
    enclosed = shapely.make_valid(Polygon(ring))
    missing = shapely.difference(enclosed, taken)
    assert missing.area <= 1e-6 * scale**2  # crossings are rounded to the nearest double
    lines = shapely.unary_union(LineString(ring))
    faces = shapely.get_parts(shapely.polygonize([lines])).tolist()
    points = [face.representative_point() for face in faces if face.area >= 1e-6 * scale**2]  # else made by rounding
    within = [winds_around(ring, point.x, point.y) for point in points]
    # One that is drawn forth and back winds around nothing, and means what lies within its lines.
    encloses = enclosed.area > 1e-6 * scale**2 and any(within)
    for point, is_within in zip(points, within, strict=True):
        if is_within:
            assert taken.covers(point)
        elif scale == 1e-2 and encloses:  # of a ring of a few decimetres a face between the readings may be kept
            assert not taken.contains(point)


def test_the_published_geometry_is_kept_beside_the_repaired_one() -> None:
    geometry = {"type": "Polygon", "coordinates": [square(8, 47, 0.1)[:-1]], "layer": BAND}
    feature = {"type": "Feature", "properties": {"identifier": "Z", "type": "PROHIBITED"}, "geometry": geometry}
    found = read(json.dumps(feature).encode())
    kept = json.loads(found.zones[0].published_json)
    assert len(kept["geometry"]["coordinates"][0]) == 4
    with pytest.raises((ValueError, shapely.errors.GEOSException)):
        shape({"type": "Polygon", "coordinates": [[[8, 47], [9, 47]]]})


def test_a_scribble_is_refused_before_it_is_taken_apart() -> None:
    chance = random.Random(1)
    taken, entry = polygon([(8 + chance.random(), 47 + chance.random()) for _ in range(5_000)])
    assert taken is None
    assert noted(entry)[-1] == "RING_TOO_TANGLED"
