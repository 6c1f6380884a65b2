"""What becomes of a plan: verdicts, withdrawal, activation, the end."""

from __future__ import annotations

from collections.abc import Awaitable
from uuid import uuid4

import pytest

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from tests.integration.flightplans.world import (
    EAST,
    FOREIGN,
    OPERATOR,
    SUSPENDED,
    TOWER,
    World,
    a_free_place,
    aircraft,
    in_,
    operator,
    state,
    submission,
)
from tests.support.errors import refusal
from tests.support.polling import eventually


def withdraw(plan: pb.FlightPlan, etag: str = "", reason: str = "rain") -> pb.WithdrawFlightPlanRequest:
    return pb.WithdrawFlightPlanRequest(request_id=str(uuid4()), name=plan.name, etag=etag, reason=reason)


def activate(plan: pb.FlightPlan, etag: str = "") -> pb.ActivateFlightPlanRequest:
    return pb.ActivateFlightPlanRequest(request_id=str(uuid4()), name=plan.name, etag=etag)


def end(plan: pb.FlightPlan, etag: str = "") -> pb.EndFlightPlanRequest:
    return pb.EndFlightPlanRequest(request_id=str(uuid4()), name=plan.name, etag=etag)


async def approved(world: World, **fields: object) -> pb.FlightPlan:
    plan = (await world.submit(a_free_place(), **{"departure": in_(seconds=5), **fields})).flight_plan
    await world.verdict(plan, "granted", automatic=True)
    return await world.wait_state(plan.name, "APPROVED")


@pytest.mark.parametrize(
    ("verdicts", "states"),
    [
        (["opened", "granted"], ["put-under-review", "approved"]),
        (["opened", "rejected"], ["put-under-review", "rejected"]),
        (["opened", "expired"], ["put-under-review", "expired"]),
        (["granted"], ["approved"]),
    ],
)
async def test_verdicts_move_the_plan_and_each_move_is_told(
    world: World, verdicts: list[str], states: list[str]
) -> None:
    plan = (await world.submit(EAST)).flight_plan
    for verdict in verdicts:
        await world.verdict(plan, verdict, reason="so be it")
    await world.wait_told(plan.name, "submitted", *states)
    read = (await world.stub().GetFlightPlan(pb.GetFlightPlanRequest(name=plan.name))).flight_plan
    assert read.etag != plan.etag
    assert read.approval_number == "LS-2026-0000042"
    if verdicts[-1] in ("granted", "rejected"):
        assert read.state_reason == "so be it"


async def test_a_verdict_that_comes_again_does_nothing(world: World) -> None:
    plan = (await world.submit()).flight_plan
    event = await world.verdict(plan, "granted", automatic=True)
    await world.wait_state(plan.name, "APPROVED")
    await world.tell([event, event])
    await world.verdict(plan, "granted", automatic=True)  # another event that says the same
    marker = await approved(world)
    await world.wait_told(marker.name, "submitted", "approved")
    assert await world.told_of(plan.name) == ["submitted", "approved"]


async def test_a_verdict_after_the_withdrawal_is_not_followed(world: World) -> None:
    plan = (await world.submit(EAST)).flight_plan
    await world.stub().WithdrawFlightPlan(withdraw(plan))
    await world.verdict(plan, "granted")
    other = (await world.submit(EAST)).flight_plan
    await world.verdict(other, "granted")
    await world.wait_state(other.name, "APPROVED")
    await world.wait_told(plan.name, "submitted", "withdrawn")


async def test_a_verdict_on_a_plan_that_never_was_ends_among_the_dead_letters_and_the_rest_go_on(world: World) -> None:
    plan = (await world.submit()).flight_plan
    ghost = pb.FlightPlan(name=f"{OPERATOR}/flightPlans/ghost")
    await world.verdict(ghost, "granted")
    await world.verdict(plan, "granted")
    await world.wait_state(plan.name, "APPROVED")

    async def buried() -> bool:
        events = await world.installation.events("lowsky.approvals.v1.flightplans.dlq")
        return [value.approval.flight_plan.name for _, value in events] == [ghost.name]

    await eventually(buried, what="the dead letter")


async def test_a_flight_is_activated_within_its_window_and_ended(world: World) -> None:
    plan = await approved(world)
    active = (await world.stub().ActivateFlightPlan(activate(plan, plan.etag))).flight_plan
    assert state(active) == "ACTIVATED"
    ended = (await world.stub().EndFlightPlan(end(active, active.etag))).flight_plan
    assert state(ended) == "ENDED"
    await world.wait_told(plan.name, "submitted", "approved", "activated", "ended")


async def test_a_flight_is_not_activated_before_its_window(world: World) -> None:
    plan = await approved(world, departure=in_(hours=2))
    failure = await refusal(world.stub().ActivateFlightPlan(activate(plan)))
    assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", "OUTSIDE_TIME_WINDOW")
    assert {"earliest", "latest"} <= failure.metadata.keys()


async def test_who_was_suspended_since_the_approval_does_not_take_off(world: World) -> None:
    await world.tell([operator("operators/lapsed"), aircraft("operators/lapsed/aircraft/a")])
    stub = world.stub(operator="operators/lapsed")
    request = submission(
        a_free_place(), parent="operators/lapsed", aircraft="operators/lapsed/aircraft/a", departure=in_(seconds=5)
    )
    plan = (await stub.SubmitFlightPlan(request)).flight_plan
    await world.verdict(plan, "granted", automatic=True)

    async def is_approved() -> bool:
        return state((await stub.GetFlightPlan(pb.GetFlightPlanRequest(name=plan.name))).flight_plan) == "APPROVED"

    await eventually(is_approved)
    await world.tell([operator("operators/lapsed", SUSPENDED)])

    async def refused() -> bool:
        again = submission(
            parent="operators/lapsed",
            aircraft="operators/lapsed/aircraft/a",
            departure=in_(hours=1),
            validate_only=True,
        )
        return (await refusal(stub.SubmitFlightPlan(again))).reason == "OPERATOR_NOT_IN_GOOD_STANDING"

    await eventually(refused, what="the suspension known")
    failure = await refusal(stub.ActivateFlightPlan(activate(plan)))
    assert failure.reason == "OPERATOR_NOT_IN_GOOD_STANDING"


async def test_moves_that_the_state_does_not_allow_are_refused(world: World) -> None:
    plan = (await world.submit()).flight_plan
    for call in (world.stub().ActivateFlightPlan(activate(plan)), world.stub().EndFlightPlan(end(plan))):
        failure = await refusal(call)
        assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", "ILLEGAL_MOVE")
        assert failure.metadata["state"] == "SUBMITTED"
    await world.stub().WithdrawFlightPlan(withdraw(plan))
    assert (await refusal(world.stub().WithdrawFlightPlan(withdraw(plan)))).reason == "ILLEGAL_MOVE"


async def test_a_stale_etag_is_aborted(world: World) -> None:
    plan = (await world.submit(EAST)).flight_plan
    await world.verdict(plan, "opened")
    await world.wait_state(plan.name, "UNDER_REVIEW")
    failure = await refusal(world.stub().WithdrawFlightPlan(withdraw(plan, plan.etag)))
    assert (failure.code.name, failure.reason) == ("ABORTED", "STALE_ETAG")


async def test_a_move_that_is_sent_again_gets_the_same_answer(world: World) -> None:
    plan = (await world.submit()).flight_plan
    request = withdraw(plan, plan.etag)
    first = await world.stub().WithdrawFlightPlan(request)
    assert await world.stub().WithdrawFlightPlan(request) == first
    await world.wait_told(plan.name, "submitted", "withdrawn")


async def test_others_plans_cannot_be_moved_or_seen(world: World) -> None:
    plan = (await world.submit()).flight_plan
    rival = world.stub(operator=FOREIGN)
    calls: list[Awaitable[object]] = [
        rival.WithdrawFlightPlan(withdraw(plan)),
        rival.ActivateFlightPlan(activate(plan)),
        rival.EndFlightPlan(end(plan)),
        rival.GetFlightPlan(pb.GetFlightPlanRequest(name=plan.name)),
    ]
    for call in calls:
        assert (await refusal(call)).code.name == "NOT_FOUND"
    failure = await refusal(world.officer(TOWER).WithdrawFlightPlan(withdraw(plan)))
    assert failure.code.name == "PERMISSION_DENIED"
    assert plan.aircraft.startswith(f"{OPERATOR}/aircraft/")


async def test_a_request_of_before_is_answered_also_when_its_start_has_passed(world: World) -> None:
    request = submission(a_free_place(), departure=in_(seconds=-4.5))
    first = await world.stub().SubmitFlightPlan(request)

    async def is_past() -> bool:
        later = submission(plan=request.flight_plan)
        try:
            await world.stub().SubmitFlightPlan(later)
        except Exception:
            return True
        return False

    await eventually(is_past, what="the start passed")
    assert await world.stub().SubmitFlightPlan(request) == first
