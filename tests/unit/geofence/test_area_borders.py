"""Borders of authorities' areas and of airspace that permits flying: a centimetre on either side of a corridor."""

from __future__ import annotations

import math

import numpy as np
import pytest
import shapely
from pyproj import Geod

from lowsky.findings.finding import Rule
from lowsky.geo.heights.altitude import AltitudeBand, Datum
from lowsky.geo.shapes.centre_lines import CentreLine
from lowsky.geo.shapes.circles import circle
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import Volumes, corridors
from lowsky.geo.zones.geozone import Geozone, Layer, Restriction
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from lowsky.geofence.areas import AreaIndex, StatedArea
from lowsky.geofence.assessing import look

GEOD = Geod(ellps="WGS84")
PLACE = (121.47, 31.23)
BUFFER_M = 500.0
TOWER = "authorities/tower"
NO_ZONES: ZoneIndex[object] = ZoneIndex([], 1)


def moved(point: tuple[float, float], azimuth: float, metres: float) -> tuple[float, float]:
    longitude, latitude, _ = GEOD.fwd(*point, azimuth, metres)
    return float(longitude), float(latitude)


def flight(end: tuple[float, float]) -> Volumes:
    """A leg northwards to PLACE, 50 m above ground."""
    start = moved(end, 180.0, 600.0)
    columns = np.array([start, end])
    agl = np.full(2, Datum.AGL.code, dtype=np.int8)
    heights, times = np.full(2, 50.0), np.array([1.8e9, 1.8e9 + 60.0])
    return corridors([Trajectory(columns[:, 0], columns[:, 1], heights, agl, times, BUFFER_M, 10.0, 0.0)])


def rules(areas: AreaIndex, zones: ZoneIndex[object], volumes: Volumes) -> set[Rule]:
    (found,) = look(zones, areas, volumes, 1)
    return {finding.rule for finding in found}


@pytest.mark.parametrize("azimuth", [0.0, 37.5, 60.0])
@pytest.mark.parametrize(("room_m", "outside"), [(0.01, False), (-0.01, True)])
def test_a_flight_leaves_an_area_where_its_corridor_does_and_not_where_it_is_drawn_too_wide(
    azimuth: float, room_m: float, outside: bool
) -> None:
    border = moved(PLACE, azimuth, BUFFER_M + room_m)
    ahead = float(GEOD.inv(*border, *PLACE)[0]) + 180.0
    ring = [moved(moved(border, ahead + side, 9e3), ahead + back, far) for side, back, far in
            ((90.0, 0.0, 0.0), (90.0, 180.0, 9e3), (-90.0, 180.0, 9e3), (-90.0, 0.0, 0.0))]  # fmt: skip
    # An edge of 18 km is straight in longitude and latitude, and so bent here: it is divided where it matters.
    near = [moved(border, ahead - 90.0, 5.0), border, moved(border, ahead + 90.0, 5.0)]
    areas = AreaIndex([StatedArea(TOWER, "Tower", shapely.Polygon([*ring, *near]))])
    assert (Rule.NOBODYS_AREA in rules(areas, NO_ZONES, flight(PLACE))) is outside


@pytest.mark.parametrize(("room_m", "asked"), [(0.015, False), (-0.01, True)])
def test_a_circle_permits_what_lies_within_it_to_a_centimetre(room_m: float, asked: bool) -> None:
    """Its polygon is up to 0.1 % wider, which nobody published."""
    centre = moved(PLACE, 180.0, 600.0)
    radius_m = 600.0 + BUFFER_M + room_m
    band = AltitudeBand(0.0, Datum.AGL, 120.0, Datum.AGL)
    layer = Layer(circle(*centre, radius_m), band, CentreLine.circle(*centre, radius_m))
    free = Geozone("free", "CHN", (), Restriction.NO_RESTRICTION, (layer,), publisher=TOWER)
    zones: ZoneIndex[object] = ZoneIndex([IndexedZone("geozones/free", free, None)], 1)
    around = shapely.box(PLACE[0] - 1, PLACE[1] - 1, PLACE[0] + 1, PLACE[1] + 1)
    areas = AreaIndex([StatedArea(TOWER, "Tower", around, -math.inf)])
    assert (Rule.AREA_DEFAULT in rules(areas, zones, flight(PLACE))) is asked
