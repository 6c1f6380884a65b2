"""Zones without restriction permit flying: never more than was published, however it is read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping

import numpy as np
import pytest
import shapely
from pyproj import Geod
from shapely import MultiPolygon, Polygon

from lowsky.airspace.reading import Declared, ReadZone
from lowsky.findings.finding import Rule
from lowsky.geo.codec.zones import geozone_from_message, geozone_to_message
from lowsky.geo.crs.displacement import CHINA, ERRORS_M, from_wgs84
from lowsky.geo.crs.names import ReferenceSystem
from lowsky.geo.heights.altitude import Datum
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import corridors
from lowsky.geo.zones.geozone import Geozone
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from lowsky.geofence.areas import AreaIndex, StatedArea
from lowsky.geofence.assessing import look
from tests.support.whole_reading import read

GEOD = Geod(ellps="WGS84")
WGS_84, GCJ_02, BD_09 = ReferenceSystem.WGS_84, ReferenceSystem.GCJ_02, ReferenceSystem.BD_09
TOWER = "authorities/tower"
LAYER = {"upper": 120, "upperReference": "AGL", "lower": 0, "lowerReference": "AGL", "uom": "m"}
BOX = shapely.box(121.4, 31.2, 121.42, 31.22)
HOLED = Polygon(BOX.exterior, [shapely.box(121.405, 31.205, 121.41, 31.21).exterior.coords])
APART = MultiPolygon([HOLED, shapely.box(121.42005, 31.2, 121.43, 31.22)])
"""Some 5 m apart: what a conversion that may be wrong by 10 m grows together."""


def shown(outline: Polygon | MultiPolygon, system: ReferenceSystem) -> dict[str, object]:
    """As a map shows it, as GeoJSON."""
    fine = shapely.segmentize(outline, 0.0005)
    there = shapely.transform(fine, lambda at: np.column_stack(from_wgs84(at[:, 0], at[:, 1], system)))
    geometry: dict[str, object] = json.loads(shapely.to_geojson(there))
    return geometry


def taken(geometry: Mapping[str, object], system: ReferenceSystem = WGS_84, **properties: object) -> ReadZone:
    said = {"identifier": "Z", "type": "NO_RESTRICTION", **properties}
    feature = {"type": "Feature", "properties": said, "geometry": {"layer": LAYER, **geometry}}
    (zone,) = read(json.dumps(feature).encode(), Declared(reference_system=system)).zones
    return zone


def asked(zone: Geozone, longitude: float, latitude: float, height_m: float = 60.0) -> bool:
    """Whether a flight of half a metre around a place needs the word of the authority that publishes the zone."""
    at, agl = np.full(2, longitude), np.full(2, Datum.AGL.code, dtype=np.int8)
    times, heights = np.array([1.8e9, 1.8e9 + 60.0]), np.full(2, height_m)
    volumes = corridors([Trajectory(at, np.full(2, latitude), heights, agl, times, 0.5, 1.0, 0.0)])
    zones: ZoneIndex[object] = ZoneIndex([IndexedZone("geozones/free", zone, None)], 1)
    around = shapely.box(longitude - 1.0, latitude - 1.0, longitude + 1.0, latitude + 1.0)
    (found,) = look(zones, AreaIndex([StatedArea(TOWER, "Tower", around, -math.inf)]), volumes, 1)
    return Rule.AREA_DEFAULT in {finding.rule for finding in found}


def published(zone: Geozone) -> Geozone:
    """As flight plans see it: by way of the message, with its publisher."""
    message = geozone_to_message(zone, name="geozones/free", dataset="d", dataset_version=1)
    message.publisher = TOWER
    return geozone_from_message(message)


@pytest.mark.parametrize("system", [GCJ_02, BD_09])
@pytest.mark.parametrize("outline", [BOX, HOLED, APART], ids=["box", "holed", "parts near each other"])
def test_a_converted_permit_is_what_surely_lies_in_it(system: ReferenceSystem, outline: Polygon | MultiPolygon) -> None:
    zone = published(taken(shown(outline, system), system).geozone)
    sure, error_m = zone.layers[0].sure, ERRORS_M[system]
    assert sure is not None
    assert sure.is_valid
    corners = shapely.get_coordinates(shapely.segmentize(sure.boundary, 0.0005))
    points = shapely.points(corners)
    assert shapely.contains(outline, points).all()
    nearest = shapely.get_coordinates(shapely.shortest_line(points, outline.boundary))[1::2]
    away_m = np.asarray(GEOD.inv(*corners.T, *nearest.T)[2])
    assert away_m.min() >= error_m - 0.1
    assert away_m.max() < 2.0 * error_m


@pytest.mark.parametrize(("inside_m", "asks"), [(-5.0, True), (5.0, True), (25.0, False)])
def test_a_flight_where_a_converted_permit_may_end_is_asked_for(inside_m: float, asks: bool) -> None:
    zone = published(taken(shown(BOX, GCJ_02), GCJ_02).geozone)
    lon, lat, _ = GEOD.fwd(121.4, 31.21, 90.0, inside_m)
    assert asked(zone, lon, lat) is asks


@pytest.mark.parametrize(("away_m", "asks"), [(505.0, True), (495.0, True), (485.0, False)])
def test_a_converted_circle_permits_what_surely_lies_in_it(away_m: float, asks: bool) -> None:
    at = [float(degrees) for degrees in from_wgs84(121.4, 31.2, GCJ_02)]
    circle = {"type": "Point", "coordinates": at, "extent": {"subType": "Circle", "radius": 500}}
    zone = published(taken(circle, GCJ_02).geozone)
    lon, lat, _ = GEOD.fwd(121.4, 31.2, 37.0, away_m)
    assert asked(zone, lon, lat) is asks


def test_a_circle_that_is_smaller_than_the_error_permits_nothing() -> None:
    at = [float(degrees) for degrees in from_wgs84(121.4, 31.2, GCJ_02)]
    circle = {"type": "Point", "coordinates": at, "extent": {"subType": "Circle", "radius": 8}}
    assert asked(published(taken(circle, GCJ_02).geozone), 121.4, 31.2)


def test_at_the_edge_of_china_a_permit_is_where_both_ways_to_read_it_are() -> None:
    west = CHINA[0]
    outline = shapely.box(west - 0.005, 40.0, west + 0.005, 40.01)
    zone = published(taken(json.loads(shapely.to_geojson(outline)), GCJ_02).geozone)
    sure = zone.layers[0].sure
    assert sure is not None
    assert sure.area > 0.0
    assert outline.covers(sure)
    displaced = shapely.transform(sure, lambda at: np.column_stack(from_wgs84(at[:, 0], at[:, 1], GCJ_02)))
    inside = shapely.intersection(displaced, shapely.box(*CHINA[:2], *CHINA[2:]))
    assert outline.covers(inside)


DOUBTFUL = {
    "a ceiling that may be one or a thousand": {"layer": LAYER | {"upper": "1.200"}},
    "no ceiling": {"layer": {key: value for key, value in LAYER.items() if key != "upper"}},
    "a ceiling below the floor": {"layer": LAYER | {"lower": 300}},
    "an unknown unit": {"layer": LAYER | {"uom": "fathom"}},
}


@pytest.mark.parametrize("geometry", DOUBTFUL.values(), ids=DOUBTFUL)
def test_limits_that_are_unclear_permit_nothing(geometry: dict[str, object]) -> None:
    read_zone = taken({**json.loads(shapely.to_geojson(BOX)), **geometry})
    assert asked(published(read_zone.geozone), 121.41, 31.21)
    assert "PERMITS_NOTHING" in {note.reason for note in read_zone.notes}


def test_times_that_are_unclear_permit_nothing() -> None:
    period = {"startDateTime": "yesterday", "endDateTime": "2040-01-01T00:00:00Z"}
    read_zone = taken(json.loads(shapely.to_geojson(BOX)), limitedApplicability=[period])
    assert asked(published(read_zone.geozone), 121.41, 31.21)


def test_an_outline_that_was_repaired_permits_nothing() -> None:
    part = [(121.5, 31.2), (121.52, 31.2), (121.52, 31.22), (121.5, 31.22), (121.5, 31.2)]
    rings = [[list(at) for at in BOX.exterior.coords], [list(at) for at in part]]  # a hole, or one more part
    read_zone = taken({"type": "Polygon", "coordinates": rings})
    assert asked(published(read_zone.geozone), 121.51, 31.21)


def test_what_is_clear_permits_as_published() -> None:
    zone = taken(json.loads(shapely.to_geojson(BOX)))
    assert zone.geozone.layers[0].sure is None
    assert zone.notes == taken(json.loads(shapely.to_geojson(BOX)), type="PROHIBITED").notes
    assert not asked(published(zone.geozone), 121.41, 31.21)


def test_what_forbids_is_read_as_the_wider_all_the_same() -> None:
    zone = taken(shown(BOX, GCJ_02), GCJ_02, type="PROHIBITED").geozone
    assert zone.layers[0].sure is None
    assert zone.layers[0].outline.covers(BOX)
