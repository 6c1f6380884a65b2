"""`lowsky plan airspace` and `lowsky plan report`: what they ask, and what they show."""

from __future__ import annotations

from pathlib import Path

import pytest
from google.protobuf import json_format

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from tests.unit.cli.conftest import Run, Scripted
from tests.unit.cli.test_commands import PLAN, found

AGL = geo_pb2.ALTITUDE_DATUM_AGL
WINDOW = ("--after", "2026-11-25T09:00+08:00", "--before", "2026-11-25T10:00+08:00")
NINE_S = 1_795_568_400  # 01:00 UTC


def interval(start_s: int, end_s: int) -> pb.TimeInterval:
    made = pb.TimeInterval()
    made.start.FromSeconds(NINE_S + start_s)
    made.end.FromSeconds(NINE_S + end_s)
    return made


def layer(low: float, *, free: list[pb.TimeInterval], busy: list[pb.TimeInterval]) -> pb.LayerOccupancy:
    band = geo_pb2.AltitudeBand(lower_m=low, lower_datum=AGL, upper_m=low + 60, upper_datum=AGL)
    return pb.LayerOccupancy(altitude=band, free=free, busy=busy)


@pytest.fixture
def answer() -> pb.QueryAirspaceResponse:
    layers = [
        layer(0, free=[interval(0, 3600)], busy=[]),
        layer(60, free=[interval(0, 600), interval(930, 3600)], busy=[interval(600, 930)]),
    ]
    return pb.QueryAirspaceResponse(occupancies=[pb.VolumeOccupancy(layers=layers)])


@pytest.fixture
def volumes_file(tmp_path: Path) -> str:
    volume = geo_pb2.Volume4D(
        outline_circle=geo_pb2.Circle(center=geo_pb2.LatLng(latitude=31.2, longitude=121.5), radius_m=100),
        altitude=geo_pb2.AltitudeBand(lower_m=0, lower_datum=AGL, upper_m=60, upper_datum=AGL),
        time_start=interval(0, 1).start,
        time_end=interval(0, 3600).end,
    )
    file = tmp_path / "volumes.json"
    file.write_text(json_format.MessageToJson(pb.FlightPlan(volumes=assessment_pb2.Volumes(volumes=[volume]))))
    return str(file)


async def test_airspace_around_a_place_is_asked_for_and_shown_layer_by_layer(
    run: Run, services: Scripted, target: str, answer: pb.QueryAirspaceResponse
) -> None:
    services.answers["QueryAirspace"] = [answer]
    options = ("--radius", "300", "--to", "120", "--layer", "60", "--priority", "medical", *WINDOW)
    ended = await run("plan", "airspace", "31.2,121.5", *options, at=target, TZ="UTC", COLUMNS="120")
    assert ended.code == 0
    (request,) = services.requests["QueryAirspace"]
    (volume,) = request.volumes.volumes
    assert (volume.outline_circle.center.latitude, volume.outline_circle.radius_m) == (31.2, 300)
    assert (volume.altitude.lower_m, volume.altitude.upper_m, volume.altitude.upper_datum) == (0, 120, AGL)
    assert (volume.time_start.seconds, volume.time_end.seconds) == (NINE_S, NINE_S + 3600)
    assert (request.layer_height_m, request.priority) == (60, assessment_pb2.PRIORITY_MEDICAL)
    rows = [line.strip() for line in ended.out.splitlines() if "AGL" in line]
    assert rows[0].endswith("01:10:00 to 01:15:30")
    assert rows[1].endswith("all the time")
    assert "01:15:30 to 02:00:00" in ended.out


async def test_volumes_of_a_file_are_asked_for_as_they_are(
    run: Run, services: Scripted, target: str, answer: pb.QueryAirspaceResponse, volumes_file: str
) -> None:
    services.answers["QueryAirspace"] = [answer]
    ended = await run("plan", "airspace", "--volumes", volumes_file, "-o", "json", at=target)
    assert len(ended.json["occupancies"][0]["layers"]) == 2
    (request,) = services.requests["QueryAirspace"]
    assert request.volumes.volumes[0].outline_circle.radius_m == 100


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ((), "PLACE_MISSING"),
        (("31.2,121.5", "--volumes", "x.json"), "PLACE_MISSING"),
        (("31.2;121.5",), "INVALID_PLACE"),
        (("31.2,121.5", "--after", "2026-11-25T09:00"), "TIME_WITHOUT_ZONE"),
    ],
)
async def test_a_question_without_a_place_is_none(
    run: Run, target: str, arguments: tuple[str, ...], reason: str
) -> None:
    ended = await run("plan", "airspace", *arguments, "-o", "json", at=target)
    assert (ended.code, ended.error["reason"]) == (3, reason)


async def test_a_flight_that_leaves_its_plan_is_reported_with_where_it_may_be(
    run: Run, services: Scripted, target: str, volumes_file: str
) -> None:
    plan = found(pb.STATE_NONCONFORMING)
    services.answers["ReportFlightPlanState"] = [pb.ReportFlightPlanStateResponse(flight_plan=plan)]
    options = ("--state", "nonconforming", "--volumes", volumes_file, "--reason", "wind", "--etag", "e1")
    ended = await run("plan", "report", PLAN, *options, at=target)
    assert ended.code == 0
    assert "NONCONFORMING" in ended.out
    (request,) = services.requests["ReportFlightPlanState"]
    assert (request.name, request.state, request.reason, request.etag) == (PLAN, pb.STATE_NONCONFORMING, "wind", "e1")
    assert request.request_id
    assert len(request.off_nominal_volumes.volumes) == 1
    assert (await run("plan", "report", PLAN, "--state", "activated", at=target)).code == 0
    assert not services.requests["ReportFlightPlanState"][1].HasField("off_nominal_volumes")
