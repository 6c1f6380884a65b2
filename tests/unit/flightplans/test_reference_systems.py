"""Plans in the coordinates of Chinese maps: checked where they are, with the error of the conversion, kept as sent."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
import shapely

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.errors import Invalid
from lowsky.flightplans.codec import plans
from lowsky.flightplans.rpc.occupancy import question_of
from lowsky.geo.codec.flights import CONVERTED_MAX, volumes_from_message
from lowsky.geo.crs.displacement import CHINA, ERRORS_M, from_wgs84
from lowsky.geo.crs.names import ReferenceSystem
from lowsky.geo.shapes.circles import circle
from lowsky.geo.shapes.projection import inverse
from lowsky.geo.volumes.trajectory import Trajectory
from tests.unit.flightplans.flights import DRONE, OPERATOR, START

AGL = geo_pb2.ALTITUDE_DATUM_AGL
NUMBERS = {system: geo_pb2.ReferenceSystem.Value(f"REFERENCE_SYSTEM_{system}") for system in ReferenceSystem}
MAPS = [ReferenceSystem.GCJ_02, ReferenceSystem.BD_09]
TRUE = [(113.94, 22.52), (113.95, 22.53), (113.96, 22.53)]


def shown(lon: float, lat: float, system: ReferenceSystem) -> tuple[float, float]:
    there = from_wgs84(lon, lat, system)
    return float(there[0]), float(there[1])


def flight(*places: tuple[float, float], system: ReferenceSystem = ReferenceSystem.WGS_84) -> pb.FlightPlan:
    message = pb.FlightPlan(aircraft=DRONE)
    message.trajectory.departure_time.FromDatetime(START)
    message.trajectory.horizontal_buffer_m = 20
    message.trajectory.time_buffer.FromSeconds(30)
    message.trajectory.reference_system = NUMBERS[system]
    for n, (lon, lat) in enumerate(places):
        message.trajectory.waypoints.add(
            longitude=lon, latitude=lat, altitude_m=50, altitude_datum=AGL, offset_s=60 * n
        )
    return message


def volume(ring: list[tuple[float, float]], radius_m: float = 0.0) -> geo_pb2.Volume4D:
    made = geo_pb2.Volume4D(altitude=geo_pb2.AltitudeBand(lower_m=0, lower_datum=AGL, upper_m=60, upper_datum=AGL))
    vertices = [geo_pb2.LatLng(longitude=lon, latitude=lat) for lon, lat in ring]
    if radius_m:
        made.outline_circle.CopyFrom(geo_pb2.Circle(center=vertices[0], radius_m=radius_m))
    else:
        made.outline_polygon.vertices.extend(vertices)
    made.time_start.FromDatetime(START)
    made.time_end.FromDatetime(START + timedelta(minutes=10))
    return made


def apart_m(airspace: object, places: list[tuple[float, float]]) -> float:
    assert isinstance(airspace, Trajectory)
    lon, lat = np.array(places).T
    return float(inverse(airspace.longitudes, airspace.latitudes, lon, lat)[1].max())


@pytest.mark.parametrize("system", MAPS)
def test_a_trajectory_is_flown_where_it_is_with_room_for_the_error_and_kept_as_it_was_sent(
    system: ReferenceSystem,
) -> None:
    asked = flight(*(shown(*place, system) for place in TRUE), system=system)
    proposal = plans.proposal_of(OPERATOR, asked)
    assert isinstance(proposal.airspace, Trajectory)
    assert apart_m(proposal.airspace, TRUE) < 0.01
    assert proposal.airspace.horizontal_buffer_m == 20 + ERRORS_M[system]
    assert pb.FlightPlan.FromString(proposal.content) == asked
    again = plans.airspace_again(proposal.content)  # as the re-check reads it: converted once, from what was sent
    assert isinstance(again, Trajectory)
    assert apart_m(again, TRUE) < 0.01
    assert again.horizontal_buffer_m == 20 + ERRORS_M[system]


@pytest.mark.parametrize("system", [ReferenceSystem.WGS_84, ReferenceSystem.CGCS2000])
def test_wgs_84_and_cgcs2000_stay_as_they_are(system: ReferenceSystem) -> None:
    airspace = plans.proposal_of(OPERATOR, flight(*TRUE, system=system)).airspace
    assert isinstance(airspace, Trajectory)
    assert apart_m(airspace, TRUE) == 0.0
    assert airspace.horizontal_buffer_m == 20


@pytest.mark.parametrize("system", MAPS)
def test_outside_of_china_a_flight_stays_where_it_is(system: ReferenceSystem) -> None:
    places = [(16.3, 48.2), (16.31, 48.2)]
    assert apart_m(plans.proposal_of(OPERATOR, flight(*places, system=system)).airspace, places) == 0.0


def test_a_waypoint_that_may_or_may_not_be_displaced_is_refused_by_its_place() -> None:
    west = CHINA[0]
    with pytest.raises(Invalid) as refused:
        plans.proposal_of(OPERATOR, flight((80.0, 40.0), (west + 0.01, 40.0), system=ReferenceSystem.GCJ_02))
    assert [one.field for one in refused.value.fields] == ["flight_plan.trajectory.waypoints[1]"]
    assert "GCJ_02" in str(refused.value)


@pytest.mark.parametrize("system", MAPS)
def test_volumes_cover_where_they_are_and_the_error_around_it(system: ReferenceSystem) -> None:
    corners = [(113.94, 22.52), (113.96, 22.52), (113.96, 22.54), (113.94, 22.54)]
    fine = shapely.segmentize(shapely.Polygon(corners), 0.001)
    ring = [shown(*at, system) for at in shapely.get_coordinates(fine)[:-1].tolist()]
    sent = assessment_pb2.Volumes(
        volumes=[volume(ring), volume([shown(*TRUE[0], system)], 300.0)], reference_system=NUMBERS[system]
    )
    polygon, round_ = (one.outline for one in volumes_from_message(sent, "volumes"))
    error_m = ERRORS_M[system]
    assert polygon.covers(shapely.Polygon(corners))
    for lon, lat in corners:
        assert polygon.covers(circle(lon, lat, error_m - 0.1))
        assert not polygon.covers(circle(lon, lat, error_m + 3.0))
    assert round_.covers(circle(*TRUE[0], 300.0 + error_m - 0.1))
    assert circle(*TRUE[0], 300.0 + error_m + 2.0).covers(round_)


def test_reports_and_questions_are_read_as_plans_are() -> None:
    system = ReferenceSystem.GCJ_02
    sent = assessment_pb2.Volumes(volumes=[volume([shown(*TRUE[0], system)], 300.0)], reference_system=NUMBERS[system])
    report = plans.report_of(pb.ReportFlightPlanStateRequest(state=pb.STATE_NONCONFORMING, off_nominal_volumes=sent))
    (asked,), _ = question_of(pb.QueryAirspaceRequest(volumes=sent))
    for one in (*report.off_nominal, asked):
        assert one.outline.covers(circle(*TRUE[0], 309.0))
    assert assessment_pb2.Volumes.FromString(report.content) == sent


def test_outlines_that_are_longer_than_can_be_converted_at_once_are_refused() -> None:
    ring = [(100.0, 25.0), (110.0, 25.0), (110.0, 35.0), (100.0, 35.0)]
    for system, fits in ((ReferenceSystem.GCJ_02, True), (ReferenceSystem.BD_09, False)):
        sent = assessment_pb2.Volumes(volumes=[volume(ring)], reference_system=NUMBERS[system])
        if fits:
            assert volumes_from_message(sent, "volumes")
            continue
        with pytest.raises(Invalid) as refused:
            volumes_from_message(sent, "volumes")
        assert refused.value.metadata["limit"] == str(CONVERTED_MAX)
