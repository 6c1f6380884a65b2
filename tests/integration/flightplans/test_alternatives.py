"""Where it is full: when and how high airspace is free, and how a plan would pass instead."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from lowsky.api.airspace.v1 import geozones_pb2
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from tests.integration.flightplans.test_holding import rescuers as rescuers
from tests.integration.flightplans.world import (
    AGL,
    FOREIGN,
    World,
    a_drone,
    flight_plan,
    in_,
    state,
    submission,
    timestamp,
    waypoints,
    zone,
)
from tests.support.errors import refusal

LATER, HIGHER = "departure_time", "altitude_offset_m"

PLACES = iter([(115.0 + 0.05 * n, 21.3) for n in range(100)])
"""A place for each test: nobody else is in the way."""

Place = tuple[float, float]


def noon() -> datetime:
    """A whole second, some hours ahead."""
    return in_(hours=5).replace(microsecond=0)


async def hold(world: World, at: Place, departure: datetime, **fields: Any) -> pb.FlightPlan:
    request = submission(at, parent=FOREIGN, aircraft=a_drone(FOREIGN), departure=departure, **fields)
    plan = (await world.stub(operator=FOREIGN, subject="rival").SubmitFlightPlan(request)).flight_plan
    assert state(plan) == "SUBMITTED"
    return plan


def asking(at: Place, departure: datetime, **fields: Any) -> pb.SubmitFlightPlanRequest:
    request = submission(at, departure=departure, **fields)
    request.suggest_alternatives = True
    return request


async def suggested(world: World, request: pb.SubmitFlightPlanRequest) -> dict[str, pb.Alternative]:
    response = await world.stub().SubmitFlightPlan(request)
    assert state(response.flight_plan) == "REJECTED"
    assert "rival" not in str(response)
    return {str(move.WhichOneof("move")): move for move in response.alternatives}


def moved(request: pb.SubmitFlightPlanRequest, move: pb.Alternative) -> pb.SubmitFlightPlanRequest:
    """The same request again, as its sender would change it."""
    again = pb.SubmitFlightPlanRequest()
    again.CopyFrom(request)
    again.request_id = str(uuid4())
    trajectory = again.flight_plan.trajectory
    if move.WhichOneof("move") == LATER:
        trajectory.departure_time.CopyFrom(move.departure_time)
    for waypoint in trajectory.waypoints:
        waypoint.altitude_m += move.altitude_offset_m
    return again


async def test_the_nearest_free_time_and_altitude_are_those_where_the_flights_touch(world: World) -> None:
    at, departure = next(PLACES), noon()
    await hold(world, at, departure, waypoints=waypoints(at)[:2])  # held for 120 s, from 90 m to 110 m
    request = asking(at, departure + timedelta(seconds=40), waypoints=waypoints(at)[:2])
    found = await suggested(world, request)
    assert found[LATER].departure_time == timestamp(departure + timedelta(seconds=120))
    assert found[HIGHER].altitude_offset_m == 20


@pytest.mark.parametrize("which", [LATER, HIGHER])
async def test_what_is_suggested_is_accepted(world: World, which: str) -> None:
    at, departure = next(PLACES), noon()
    await hold(world, at, departure)
    await hold(world, at, departure + timedelta(minutes=6))
    await hold(world, at, departure, waypoints=waypoints(at, height_m=130))
    request = asking(at, departure + timedelta(seconds=17.5))
    found = await suggested(world, request)
    response = await world.stub().SubmitFlightPlan(moved(request, found[which]))
    assert state(response.flight_plan) == "SUBMITTED"


async def test_a_dry_run_and_a_stream_hear_of_the_same_alternatives(world: World) -> None:
    at, departure = next(PLACES), noon()
    await hold(world, at, departure)
    dry = await world.stub().SubmitFlightPlan(asking(at, departure, validate_only=True))
    assert len(dry.alternatives) == 2

    async def plans() -> AsyncIterator[pb.SubmitFlightPlansRequest]:
        yield pb.SubmitFlightPlansRequest(key="1", request=asking(at, departure))

    (answer,) = [answer async for answer in world.stub().SubmitFlightPlans(plans())]
    assert state(answer.flight_plan) == "REJECTED"
    assert list(answer.alternatives) == list(dry.alternatives)


async def test_a_plan_of_ready_made_volumes_is_told_when_its_first_volume_could_start(world: World) -> None:
    at, departure = next(PLACES), noon()
    await hold(world, at, departure)
    request = asking(at, departure)
    request.flight_plan.volumes.CopyFrom(volumes(at, departure, minutes=2))
    found = await suggested(world, request)
    # Only the other's first leg comes so near: it is held from half a minute before until half a minute after it.
    assert found[LATER].departure_time == timestamp(departure + timedelta(seconds=90))
    assert found[HIGHER].altitude_offset_m == 110


async def test_it_is_asked_for_and_does_not_make_another_request(world: World) -> None:
    at, departure = next(PLACES), noon()
    other = await hold(world, at, departure)
    request = submission(at, departure=departure)
    silent = await world.stub().SubmitFlightPlan(request)
    assert not silent.alternatives
    request.suggest_alternatives = True
    assert len((await world.stub().SubmitFlightPlan(request)).alternatives) == 2
    withdraw = pb.WithdrawFlightPlanRequest(request_id=str(uuid4()), name=other.name)
    await world.stub(operator=FOREIGN, subject="rival").WithdrawFlightPlan(withdraw)
    again = await world.stub().SubmitFlightPlan(request)
    assert again.flight_plan == silent.flight_plan
    assert list(again.alternatives) == [pb.Alternative(departure_time=timestamp(departure))]


async def test_an_alternative_that_a_zone_forbids_is_not_given(world: World) -> None:
    at, departure = (120.0, 21.3), noon()
    await world.publish_zones(
        zone("geozones/lid.high", at, geozones_pb2.RESTRICTION_PROHIBITED, lower_m=115), dataset="datasets/lid"
    )
    await hold(world, at, departure)
    found = await suggested(world, asking(at, departure))
    assert found[HIGHER].altitude_offset_m == -20


async def test_a_plan_that_something_else_forbids_hears_of_no_alternative(world: World) -> None:
    at, departure = next(PLACES), noon()
    await hold(world, at, departure)
    points = waypoints(at, leg_s=5)  # a hundred metres a second
    response = await world.stub().SubmitFlightPlan(asking(at, departure, waypoints=points))
    assert state(response.flight_plan) == "REJECTED"
    assert not response.alternatives


async def test_the_superseded_plan_is_in_no_alternatives_way(world: World) -> None:
    at, departure = next(PLACES), noon()
    leg = waypoints(at)[:2]  # held for 120 s
    await hold(world, at, departure, waypoints=leg)
    own = (await world.submit(at, departure=departure + timedelta(seconds=120), waypoints=leg)).flight_plan
    assert state(own) == "SUBMITTED"
    request = asking(at, departure + timedelta(seconds=100), waypoints=leg, supersedes=own.name)
    found = await suggested(world, request)
    assert found[LATER].departure_time == timestamp(departure + timedelta(seconds=120))


async def test_where_its_aircraft_is_busy_elsewhere_the_nearest_time_is_when_it_is_free(world: World) -> None:
    here, elsewhere, departure, aircraft = next(PLACES), next(PLACES), noon(), a_drone()
    for at, seconds in ((elsewhere, 0), (elsewhere, 240)):  # from half a minute before, for two minutes
        plan = flight_plan(at, departure + timedelta(seconds=seconds), aircraft=aircraft, waypoints=waypoints(at)[:2])
        assert state((await world.submit(plan=plan)).flight_plan) == "SUBMITTED"
    asked = asking(here, departure + timedelta(seconds=50), aircraft=aircraft, waypoints=waypoints(here)[:2])
    found = await suggested(world, asked)
    assert found.keys() == {LATER}  # no height makes an aircraft free
    assert found[LATER].departure_time == timestamp(departure + timedelta(seconds=120))  # between its two flights
    asked.flight_plan.trajectory.departure_time.CopyFrom(timestamp(departure + timedelta(seconds=-20)))
    asked.request_id = str(uuid4())
    found = await suggested(world, asked)
    assert found[LATER].departure_time == timestamp(departure + timedelta(seconds=-120))
    again = await world.stub().SubmitFlightPlan(moved(asked, found[LATER]))
    assert state(again.flight_plan) == "SUBMITTED"


async def test_flights_of_lower_priority_are_in_no_alternatives_way(world: World, rescuers: None) -> None:
    at, departure = next(PLACES), noon()
    emergency = assessment_pb2.PRIORITY_EMERGENCY
    leg = waypoints(at)[:2]
    await hold(world, at, departure, waypoints=leg, priority=emergency)
    ordinary = await world.submit(at, departure=departure + timedelta(seconds=120), waypoints=leg)
    assert state(ordinary.flight_plan) == "SUBMITTED"
    request = asking(at, departure + timedelta(seconds=100), waypoints=leg, priority=emergency)
    request.parent, request.flight_plan.aircraft = FOREIGN, a_drone(FOREIGN)
    response = await world.stub(operator=FOREIGN, subject="rival").SubmitFlightPlan(request)
    assert state(response.flight_plan) == "REJECTED"
    assert response.alternatives[0].departure_time == timestamp(departure + timedelta(seconds=120))


def volumes(at: Place, start: datetime, minutes: float = 10, upper_m: float = 100) -> assessment_pb2.Volumes:
    """A circle of 300 m from the ground."""
    return assessment_pb2.Volumes(
        volumes=[
            geo_pb2.Volume4D(
                outline_circle=geo_pb2.Circle(center=geo_pb2.LatLng(longitude=at[0], latitude=at[1]), radius_m=300),
                altitude=geo_pb2.AltitudeBand(lower_m=0, lower_datum=AGL, upper_m=upper_m, upper_datum=AGL),
                time_start=timestamp(start),
                time_end=timestamp(start + timedelta(minutes=minutes)),
            )
        ]
    )


def times(intervals: object) -> list[tuple[datetime, datetime]]:
    return [(one.start.ToDatetime(UTC), one.end.ToDatetime(UTC)) for one in intervals]  # type: ignore[attr-defined]


async def test_layers_say_when_they_are_free_and_busy_and_not_whose_flights_are_there(world: World) -> None:
    at, departure = next(PLACES), noon()
    await hold(world, at, departure, waypoints=waypoints(at)[:2])
    await hold(world, at, departure + timedelta(seconds=120), waypoints=waypoints(at)[:2])
    start = departure - timedelta(minutes=5)
    request = pb.QueryAirspaceRequest(volumes=volumes(at, start, upper_m=115))
    response = await world.stub().QueryAirspace(request)
    assert "rival" not in str(response)
    (occupancy,) = response.occupancies
    assert [(layer.altitude.lower_m, layer.altitude.upper_m) for layer in occupancy.layers] == [
        (0, 30),
        (30, 60),
        (60, 90),
        (90, 115),
    ]
    end = start + timedelta(minutes=10)
    busy = departure - timedelta(seconds=30), departure + timedelta(seconds=210)
    assert [times(layer.free) for layer in occupancy.layers[:3]] == [[(start, end)]] * 3
    assert times(occupancy.layers[3].busy) == [busy]
    assert times(occupancy.layers[3].free) == [(start, busy[0]), (busy[1], end)]


async def test_what_is_said_to_be_free_can_be_had_and_what_is_busy_cannot(world: World) -> None:
    at, departure = next(PLACES), noon()
    for minutes, height_m in ((0, 40), (3, 75), (9, 100), (20, 40)):
        await hold(world, at, departure + timedelta(minutes=minutes), waypoints=waypoints(at, height_m=height_m))
    asked = volumes(at, departure - timedelta(minutes=5), minutes=60, upper_m=120)
    (occupancy,) = (await world.stub().QueryAirspace(pb.QueryAirspaceRequest(volumes=asked))).occupancies
    heard = []
    for layer in occupancy.layers:
        for wanted, intervals in (("SUBMITTED", layer.free), ("REJECTED", layer.busy)):
            for interval in intervals:
                request = asking(at, departure, validate_only=True)
                volume = request.flight_plan.volumes.volumes.add()
                volume.CopyFrom(asked.volumes[0])
                volume.altitude.CopyFrom(layer.altitude)
                volume.time_start.CopyFrom(interval.start)
                volume.time_end.CopyFrom(interval.end)
                heard.append((wanted, state((await world.stub().SubmitFlightPlan(request)).flight_plan)))
    assert {wanted for wanted, _ in heard} == {"SUBMITTED", "REJECTED"}
    assert all(wanted == got for wanted, got in heard)


async def test_flights_of_lower_priority_count_as_free(world: World, rescuers: None) -> None:
    at, departure = next(PLACES), noon()
    await world.submit(at, departure=departure)
    request = pb.QueryAirspaceRequest(volumes=volumes(at, departure, upper_m=120), layer_height_m=120)
    stub = world.stub(operator=FOREIGN, subject="rival")
    for priority, busy in ((assessment_pb2.PRIORITY_UNSPECIFIED, True), (assessment_pb2.PRIORITY_EMERGENCY, False)):
        request.priority = priority
        (layer,) = (await stub.QueryAirspace(request)).occupancies[0].layers
        assert bool(layer.busy) is busy
    assert (await refusal(world.stub().QueryAirspace(request))).reason == "PRIORITY_NOT_ENTITLED"
    applicant = world.stub(roles=["applicant"], operator=None)
    assert (await refusal(applicant.QueryAirspace(request))).reason == "PRIORITY_NOT_ENTITLED"
    assert (await world.officer().QueryAirspace(request)).occupancies


async def test_what_cannot_be_answered_is_refused_with_the_field(world: World) -> None:
    at, start = next(PLACES), noon()

    async def field(asked: assessment_pb2.Volumes, **fields: Any) -> tuple[str, str]:
        request = pb.QueryAirspaceRequest(volumes=asked, **fields)
        error = await refusal(world.stub().QueryAirspace(request))
        return error.reason, ", ".join(error.fields)

    usual = volumes(at, start)
    assert await field(usual, layer_height_m=1) == ("TOO_LARGE", "volumes.volumes[0].altitude")
    open_ = assessment_pb2.Volumes()
    open_.CopyFrom(usual)
    open_.volumes[0].altitude.ClearField("upper_m")
    assert await field(open_) == ("INVALID_FIELD", "volumes.volumes[0].altitude")
    mixed = assessment_pb2.Volumes()
    mixed.CopyFrom(usual)
    mixed.volumes[0].altitude.upper_datum = geo_pb2.ALTITUDE_DATUM_AMSL
    assert await field(mixed) == ("INVALID_FIELD", "volumes.volumes[0].altitude")
    assert await field(volumes(at, start, minutes=24 * 60 + 1)) == ("TOO_LARGE", "volumes.volumes[0].time_end")
    many = assessment_pb2.Volumes(volumes=list(usual.volumes) * 101)
    assert await field(many) == ("TOO_LARGE", "volumes.volumes")
    huge = assessment_pb2.Volumes()
    huge.CopyFrom(volumes(at, start, minutes=24 * 60))
    huge.volumes[0].outline_circle.radius_m = 300_000
    assert await field(huge) == ("TOO_LARGE", "volumes.volumes[0]")


async def test_a_question_holds_nothing(world: World) -> None:
    at, departure = next(PLACES), noon()
    await world.stub().QueryAirspace(pb.QueryAirspaceRequest(volumes=volumes(at, departure)))
    assert state((await world.submit(plan=flight_plan(at, departure))).flight_plan) == "SUBMITTED"
