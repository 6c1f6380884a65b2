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
from lowsky.geo.crs.displacement import CHINA, ERRORS_M, from_wgs84, to_wgs84
from lowsky.geo.crs.names import ReferenceSystem
from lowsky.geo.shapes.circles import circle
from lowsky.geo.shapes.projection import inverse
from lowsky.geo.volumes.trajectory import HORIZONTAL_BUFFER_MAX_M, Trajectory
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


ABROAD = {
    "Hong Kong": (114.17, 22.30),
    "Seoul": (126.98, 37.57),
    "Ulaanbaatar": (106.90, 47.92),
    "Hanoi": (105.85, 21.03),
    "Taipei": (121.56, 25.03),
    "Delhi": (77.20, 28.60),
}
INLAND = {
    "Shanghai": (121.47, 31.23),
    "Shenzhen": (114.06, 22.54),
    "Chengdu": (104.07, 30.67),
    "Kashgar": (75.99, 39.47),
    "Harbin": (126.63, 45.75),
}


def square(lon: float, lat: float) -> list[tuple[float, float]]:
    return [(lon, lat), (lon + 0.01, lat), (lon + 0.01, lat + 0.01), (lon, lat + 0.01)]


def refused_field(asked: pb.FlightPlan) -> str:
    with pytest.raises(Invalid) as refused:
        plans.proposal_of(OPERATOR, asked)
    (violation,) = refused.value.fields
    assert violation.reason == "INVALID_GEOMETRY"
    assert "give it in WGS 84 or CGCS2000" in violation.message
    return violation.field


@pytest.mark.parametrize("system", MAPS)
@pytest.mark.parametrize("place", ABROAD)
def test_plans_where_maps_may_be_displaced_or_not_are_refused_by_their_place(
    system: ReferenceSystem, place: str
) -> None:
    lon, lat = ABROAD[place]
    inland = shown(*INLAND["Shanghai"], system)
    asked = flight(inland, (lon, lat), system=system)
    assert refused_field(asked) == "flight_plan.trajectory.waypoints[1]"
    volumes = [volume([inland], 300.0), volume(square(*inland)), volume(square(lon, lat))]
    asked = pb.FlightPlan(
        aircraft=DRONE, volumes=assessment_pb2.Volumes(volumes=volumes, reference_system=NUMBERS[system])
    )
    assert refused_field(asked) == "flight_plan.volumes.volumes[2].outline_polygon"
    del asked.volumes.volumes[2]
    asked.volumes.volumes.append(volume([(lon, lat)], 300.0))
    assert refused_field(asked) == "flight_plan.volumes.volumes[2].outline_circle"


@pytest.mark.parametrize("system", MAPS)
@pytest.mark.parametrize("place", INLAND)
def test_plans_in_the_mainland_are_taken(system: ReferenceSystem, place: str) -> None:
    lon, lat = INLAND[place]
    there = [(lon, lat), (lon + 0.005, lat)]
    asked = flight(*(shown(*at, system) for at in there), system=system)
    assert apart_m(plans.proposal_of(OPERATOR, asked).airspace, there) < 0.01
    ring = [shown(*at, system) for at in square(lon - 0.01, lat)]
    sent = assessment_pb2.Volumes(
        volumes=[volume(ring), volume([shown(lon, lat, system)], 300.0)], reference_system=NUMBERS[system]
    )
    assert volumes_from_message(sent, "volumes")[1].outline.covers(circle(lon, lat, 300.0))


def test_a_volume_that_reaches_across_the_border_is_refused() -> None:
    ring = [(114.05, 22.49), (114.15, 22.49), (114.15, 22.60), (114.05, 22.60)]
    sent = assessment_pb2.Volumes(volumes=[volume(ring)], reference_system=NUMBERS[ReferenceSystem.GCJ_02])
    for read in (
        lambda: volumes_from_message(sent, "volumes"),
        lambda: question_of(pb.QueryAirspaceRequest(volumes=sent)),
    ):
        with pytest.raises(Invalid) as refused:
            read()
        assert refused.value.fields[0].field == "volumes.volumes[0].outline_polygon"


@pytest.mark.parametrize("system", MAPS)
def test_volumes_of_a_flight_out_of_its_plan_cover_both_places(system: ReferenceSystem) -> None:
    lon, lat = ABROAD["Hong Kong"]
    sent = assessment_pb2.Volumes(volumes=[volume([(lon, lat)], 300.0)], reference_system=NUMBERS[system])
    report = plans.report_of(pb.ReportFlightPlanStateRequest(state=pb.STATE_CONTINGENT, off_nominal_volumes=sent))
    (held,) = report.off_nominal
    there_lon, there_lat = to_wgs84(lon, lat, system)
    assert held.outline.covers(circle(lon, lat, 300.0))
    assert held.outline.covers(circle(float(there_lon), float(there_lat), 300.0))


@pytest.mark.parametrize("system", MAPS)
def test_a_buffer_that_is_too_wide_with_the_error_says_what_was_added(system: ReferenceSystem) -> None:
    error_m = ERRORS_M[system]
    asked = flight(*(shown(*at, system) for at in TRUE), system=system)
    asked.trajectory.horizontal_buffer_m = HORIZONTAL_BUFFER_MAX_M - error_m
    assert plans.proposal_of(OPERATOR, asked).airspace
    asked.trajectory.horizontal_buffer_m += 1.0
    with pytest.raises(Invalid) as refused:
        plans.proposal_of(OPERATOR, asked)
    (violation,) = refused.value.fields
    assert violation.field == "flight_plan.trajectory.horizontal_buffer_m"
    assert refused.value.reason == "TOO_LARGE"
    for part in (
        f"{HORIZONTAL_BUFFER_MAX_M - error_m + 1:g} m",
        f"{error_m:g} m added",
        f"{HORIZONTAL_BUFFER_MAX_M:g} m",
    ):
        assert part in violation.message


@pytest.mark.parametrize("system", MAPS)
def test_volumes_cover_where_they_are_and_the_error_around_it(system: ReferenceSystem) -> None:
    corners = [(113.94, 22.52), (113.96, 22.52), (113.96, 22.54), (113.94, 22.54)]
    fine = shapely.segmentize(shapely.Polygon(corners), 0.001)
    ring = [shown(lon, lat, system) for lon, lat in shapely.get_coordinates(fine)[:-1].tolist()]
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
