"""One plan, from the call to the topic."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.events import topics
from tests.integration.flightplans.world import (
    CLOSED,
    EAST,
    OPERATOR,
    SOUTH,
    TOWER,
    TOWERS,
    WEST,
    World,
    state,
    submission,
)
from tests.support.errors import refusal
from tests.support.polling import eventually


async def test_a_plan_in_clear_air_is_stored_as_it_was_asked_for(world: World) -> None:
    request = submission(reference="parcel 17")
    plan = (await world.stub().SubmitFlightPlan(request)).flight_plan
    assert state(plan) == "SUBMITTED"
    assert plan.name.startswith(f"{OPERATOR}/flightPlans/")
    assert list(plan.findings) == []
    assert plan.airspace_revision == world.revision
    assert plan.trajectory == request.flight_plan.trajectory
    read = (await world.stub().GetFlightPlan(pb.GetFlightPlanRequest(name=plan.name))).flight_plan
    assert read == plan
    departure = request.flight_plan.trajectory.departure_time.seconds
    assert (plan.time_start.seconds, plan.time_end.seconds) == (departure - 30, departure + 180 + 30)


async def test_a_submitted_plan_is_told_as_a_cloudevent_in_the_trace_of_its_caller(world: World) -> None:
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    metadata = (("traceparent", f"00-{trace}-00f067aa0ba902b7-01"), ("x-correlation-id", "order-17"))
    plan = (await world.stub().SubmitFlightPlan(submission(), metadata=metadata)).flight_plan
    await world.wait_told(plan.name, "submitted")
    events = await world.installation.events(topics.FLIGHT_PLANS)
    ((event, value),) = [(event, value) for event, value in events if event.key == plan.name]
    assert event.type == "lowsky.flightplan.submitted.v1"
    assert event.traceparent.split("-")[1] == trace
    assert (event.correlation_id, event.causation_id) == ("order-17", "order-17")
    assert value.flight_plan == plan
    assert value.previous_state == pb.STATE_UNSPECIFIED


async def test_each_plan_of_a_busy_moment_keeps_the_trace_of_its_own_caller(world: World) -> None:
    traces = [f"{n:032x}" for n in range(1, 31)]

    async def submit(trace: str) -> str:
        metadata = (("traceparent", f"00-{trace}-00f067aa0ba902b7-01"),)
        return (await world.stub().SubmitFlightPlan(submission(), metadata=metadata)).flight_plan.name

    names = await asyncio.gather(*(submit(trace) for trace in traces))

    async def told() -> dict[str, str]:
        events = await world.installation.events(topics.FLIGHT_PLANS)
        found = {event.key: event.traceparent.split("-")[1] for event, _ in events if event.key in names}
        assert len(found) == len(names)
        return found

    assert await eventually(told) == dict(zip(names, traces, strict=True))


async def test_a_plan_through_a_closed_zone_is_rejected_in_the_answer_and_says_where(world: World) -> None:
    plan = (await world.submit(WEST)).flight_plan
    assert state(plan) == "REJECTED"
    (finding,) = plan.findings
    assert finding.rule == assessment_pb2.Finding.RULE_GEOZONE_PROHIBITED
    assert finding.severity == assessment_pb2.Finding.SEVERITY_BLOCKING
    assert (finding.subject, finding.subject_title) == (CLOSED, "Zone closed")
    assert list(finding.volumes) == [0, 1, 2]
    assert (finding.plan_altitude.lower_m, finding.plan_altitude.upper_m) == (90, 110)
    assert (finding.subject_altitude.lower_m, finding.subject_altitude.upper_m) == (0, 500)
    assert "Zone closed" in plan.state_reason
    assert "90–110 m above ground" in plan.state_reason
    await world.wait_told(plan.name, "rejected")


async def test_a_plan_that_needs_a_word_names_who_must_give_it(world: World) -> None:
    plan = (await world.submit(EAST)).flight_plan
    assert state(plan) == "SUBMITTED"
    assert [finding.subject for finding in plan.findings] == [TOWERS]
    assert list(plan.deciding_authorities) == [TOWER]


async def test_a_dry_run_says_what_would_be_found_and_stores_nothing(world: World) -> None:
    async with world.installation.connection() as connection:
        before = await connection.fetchval("SELECT count(*) FROM flightplans.flight_plans")
        request = submission(WEST, validate_only=True)
        plan = (await world.stub().SubmitFlightPlan(request)).flight_plan
        assert (state(plan), plan.name) == ("REJECTED", "")
        assert [finding.subject for finding in plan.findings] == [CLOSED]
        assert await connection.fetchval("SELECT count(*) FROM flightplans.flight_plans") == before
        kept = "SELECT count(*) FROM flightplans.requests WHERE request_id = $1"
        assert await connection.fetchval(kept, request.request_id) == 0


async def test_the_same_request_gets_the_same_answer(world: World) -> None:
    request = submission()
    first = await world.stub().SubmitFlightPlan(request)
    assert await world.stub().SubmitFlightPlan(request) == first


async def test_the_same_request_sent_twenty_times_at_once_makes_one_plan(world: World) -> None:
    request = submission()
    answers = await asyncio.gather(*(world.stub().SubmitFlightPlan(request) for _ in range(20)))
    assert {answer.flight_plan.name for answer in answers} == {answers[0].flight_plan.name}
    await world.wait_told(answers[0].flight_plan.name, "submitted")


async def test_the_same_id_with_another_plan_is_refused(world: World) -> None:
    request = submission()
    await world.stub().SubmitFlightPlan(request)
    other = submission(request_id=request.request_id, reference="another")
    failure = await refusal(world.stub().SubmitFlightPlan(other))
    assert (failure.code.name, failure.reason) == ("INVALID_ARGUMENT", "REQUEST_ID_REUSED")
    assert failure.fields == {"request_id": "REQUEST_ID_REUSED"}


async def test_another_caller_may_use_the_same_id(world: World) -> None:
    request = submission()
    first = await world.stub().SubmitFlightPlan(request)
    second = await world.stub(subject="another pilot").SubmitFlightPlan(request)
    assert first.flight_plan.name != second.flight_plan.name


async def test_waiting_is_no_part_of_the_request(world: World) -> None:
    request_id = str(uuid4())
    plan = submission().flight_plan
    first = await world.stub().SubmitFlightPlan(submission(plan=plan, request_id=request_id))
    again = await world.stub().SubmitFlightPlan(submission(plan=plan, request_id=request_id, wait_s=0.1))
    assert first.flight_plan.name == again.flight_plan.name


@pytest.mark.parametrize("outcome", ["granted", "rejected"])
async def test_who_waits_hears_the_decision(world: World, outcome: str) -> None:
    request = submission(SOUTH, wait_s=15)
    waiting = world.stub().SubmitFlightPlan(request)
    await _decide_when_told(world, request, outcome)
    plan = (await waiting).flight_plan
    assert state(plan) == {"granted": "APPROVED", "rejected": "REJECTED"}[outcome]
    assert plan.approval_number == "LS-2026-0000042"


async def test_who_waits_hears_at_once_that_officers_decide(world: World) -> None:
    request = submission(EAST, wait_s=15)
    waiting = world.stub().SubmitFlightPlan(request)
    await _decide_when_told(world, request, "opened")
    assert state((await waiting).flight_plan) == "UNDER_REVIEW"


async def test_who_waits_in_vain_gets_the_plan_as_it_stands(world: World) -> None:
    plan = (await world.stub().SubmitFlightPlan(submission(wait_s=0.3))).flight_plan
    assert state(plan) == "SUBMITTED"


async def test_who_waits_with_a_request_of_before_hears_its_decision(world: World) -> None:
    request = submission()
    plan = (await world.stub().SubmitFlightPlan(request)).flight_plan
    request.wait_for_decision.FromSeconds(15)
    waiting = world.stub().SubmitFlightPlan(request)
    await world.verdict(plan, "granted", automatic=True)
    assert state((await waiting).flight_plan) == "APPROVED"
    # And who asks later hears it at once.
    assert state((await world.stub().SubmitFlightPlan(request)).flight_plan) == "APPROVED"


async def _decide_when_told(world: World, request: pb.SubmitFlightPlanRequest, what: str) -> None:
    """As approvals does: decides on the plan that the topic tells of."""
    waypoint = request.flight_plan.trajectory.departure_time

    async def told() -> pb.FlightPlan | None:
        events = await world.installation.events(topics.FLIGHT_PLANS)
        return next(
            (value.flight_plan for _, value in events if value.flight_plan.trajectory.departure_time == waypoint), None
        )

    plan = await eventually(told)
    assert plan is not None
    await world.verdict(plan, what)
