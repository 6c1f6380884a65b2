"""An authority takes its approval back: on the ground, in the air, and while the operator activates."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import grpc

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from tests.integration.flightplans.test_moves import activate, approved, withdraw
from tests.integration.flightplans.test_off_nominal import CONTINGENT, NONCONFORMING, report
from tests.integration.flightplans.world import FOREIGN, World, a_drone, in_, state, submission
from tests.support.errors import error_of, refusal


async def another(world: World, plan: pb.FlightPlan) -> str:
    """What would become of another operator's plan for the same airspace."""
    place = plan.trajectory.waypoints[0]
    request = submission(
        (place.longitude, place.latitude),
        parent=FOREIGN,
        aircraft=a_drone(FOREIGN),
        departure=in_(seconds=20),
        validate_only=True,
    )
    stub = world.stub(operator=FOREIGN, subject="rival")
    return state((await stub.SubmitFlightPlan(request)).flight_plan)


async def test_a_plan_on_the_ground_frees_its_airspace_and_is_not_activated(world: World) -> None:
    plan = await approved(world)
    await world.verdict(plan, "rescinded", reason="a procession")
    rescinded = await world.wait_state(plan.name, "RESCINDED")
    assert (rescinded.state_reason, rescinded.airborne) == ("a procession", False)
    assert await another(world, plan) == "SUBMITTED"
    assert (await refusal(world.stub().ActivateFlightPlan(activate(plan)))).reason == "ILLEGAL_MOVE"
    await world.wait_told(plan.name, "submitted", "approved", "rescinded")


async def test_a_contingent_flight_keeps_its_airspace(world: World) -> None:
    plan = await approved(world)
    await world.stub().ActivateFlightPlan(activate(plan))
    await report(world, plan, NONCONFORMING)
    await report(world, plan, CONTINGENT)
    event = await world.verdict(plan, "rescinded", reason="a procession")
    rescinded = await world.wait_state(plan.name, "RESCINDED")
    assert (rescinded.state_reason, rescinded.airborne) == ("a procession", True)
    assert await another(world, plan) == "REJECTED"
    await world.stub().EndFlightPlan(pb.EndFlightPlanRequest(request_id=str(uuid4()), name=plan.name))
    assert await another(world, plan) == "SUBMITTED"
    await world.tell([event])  # what comes again does nothing
    marker = await approved(world)
    await world.wait_told(marker.name, "submitted", "approved")
    assert (await world.told_of(plan.name))[-2:] == ["rescinded", "ended"]


async def test_rescission_against_activation_ends_the_same_for_everybody(world: World) -> None:
    plans = [await approved(world) for _ in range(6)]

    async def take_off(plan: pb.FlightPlan) -> bool:
        try:
            await world.stub().ActivateFlightPlan(activate(plan))
        except grpc.aio.AioRpcError as error:
            assert error_of(error).reason == "ILLEGAL_MOVE"
            return False
        return True

    async def rescind(plan: pb.FlightPlan) -> None:
        await world.verdict(plan, "rescinded", reason="a procession")

    for plan in plans:
        took_off, _ = await asyncio.gather(take_off(plan), rescind(plan))
        rescinded = await world.wait_state(plan.name, "RESCINDED")
        assert rescinded.airborne == took_off
        moves = ["activated", "rescinded"] if took_off else ["rescinded"]
        await world.wait_told(plan.name, "submitted", "approved", *moves)
        assert await another(world, plan) == ("REJECTED" if took_off else "SUBMITTED")


async def test_a_plan_that_is_withdrawn_meanwhile_stays_so(world: World) -> None:
    plan = await approved(world)
    await world.stub().WithdrawFlightPlan(withdraw(plan))
    await world.verdict(plan, "rescinded", reason="a procession")
    marker = await approved(world)
    await world.verdict(marker, "rescinded")
    await world.wait_state(marker.name, "RESCINDED")
    await world.wait_told(plan.name, "submitted", "approved", "withdrawn")


async def test_a_plan_that_is_under_review_again_is_rejected(world: World) -> None:
    """Its case is over: nobody would decide on it."""
    plan = (await world.submit()).flight_plan
    await world.verdict(plan, "opened")
    await world.wait_state(plan.name, "UNDER_REVIEW")
    await world.verdict(plan, "rescinded", reason="a procession")
    rejected = await world.wait_state(plan.name, "REJECTED")
    assert rejected.state_reason == "a procession"
