"""A submission that comes again is known by what it asks for, and answered only to whoever may have the answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc
import pytest

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from tests.integration.flightplans.world import FOREIGN, World, state, submission
from tests.support.errors import refusal


def _capitals(request: pb.SubmitFlightPlanRequest) -> None:
    request.request_id = request.request_id.upper()


def _nanoseconds(request: pb.SubmitFlightPlanRequest) -> None:
    request.flight_plan.trajectory.departure_time.nanos += 999


def _unknown_fields(request: pb.SubmitFlightPlanRequest) -> None:
    for message in (request, request.flight_plan, request.flight_plan.trajectory.waypoints[0]):
        message.MergeFromString(b"\xf2\x3f\x07padding")


def _minus_zero(request: pb.SubmitFlightPlanRequest) -> None:
    request.flight_plan.trajectory.waypoints[0].offset_s = -0.0


def _said_default(request: pb.SubmitFlightPlanRequest) -> None:
    request.MergeFromString(b"\x20\x00")  # validate_only = false


VARIANTS = [_capitals, _nanoseconds, _unknown_fields, _minus_zero, _said_default]


def a_request() -> pb.SubmitFlightPlanRequest:
    request = submission()
    departure = request.flight_plan.trajectory.departure_time
    departure.nanos -= departure.nanos % 1000
    return request


@pytest.mark.parametrize("vary", VARIANTS)
async def test_the_same_plan_written_otherwise_is_the_same_request(
    world: World, vary: Callable[[pb.SubmitFlightPlanRequest], None]
) -> None:
    request = a_request()
    first = await world.stub().SubmitFlightPlan(request)
    vary(request)
    assert (await world.stub().SubmitFlightPlan(request)).flight_plan == first.flight_plan
    stream = world.stub().SubmitFlightPlans(iter([pb.SubmitFlightPlansRequest(key="k", request=request)]))
    (answer,) = [response async for response in stream]
    assert answer.flight_plan == first.flight_plan


async def test_what_only_the_server_says_is_refused_by_its_field_and_changes_nothing(world: World) -> None:
    request = a_request()
    first = await world.stub().SubmitFlightPlan(request)
    again = pb.SubmitFlightPlanRequest.FromString(request.SerializeToString())
    again.flight_plan.CopyFrom(first.flight_plan)
    error = await refusal(world.stub().SubmitFlightPlan(again))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD")
    server_says = {"flight_plan.name", "flight_plan.state", "flight_plan.time_start", "flight_plan.airspace_revision"}
    assert server_says <= error.fields.keys()
    assert (await world.stub().SubmitFlightPlan(request)).flight_plan == first.flight_plan


async def test_the_same_plan_twice_in_one_batch_is_stored_once_with_the_id_in_capitals_too(world: World) -> None:
    request = a_request()
    other = pb.SubmitFlightPlanRequest.FromString(request.SerializeToString())
    _capitals(other)
    answers = await asyncio.gather(*(world.stub().SubmitFlightPlan(one) for one in (request, other)))
    assert len({answer.flight_plan.name for answer in answers}) == 1


async def test_a_plan_that_asks_for_something_else_under_the_id_is_refused(world: World) -> None:
    request = a_request()
    await world.stub().SubmitFlightPlan(request)
    _capitals(request)
    request.flight_plan.trajectory.departure_time.nanos += 1000
    error = await refusal(world.stub().SubmitFlightPlan(request))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")


async def test_who_acts_for_another_operator_by_now_does_not_get_the_answer(world: World) -> None:
    request = a_request()
    await world.stub(subject="mover").SubmitFlightPlan(request)
    moved = world.stub(subject="mover", operator=FOREIGN)
    assert (await refusal(moved.SubmitFlightPlan(request))).reason == "NOT_FOUND"
    stream = moved.SubmitFlightPlans(iter([pb.SubmitFlightPlansRequest(key="k", request=request)]))
    (answer,) = [response async for response in stream]
    assert answer.error.code == grpc.StatusCode.NOT_FOUND.value[0]
    assert (await refusal(world.stub(subject="mover", roles=["applicant"]).SubmitFlightPlan(request))).reason == (
        "ROLE_MISSING"
    )


async def test_a_guessed_id_gives_nothing_to_another_operator(world: World) -> None:
    request = a_request()
    await world.stub().SubmitFlightPlan(request)
    error = await refusal(world.stub(subject="rival", operator=FOREIGN).SubmitFlightPlan(request))
    assert error.reason == "NOT_FOUND"


async def test_another_subject_of_the_operator_who_repeats_a_request_asks_for_a_plan_of_their_own(world: World) -> None:
    """It is in the way of its twin."""
    request = a_request()
    first = (await world.stub().SubmitFlightPlan(request)).flight_plan
    second = (await world.stub(subject="dispatcher").SubmitFlightPlan(request)).flight_plan
    assert second.name != first.name
    assert state(second) == "REJECTED"
    assert {finding.rule for finding in second.findings} == {
        assessment_pb2.Finding.RULE_CONFLICT,
        assessment_pb2.Finding.RULE_AIRCRAFT_BUSY,
    }
