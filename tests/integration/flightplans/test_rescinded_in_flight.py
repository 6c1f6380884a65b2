"""Flights that are rescinded while they are in the air: their airspace stays reserved until they are down."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from lowsky.api.airspace.v1 import geozones_pb2
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from tests.integration.flightplans.test_off_nominal import BESIDE, report, volumes
from tests.integration.flightplans.world import (
    FOREIGN,
    SERVICE,
    World,
    a_drone,
    a_free_time,
    in_,
    state,
    submission,
    zone,
)
from tests.support.errors import refusal
from tests.support.polling import eventually

PROHIBITED = geozones_pb2.RESTRICTION_PROHIBITED
CONFLICT = assessment_pb2.Finding.RULE_CONFLICT
NONCONFORMING, CONTINGENT, ACTIVATED = pb.STATE_NONCONFORMING, pb.STATE_CONTINGENT, pb.STATE_ACTIVATED


async def flying(world: World, at: tuple[float, float]) -> pb.FlightPlan:
    plan = (await world.submit(at, departure=in_(seconds=20))).flight_plan  # volumes begin half a minute before
    assert state(plan) == "SUBMITTED", plan
    await world.verdict(plan, "granted", automatic=True)
    await world.wait_state(plan.name, "APPROVED")
    request = pb.ActivateFlightPlanRequest(request_id=str(uuid4()), name=plan.name)
    return (await world.stub().ActivateFlightPlan(request)).flight_plan


async def close(world: World, at: tuple[float, float], dataset: str) -> None:
    await world.publish_zones(zone(f"geozones/{dataset}.z", at, PROHIBITED), dataset=f"datasets/{dataset}")


async def reopen(world: World, dataset: str) -> None:
    """The zone is gone again, so that only the flight can be in the way."""
    at = (0.0, 80.0)
    await world.publish_zones(zone(f"geozones/{dataset}.z", at, PROHIBITED), dataset=f"datasets/{dataset}")


async def rescinded(world: World, at: tuple[float, float], dataset: str) -> pb.FlightPlan:
    """A flight in the air that a short restriction has rescinded."""
    plan = await flying(world, at)
    await close(world, at, dataset)
    await world.wait_state(plan.name, "RESCINDED")
    await reopen(world, dataset)
    return await now(world, plan)


async def now(world: World, plan: pb.FlightPlan) -> pb.FlightPlan:
    return (await world.stub().GetFlightPlan(pb.GetFlightPlanRequest(name=plan.name))).flight_plan


async def end(world: World, plan: pb.FlightPlan) -> pb.FlightPlan:
    request = pb.EndFlightPlanRequest(request_id=str(uuid4()), name=plan.name)
    return (await world.stub().EndFlightPlan(request)).flight_plan


async def another(world: World, at: tuple[float, float], departure_s: float = 30) -> pb.FlightPlan:
    """Another operator's plan for the same airspace: a dry run, so that it is in nobody's way."""
    request = submission(
        at, parent=FOREIGN, aircraft=a_drone(FOREIGN), departure=in_(seconds=departure_s), validate_only=True
    )
    return (await world.stub(operator=FOREIGN, subject="rival").SubmitFlightPlan(request)).flight_plan


async def test_a_flight_that_a_zone_rescinds_in_the_air_keeps_its_airspace_until_it_is_down(world: World) -> None:
    at = (111.0, 20.0)
    plan = await rescinded(world, at, "keeps")
    assert (state(plan), plan.airborne) == ("RESCINDED", True)
    in_the_way = await another(world, at)
    assert [finding.rule for finding in in_the_way.findings] == [CONFLICT]
    ended = await end(world, plan)
    assert (state(ended), ended.airborne) == ("RESCINDED", False)
    assert "geozones/keeps.z" in ended.state_reason
    assert state(await another(world, at)) == "SUBMITTED"
    await world.wait_told(plan.name, "submitted", "approved", "activated", "rescinded", "ended")
    again = pb.EndFlightPlanRequest(request_id=str(uuid4()), name=plan.name)
    assert (await refusal(world.stub().EndFlightPlan(again))).reason == "ILLEGAL_MOVE"


async def test_a_rescinded_flight_in_the_air_reports_where_it_is_and_cannot_return_to_its_plan(world: World) -> None:
    at, when = (111.0, 19.0), a_free_time()
    plan = await rescinded(world, at, "reports")
    off = await report(world, plan, CONTINGENT, volumes(BESIDE[7], when))
    assert (state(off), off.airborne) == ("RESCINDED", True)
    assert off.off_nominal_volumes == volumes(BESIDE[7], when)
    beside = submission(
        BESIDE[7],
        parent=FOREIGN,
        aircraft=a_drone(FOREIGN),
        departure=when + timedelta(minutes=5),
        validate_only=True,
    )
    foreign = world.stub(operator=FOREIGN, subject="rival")
    assert state((await foreign.SubmitFlightPlan(beside)).flight_plan) == "REJECTED"
    assert state(await another(world, at)) == "REJECTED"
    request = pb.ReportFlightPlanStateRequest(request_id=str(uuid4()), name=plan.name, state=ACTIVATED)
    assert (await refusal(world.stub().ReportFlightPlanState(request))).reason == "ILLEGAL_MOVE"
    await end(world, plan)
    beside.request_id = str(uuid4())
    assert state((await foreign.SubmitFlightPlan(beside)).flight_plan) == "SUBMITTED"
    assert state(await another(world, at)) == "SUBMITTED"


async def test_a_flight_that_returns_into_closed_airspace_is_rescinded_and_keeps_its_plan(world: World) -> None:
    at = (111.0, 18.0)
    plan = await flying(world, at)
    await report(world, plan, NONCONFORMING, volumes(BESIDE[8], in_(seconds=1), 1))
    await close(world, at, "back")

    async def told() -> bool:
        return bool((await now(world, plan)).findings)

    await eventually(told, what="the zone found")
    back = await report(world, plan, ACTIVATED)
    assert (state(back), back.airborne) == ("RESCINDED", True)
    await reopen(world, "back")
    assert state(await another(world, at)) == "REJECTED"
    await end(world, plan)
    assert state(await another(world, at)) == "SUBMITTED"


async def test_its_aircraft_takes_off_for_no_other_plan_until_it_is_down(world: World) -> None:
    at = (111.0, 17.0)
    plan = await rescinded(world, at, "aircraft")
    request = submission((111.0, 16.5), aircraft=plan.aircraft, departure=in_(seconds=30), validate_only=True)
    (finding,) = (await world.stub().SubmitFlightPlan(request)).flight_plan.findings
    assert finding.rule == assessment_pb2.Finding.RULE_AIRCRAFT_BUSY


async def test_a_worker_that_is_killed_does_not_free_it(world: World) -> None:
    at = (111.0, 16.0)
    plan = await rescinded(world, at, "killed")
    await world.installation.kill(SERVICE)
    await world.installation.restart(SERVICE)
    await world.wait_for_revision()
    assert (await now(world, plan)).airborne
    assert state(await another(world, at)) == "REJECTED"
