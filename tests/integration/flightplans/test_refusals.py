"""Every bad request gets its code, its reason and the field at fault."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from tests.integration.flightplans.world import (
    AGL,
    FOREIGN,
    OPERATOR,
    RETIRED,
    SERVICE,
    SUSPENDED,
    Stub,
    World,
    aircraft,
    drone,
    in_,
    operator,
    submission,
    timestamp,
    waypoints,
)
from tests.support.errors import refusal
from tests.support.polling import eventually

Request = pb.SubmitFlightPlanRequest
AT, VOLUMES = "flight_plan.trajectory.waypoints", "flight_plan.volumes"
BUFFER, DEPARTURE = "flight_plan.trajectory.horizontal_buffer_m", "flight_plan.trajectory.departure_time"
RING = [(113.5, 21 + n / 1e4) for n in range(900)] + [(113.6, 21.0)]


def first_waypoint(**fields: float) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        for name, value in fields.items():
            setattr(request.flight_plan.trajectory.waypoints[0], name, value)

    return change


def set_(path: str, value: object) -> Callable[[Request], None]:
    def change(request: Request) -> None:
        *parents, last = path.split(".")
        message: object = request
        for parent in parents:
            message = getattr(message, parent)
        setattr(message, last, value)

    return change


def crowd(request: Request) -> None:
    request.flight_plan.trajectory.waypoints.extend([assessment_pb2.Waypoint(altitude_datum=AGL)] * 2_000)


def backwards(request: Request) -> None:
    request.flight_plan.trajectory.waypoints[2].offset_s = 1


def volumes(*messages: geo_pb2.Volume4D) -> Callable[[Request], None]:
    return lambda request: request.flight_plan.volumes.volumes.extend(messages)


def volume(
    vertices: list[tuple[float, float]] | None = None, *, lasts: timedelta = timedelta(minutes=5), **band: float
) -> geo_pb2.Volume4D:
    ring = vertices or [(113.5, 21.0), (113.6, 21.0), (113.6, 21.1)]
    start = in_(hours=1)
    return geo_pb2.Volume4D(
        outline_polygon=geo_pb2.Polygon(vertices=[geo_pb2.LatLng(longitude=x, latitude=y) for x, y in ring]),
        altitude=geo_pb2.AltitudeBand(**{"lower_m": 0, "upper_m": 100, **band}, lower_datum=AGL, upper_datum=AGL),
        time_start=timestamp(start),
        time_end=timestamp(start + lasts),
    )


@pytest.mark.parametrize(
    ("change", "reason", "field"),
    [
        (first_waypoint(latitude=math.nan), "INVALID_FIELD", f"{AT}[0].latitude"),
        (first_waypoint(longitude=math.inf), "INVALID_FIELD", f"{AT}[0].longitude"),
        (first_waypoint(altitude_m=-math.inf), "INVALID_FIELD", f"{AT}[0].altitude_m"),
        (first_waypoint(latitude=113.5, longitude=21.0), "INVALID_FIELD", f"{AT}[0].latitude"),
        (first_waypoint(altitude_datum=0), "INVALID_FIELD", f"{AT}[0].altitude_datum"),
        (first_waypoint(offset_s=math.nan), "INVALID_FIELD", f"{AT}[0].offset_s"),
        (crowd, "INVALID_FIELD", AT),
        (backwards, "INTERVAL_REVERSED", f"{AT}[2].offset_s"),
        (
            set_("flight_plan.trajectory.horizontal_buffer_m", math.nan),
            "INVALID_FIELD",
            "flight_plan.trajectory.horizontal_buffer_m",
        ),
        (first_waypoint(latitude=35.0), "INVALID_GEOMETRY", f"{AT}[1]"),
        (set_("request_id", "17"), "INVALID_FIELD", "request_id"),
        (set_("flight_plan.aircraft", "a1"), "INVALID_FIELD", "flight_plan.aircraft"),
        (set_("flight_plan.purpose", 99), "INVALID_FIELD", "flight_plan.purpose"),
        (set_("flight_plan.reference", "\0"), "INVALID_FIELD", "flight_plan.reference"),
        (
            set_("flight_plan.trajectory.departure_time.seconds", 2**62),
            "INVALID_FIELD",
            "flight_plan.trajectory.departure_time",
        ),
        (volumes(volume(lasts=timedelta(0))), "INTERVAL_REVERSED", f"{VOLUMES}.volumes[0].time_end"),
        (
            volumes(volume(), volume(lasts=-timedelta(hours=1))),
            "INTERVAL_REVERSED",
            f"{VOLUMES}.volumes[1].time_end",
        ),
        (volumes(volume(lower_m=200)), "INTERVAL_REVERSED", f"{VOLUMES}.volumes[0].altitude"),
        (
            volumes(volume([(113, 21), (114, 22), (114, 21), (113, 22)])),
            "INVALID_GEOMETRY",
            f"{VOLUMES}.volumes[0]",
        ),
        (volumes(volume([(113, 21), (114, 22), (115, 23)])), "INVALID_GEOMETRY", f"{VOLUMES}.volumes[0]"),
        (volumes(volume(lasts=timedelta(days=11))), "TOO_LARGE", VOLUMES),
        (
            volumes(*[volume(RING)] * 12),
            "TOO_LARGE",
            VOLUMES,
        ),
    ],
    ids=lambda value: None if callable(value) else str(value),  # a function's address differs between processes
)
async def test_a_senseless_request_is_an_invalid_argument_with_its_field(
    world: World, change: Callable[[Request], None], reason: str, field: str
) -> None:
    request = submission()
    change(request)
    failure = await refusal(world.stub().SubmitFlightPlan(request))
    assert (failure.code.name, failure.reason) == ("INVALID_ARGUMENT", reason)
    assert field in failure.fields


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"departure": -timedelta(minutes=1)}, "START_IN_PAST", "flight_plan"),
        ({"departure": timedelta(days=31)}, "START_TOO_FAR_AHEAD", "flight_plan"),
        ({"aircraft": f"{OPERATOR}/aircraft/none"}, "AIRCRAFT_UNKNOWN", "flight_plan.aircraft"),
        ({"aircraft": drone(1, FOREIGN)}, "AIRCRAFT_UNKNOWN", "flight_plan.aircraft"),
    ],
)
async def test_what_the_state_of_things_does_not_allow_is_a_failed_precondition(
    world: World, changes: dict[str, Any], reason: str, field: str
) -> None:
    if isinstance(ahead := changes.get("departure"), timedelta):
        changes = {"departure": in_(seconds=ahead.total_seconds())}
    failure = await refusal(world.submit(**changes))
    assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", reason)
    assert list(failure.fields) == [field]
    assert reason in failure.precondition


@pytest.mark.parametrize("seconds", [-62_135_596_800, 253_402_300_799], ids=["the year 1", "the year 9999"])
async def test_times_at_the_ends_of_the_calendar_are_refused_and_hurt_nobody(world: World, seconds: int) -> None:
    far = submission()
    far.flight_plan.trajectory.departure_time.CopyFrom(Timestamp(seconds=seconds, nanos=999_999_999))
    long = submission()
    long.flight_plan.volumes.volumes.append(volume())
    long.flight_plan.volumes.volumes[0].time_start.CopyFrom(Timestamp(seconds=seconds))
    long.flight_plan.volumes.volumes[0].time_end.CopyFrom(Timestamp(seconds=seconds, nanos=999_999_999))
    for request in (far, long):
        failure = await refusal(world.stub().SubmitFlightPlan(request))
        assert failure.code.name == "FAILED_PRECONDITION"


async def test_operators_that_are_unknown_or_not_in_good_standing_may_not_submit(world: World) -> None:
    await world.tell([operator("operators/slack", SUSPENDED), aircraft("operators/slack/aircraft/a")])
    for name, reason in [
        ("operators/nobody", "OPERATOR_UNKNOWN"),
        ("operators/slack", "OPERATOR_NOT_IN_GOOD_STANDING"),
    ]:
        request = submission(parent=name, aircraft=f"{name}/aircraft/a")
        failure = await refusal(world.stub(operator=name).SubmitFlightPlan(request))
        assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", reason)
        assert list(failure.fields) == ["parent"]


async def test_a_retired_aircraft_and_an_insurance_that_ends_before_the_flight_are_refused(world: World) -> None:
    await world.tell([operator("operators/thin", insured_until=in_(minutes=61)), aircraft("operators/thin/aircraft/a")])
    await world.tell([aircraft(f"{OPERATOR}/aircraft/old", RETIRED)])
    failure = await refusal(world.submit(aircraft=f"{OPERATOR}/aircraft/old"))
    assert failure.reason == "AIRCRAFT_RETIRED"
    request = submission(parent="operators/thin", aircraft="operators/thin/aircraft/a")
    failure = await refusal(world.stub(operator="operators/thin").SubmitFlightPlan(request))
    assert failure.reason == "INSURANCE_EXPIRED"


async def test_an_insurance_that_ends_during_the_flight_is_refused(world: World) -> None:
    departure = in_(days=3)
    until = departure + timedelta(seconds=1)
    await world.tell([operator("operators/short", insured_until=until), aircraft("operators/short/aircraft/a")])
    request = submission(parent="operators/short", aircraft="operators/short/aircraft/a", departure=departure)
    failure = await refusal(world.stub(operator="operators/short").SubmitFlightPlan(request))
    assert failure.reason == "INSURANCE_EXPIRED"


async def test_who_has_just_been_registered_may_submit_at_once(world: World) -> None:
    name = f"operators/new-{uuid4()}"
    call = world.stub(operator=name).SubmitFlightPlan(submission(parent=name, aircraft=f"{name}/aircraft/a"))
    await world.tell([operator(name), aircraft(f"{name}/aircraft/a")])
    assert (await call).flight_plan.aircraft == f"{name}/aircraft/a"


async def test_without_a_good_token_nobody_is_served(world: World) -> None:
    request = submission()
    issuer = world.installation
    anonymous = issuer.stub(Stub, SERVICE)
    failure = await refusal(anonymous.SubmitFlightPlan(request))
    assert (failure.code.name, failure.reason) == ("UNAUTHENTICATED", "TOKEN_MISSING")
    for stub, reason in [
        (issuer.stub(Stub, SERVICE, "not-a-token"), "TOKEN_INVALID"),
        (world.stub(expires_in_s=-60), "TOKEN_EXPIRED"),
        (world.stub(aud="somebody else"), "TOKEN_INVALID"),
    ]:
        failure = await refusal(stub.SubmitFlightPlan(request))
        assert (failure.code.name, failure.reason) == ("UNAUTHENTICATED", reason)
    failure = await refusal(world.officer().SubmitFlightPlan(request))
    assert (failure.code.name, failure.reason) == ("PERMISSION_DENIED", "ROLE_MISSING")


async def test_submitting_for_another_operator_is_as_if_it_did_not_exist(world: World) -> None:
    failure = await refusal(world.stub().SubmitFlightPlan(submission(parent=FOREIGN, aircraft=drone(1, FOREIGN))))
    assert (failure.code.name, failure.reason) == ("NOT_FOUND", "NOT_FOUND")


async def test_what_the_aircraft_cannot_do_rejects_the_plan(world: World) -> None:
    await world.tell([aircraft(drone(7), max_height_m=120)])

    async def refused() -> list[int]:
        plan = (
            await world.submit(
                waypoints=waypoints((113.5, 21.0), height_m=200, leg_s=10),
                endurance=Duration(seconds=60),
                aircraft=drone(7),
                validate_only=True,
            )
        ).flight_plan
        assert len(plan.findings) == 2
        return [finding.rule for finding in plan.findings]

    assert set(await eventually(refused)) == {
        assessment_pb2.Finding.RULE_SPEED_EXCEEDS_AIRCRAFT,
        assessment_pb2.Finding.RULE_HEIGHT_EXCEEDS_AIRCRAFT,
    }


async def test_fields_that_nobody_knows_are_not_kept(world: World) -> None:
    request = submission()
    request.flight_plan.MergeFromString(b"\xaa\x06\x07padding")
    plan = (await world.stub().SubmitFlightPlan(request)).flight_plan
    assert b"padding" not in plan.SerializeToString()
