"""SubmitFlightPlans: an answer for each message, in whatever order, and back-pressure."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta
from uuid import uuid4

from google.rpc import error_details_pb2, status_pb2

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from tests.integration.flightplans.world import (
    FOREIGN,
    WEST,
    World,
    a_drone,
    a_free_place,
    a_free_time,
    state,
    submission,
    timestamp,
)

Message = pb.SubmitFlightPlansRequest
THOUSANDS = 3_000


async def stream(world: World, messages: Iterable[Message]) -> dict[str, pb.SubmitFlightPlansResponse]:
    async def requests() -> AsyncIterator[Message]:
        for message in messages:
            yield message

    answers = [answer async for answer in world.stub().SubmitFlightPlans(requests())]
    assert len({answer.key for answer in answers}) == len(answers)
    return {answer.key: answer for answer in answers}


def reason(status: status_pb2.Status) -> str:
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return str(info.reason)


def fields(status: status_pb2.Status) -> list[str]:
    bad = error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in status.details)
    return [violation.field for violation in bad.field_violations]


async def test_of_two_flights_of_one_aircraft_at_a_time_a_stream_stores_one(world: World) -> None:
    """As `plan submit-many` sends them where --every is shorter than a flight."""
    departure, aircraft = a_free_time(), a_drone()
    flights = [(a_free_place(), departure), (a_free_place(), departure + timedelta(seconds=30))]
    answers = await stream(
        world,
        [
            Message(key=str(n), request=submission(at, departure=when, aircraft=aircraft))
            for n, (at, when) in enumerate(flights)
        ],
    )
    assert sorted(state(answer.flight_plan) for answer in answers.values()) == ["REJECTED", "SUBMITTED"]
    (rejected,) = [answer.flight_plan for answer in answers.values() if state(answer.flight_plan) == "REJECTED"]
    assert [finding.rule for finding in rejected.findings] == [assessment_pb2.Finding.RULE_AIRCRAFT_BUSY]


async def test_each_message_has_an_answer_of_its_own(world: World) -> None:
    malformed = submission()
    malformed.flight_plan.trajectory.waypoints[1].latitude = 91
    polar = submission((0.0, 86.0))
    answers = await stream(
        world,
        [
            Message(key="good", request=submission()),
            Message(key="closed", request=submission(WEST)),
            Message(key="malformed", request=malformed),
            Message(key="foreign", request=submission(parent=FOREIGN, aircraft=a_drone(FOREIGN))),
            Message(key="polar", request=polar),
            Message(key="empty"),
            Message(key="also good", request=submission()),
        ],
    )
    assert state(answers["good"].flight_plan) == state(answers["also good"].flight_plan) == "SUBMITTED"
    assert state(answers["closed"].flight_plan) == "REJECTED"
    # As SubmitFlightPlan would have said it, to the path of the field.
    assert fields(answers["malformed"].error) == ["flight_plan.trajectory.waypoints[1].latitude"]
    assert reason(answers["foreign"].error) == "NOT_FOUND"
    assert reason(answers["polar"].error) == "INVALID_GEOMETRY"
    assert reason(answers["empty"].error) == "INVALID_FIELD"


async def test_a_key_that_is_too_long_is_refused_alone(world: World) -> None:
    answers = await stream(
        world, [Message(key="k" * 201, request=submission()), Message(key="k", request=submission())]
    )
    assert fields(answers["k" * 201].error) == ["key"]
    assert state(answers["k"].flight_plan) == "SUBMITTED"


async def test_the_stream_and_the_single_call_share_request_ids(world: World) -> None:
    request = submission()
    plan = (await world.stub().SubmitFlightPlan(request)).flight_plan
    other = submission(request_id=request.request_id, reference="another")
    messages = [Message(key=f"{n}", request=request) for n in range(20)] + [Message(key="other", request=other)]
    answers = await stream(world, messages)
    assert reason(answers.pop("other").error) == "REQUEST_ID_REUSED"
    assert {answer.flight_plan.name for answer in answers.values()} == {plan.name}


async def test_thousands_go_through_and_each_is_answered_once(world: World) -> None:
    template = submission()

    def messages() -> Iterable[Message]:
        for n in range(THOUSANDS):
            template.request_id = str(uuid4())
            template.flight_plan.trajectory.departure_time.CopyFrom(timestamp(a_free_time()))
            yield Message(key=f"{n}", request=template)

    answers = await stream(world, messages())
    assert len(answers) == THOUSANDS
    assert Counter(state(answer.flight_plan) for answer in answers.values()) == {"SUBMITTED": THOUSANDS}
    assert len({answer.flight_plan.name for answer in answers.values()}) == THOUSANDS


async def test_a_client_that_leaves_in_the_middle_leaves_the_worker_well(world: World) -> None:
    async def endless() -> AsyncIterator[Message]:
        while True:
            yield Message(key=str(uuid4()), request=submission())

    call = world.stub().SubmitFlightPlans(endless())
    for _ in range(20):
        await call.read()
    call.cancel()
    assert state((await world.submit()).flight_plan) == "SUBMITTED"
    log = world.installation.log_of("flightplans", lines=200)
    assert "Task was destroyed" not in log
    assert '"level": "error"' not in log.partition("partitions assigned")[2]


async def test_a_message_that_is_too_large_is_refused_by_its_key_and_the_others_are_answered(world: World) -> None:
    huge = submission(waypoints=[assessment_pb2.Waypoint(longitude=113.5, latitude=21.0)] * 30_000)
    answers = await stream(
        world, [Message(key="huge", request=huge), Message(key="good", request=submission(validate_only=True))]
    )
    assert reason(answers["huge"].error) == "TOO_LARGE"
    assert state(answers["good"].flight_plan) == "SUBMITTED"
