"""Files in the reference systems of Chinese maps: zones lie where they are, never smaller than published."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
import pytest
import shapely
from shapely import MultiPolygon, Point, Polygon

from lowsky.airspace.reading import Declared, ZoneOutcome
from lowsky.geo.crs.displacement import CHINA, ERRORS_M, from_wgs84, to_wgs84, unclear
from lowsky.geo.crs.names import ReferenceSystem
from lowsky.geo.shapes.circles import circle
from lowsky.geo.shapes.projection import inverse
from tests.support.whole_reading import WholeReading, read

GCJ_02, BD_09 = ReferenceSystem.GCJ_02, ReferenceSystem.BD_09
DISPLACED = [GCJ_02, BD_09]


def feature(geometry: Mapping[str, object], identifier: str = "Z") -> dict[str, object]:
    return {
        "type": "Feature",
        "properties": {"identifier": identifier, "type": "PROHIBITED"},
        "geometry": {
            "layer": {"upper": 120, "upperReference": "AGL", "lower": 0, "lowerReference": "AGL", "uom": "m"},
            **geometry,
        },
    }


def reading(geometry: Mapping[str, object], system: ReferenceSystem) -> WholeReading:
    return read(json.dumps(feature(geometry)).encode(), Declared(reference_system=system))


def shown(outline: Polygon | MultiPolygon, system: ReferenceSystem) -> Polygon | MultiPolygon:
    """As the map shows it, edges divided so finely that each point of it is there."""
    fine = shapely.segmentize(outline, 0.0002)
    return shapely.transform(fine, lambda at: np.column_stack(from_wgs84(at[:, 0], at[:, 1], system)))


def published(outline: Polygon | MultiPolygon) -> dict[str, object]:
    geometry: dict[str, object] = json.loads(shapely.to_geojson(outline))
    return geometry


def nearest_m(outline: Polygon | MultiPolygon, taken: Polygon | MultiPolygon) -> float:
    """How near the taken outline comes to one within it."""
    corners = shapely.get_coordinates(shapely.segmentize(outline.boundary, 0.0005))
    points = cast(Sequence[Point], shapely.points(corners))
    on_edge = shapely.get_coordinates(
        [shapely.line_interpolate_point(taken.boundary, shapely.line_locate_point(taken.boundary, at)) for at in points]
    )
    return float(inverse(*corners.T, *on_edge.T)[1].min())


HOLED = Polygon(
    [(121.3, 31.1), (121.42, 31.12), (121.4, 31.2), (121.31, 31.19)],
    [[(121.34, 31.14), (121.36, 31.14), (121.35, 31.16)]],
)


@pytest.mark.parametrize("system", DISPLACED)
@pytest.mark.parametrize(
    "outline",
    [HOLED, MultiPolygon([HOLED, shapely.box(121.5, 31.1, 121.52, 31.12)])],
    ids=["holed", "several"],
)
def test_a_converted_outline_covers_the_true_one_and_the_stated_error(
    system: ReferenceSystem, outline: Polygon | MultiPolygon
) -> None:
    found = reading(published(shown(outline, system)), system)
    (zone,), (entry,) = found.zones, found.entries
    taken = zone.geozone.layers[0].outline
    assert taken.is_valid
    assert taken.covers(outline)
    margin = ERRORS_M[system]
    assert margin <= nearest_m(outline, taken) < margin + 2.0
    assert entry.outcome is ZoneOutcome.REPAIRED
    assert [note.reason for note in entry.notes] == [f"CONVERTED_FROM_{system}"]
    assert entry.extent_growth_m2 > 0.0
    assert found.notes == ()


@pytest.mark.parametrize("system", DISPLACED)
def test_a_long_edge_that_is_straight_on_the_map_is_covered_all_along(system: ReferenceSystem) -> None:
    outline = shapely.box(110.0, 30.0, 110.8, 30.5)
    taken = reading(published(outline), system).zones[0].geozone.layers[0].outline
    along = shapely.get_coordinates(shapely.segmentize(outline, 0.003))
    there = np.column_stack(to_wgs84(along[:, 0], along[:, 1], system))
    assert shapely.covers(taken, shapely.points(there)).all()
    assert len(shapely.get_coordinates(taken)) < len(along)  # what did not bend was simplified


@pytest.mark.parametrize("system", DISPLACED)
def test_a_circle_keeps_its_radius_around_its_true_centre_and_grows_by_the_error(system: ReferenceSystem) -> None:
    lon, lat = from_wgs84(121.3, 31.2, system)
    centre = {"type": "Point", "coordinates": [float(lon), float(lat)], "extent": {"subType": "Circle", "radius": 500}}
    found = reading(centre, system)
    taken = found.zones[0].geozone.layers[0].outline
    assert taken.covers(circle(121.3, 31.2, 500.0 + ERRORS_M[system] - 0.01))
    assert circle(121.3, 31.2, 500.0 + ERRORS_M[system] + 2.0).covers(taken)
    assert found.entries[0].outcome is ZoneOutcome.REPAIRED
    assert found.entries[0].extent_growth_m2 == pytest.approx(np.pi * (510**2 - 500**2), rel=1.2)


@pytest.mark.parametrize("system", DISPLACED)
@pytest.mark.parametrize(
    "geometry",
    [
        published(shapely.box(8.0, 47.0, 8.1, 47.1)),
        {"type": "Point", "coordinates": [8.0, 47.0], "extent": {"subType": "Circle", "radius": 500}},
        published(shapely.box(179.0, -17.0, 179.9, -16.0)),
    ],
    ids=["polygon", "circle", "far"],
)
def test_outside_of_china_a_zone_is_taken_as_published(system: ReferenceSystem, geometry: dict[str, object]) -> None:
    found, plain = reading(geometry, system), reading(geometry, ReferenceSystem.WGS_84)
    assert found.entries == plain.entries
    assert found.zones[0].geozone == plain.zones[0].geozone


@pytest.mark.parametrize("system", DISPLACED)
def test_at_the_edge_of_china_both_ways_to_read_a_zone_are_covered(system: ReferenceSystem) -> None:
    west = CHINA[0]
    outline = shapely.box(west - 0.005, 40.0, west + 0.005, 40.01)
    taken = reading(published(outline), system).zones[0].geozone.layers[0].outline
    assert taken.covers(outline)
    corners = shapely.get_coordinates(outline)
    there = to_wgs84(corners[:, 0], corners[:, 1], system, everywhere=True)
    assert shapely.covers(taken, shapely.points(*there)).all()
    centre = {"type": "Point", "coordinates": [west + 0.001, 40.0], "extent": {"subType": "Circle", "radius": 100}}
    both = reading(centre, system).zones[0].geozone.layers[0].outline
    assert both.covers(circle(west + 0.001, 40.0, 100.0))
    lon, lat = to_wgs84(west + 0.001, 40.0, system)
    assert both.covers(circle(float(lon), float(lat), 100.0))


UNCLEAR = "DISPLACEMENT_UNCLEAR"


@pytest.mark.parametrize("system", DISPLACED)
@pytest.mark.parametrize(
    ("lon", "lat"),
    [(114.10, 22.52), (126.98, 37.57), (106.9, 47.92), (105.85, 21.03), (121.56, 25.03), (77.2, 28.6), (111.95, 43.65)],
    ids=["across the limit of Hong Kong", "Seoul", "Ulaanbaatar", "Hanoi", "Taipei", "Delhi", "across the border"],
)
def test_a_zone_that_may_be_displaced_or_not_covers_both_places_and_says_so(
    system: ReferenceSystem, lon: float, lat: float
) -> None:
    outline = shapely.box(lon, lat, lon + 0.05, lat + 0.05)
    found = reading(published(outline), system)
    taken = found.zones[0].geozone.layers[0].outline
    corners = shapely.get_coordinates(shapely.segmentize(outline, 0.001))
    there = to_wgs84(corners[:, 0], corners[:, 1], system)
    assert shapely.covers(taken, shapely.points(*there)).all()
    assert shapely.covers(taken, shapely.points(corners[unclear(*corners.T)])).all()
    (entry,) = found.entries
    assert entry.identifier == "Z"
    assert [note.reason for note in entry.notes] == [f"CONVERTED_FROM_{system}", UNCLEAR]
    assert str(system) in entry.notes[1].message
    centre = {"type": "Point", "coordinates": [lon, lat], "extent": {"subType": "Circle", "radius": 100}}
    both = reading(centre, system)
    there_lon, there_lat = to_wgs84(lon, lat, system)
    assert both.zones[0].geozone.layers[0].outline.covers(circle(lon, lat, 100.0))
    assert both.zones[0].geozone.layers[0].outline.covers(circle(float(there_lon), float(there_lat), 100.0))
    assert UNCLEAR in [note.reason for note in both.entries[0].notes]


def test_a_permit_that_may_be_displaced_or_not_holds_where_it_does_in_both_places() -> None:
    outline = shapely.box(126.98, 37.57, 127.0, 37.59)
    free = feature(published(outline))
    free["properties"] = {"identifier": "Z", "type": "NO_RESTRICTION"}
    (zone,) = read(json.dumps(free).encode(), Declared(reference_system=GCJ_02)).zones
    sure = zone.geozone.layers[0].sure
    assert sure is not None
    assert not sure.is_empty
    assert outline.covers(sure)
    there = shapely.transform(outline, lambda at: np.column_stack(to_wgs84(at[:, 0], at[:, 1], GCJ_02)))
    assert there.covers(sure)


def test_a_circle_that_is_too_wide_with_the_error_says_what_was_added() -> None:
    circles = {
        radius: {"type": "Point", "coordinates": [104.0, 31.0], "extent": {"subType": "Circle", "radius": radius}}
        for radius in (999_990.0, 999_995.0)
    }
    assert reading(circles[999_990.0], GCJ_02).zones
    (entry,) = reading(circles[999_995.0], GCJ_02).entries
    assert entry.notes[-1].reason == "CIRCLE_UNUSABLE"
    assert all(part in entry.notes[-1].message for part in ("999995 m", "10 m added", "1000000 m", "at most 999990 m"))


def test_cgcs2000_is_taken_as_wgs_84_and_says_so_once() -> None:
    found = reading(published(HOLED), ReferenceSystem.CGCS2000)
    assert [note.reason for note in found.notes] == ["CGCS2000_TAKEN_AS_WGS_84"]
    assert found.entries[0].outcome is ZoneOutcome.TAKEN
    assert found.zones[0].geozone.layers[0].outline.equals(HOLED)


def test_a_published_zone_keeps_its_text_as_it_was() -> None:
    geometry = published(HOLED)
    (zone,) = reading(geometry, GCJ_02).zones
    assert json.loads(zone.published_json) == feature(geometry)
