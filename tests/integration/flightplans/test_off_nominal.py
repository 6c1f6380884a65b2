"""Flights that leave their plans, and plans of which nobody says what became."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import uuid4

import pytest

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from tests.integration.flightplans.world import (
    AGL,
    FOREIGN,
    World,
    a_drone,
    a_free_place,
    a_free_time,
    in_,
    state,
    submission,
    timestamp,
)
from tests.support.errors import refusal

BESIDE = [(113.5, 20.9 - 0.05 * n) for n in range(10)]
"""Some kilometres south of where flights are planned here, a place for each test."""

NONCONFORMING, CONTINGENT, ACTIVATED = pb.STATE_NONCONFORMING, pb.STATE_CONTINGENT, pb.STATE_ACTIVATED


def volumes(at: tuple[float, float], start: datetime, minutes: float = 10) -> assessment_pb2.Volumes:
    """A circle of 300 m, up to 200 m."""
    return assessment_pb2.Volumes(
        volumes=[
            geo_pb2.Volume4D(
                outline_circle=geo_pb2.Circle(center=geo_pb2.LatLng(longitude=at[0], latitude=at[1]), radius_m=300),
                altitude=geo_pb2.AltitudeBand(lower_m=0, lower_datum=AGL, upper_m=200, upper_datum=AGL),
                time_start=timestamp(start),
                time_end=timestamp(start + timedelta(minutes=minutes)),
            )
        ]
    )


async def flying(world: World) -> pb.FlightPlan:
    """A flight under way, somewhere of its own."""
    plan = (await world.submit(a_free_place(), departure=in_(seconds=5))).flight_plan
    assert state(plan) == "SUBMITTED"
    await world.verdict(plan, "granted", automatic=True)
    await world.wait_state(plan.name, "APPROVED")
    request = pb.ActivateFlightPlanRequest(request_id=str(uuid4()), name=plan.name)
    return (await world.stub().ActivateFlightPlan(request)).flight_plan


async def report(
    world: World, plan: pb.FlightPlan, new: pb.State.ValueType, off: assessment_pb2.Volumes | None = None
) -> pb.FlightPlan:
    request = pb.ReportFlightPlanStateRequest(
        request_id=str(uuid4()), name=plan.name, state=new, off_nominal_volumes=off, reason="wind"
    )
    return (await world.stub().ReportFlightPlanState(request)).flight_plan


async def submit_foreign(world: World, at: tuple[float, float], departure: datetime) -> pb.FlightPlan:
    request = submission(at, parent=FOREIGN, aircraft=a_drone(FOREIGN), departure=departure)
    return (await world.stub(operator=FOREIGN, subject="rival").SubmitFlightPlan(request)).flight_plan


async def test_off_nominal_volumes_are_held_and_those_that_they_meet_are_told(world: World) -> None:
    at = a_free_time()
    other = await submit_foreign(world, BESIDE[0], at)
    plan = await flying(world)
    off = await report(world, plan, NONCONFORMING, volumes(BESIDE[0], at))
    assert state(off) == "NONCONFORMING"
    assert off.off_nominal_volumes == volumes(BESIDE[0], at)
    (finding,) = off.findings
    assert finding.rule == assessment_pb2.Finding.RULE_OFF_NOMINAL_MEETS
    warned = await world.stub(operator=FOREIGN, subject="rival").GetFlightPlan(pb.GetFlightPlanRequest(name=other.name))
    (finding,) = warned.flight_plan.findings
    assert finding.rule == assessment_pb2.Finding.RULE_OFF_NOMINAL
    assert finding.severity == assessment_pb2.Finding.SEVERITY_NOTIFICATION
    assert state(warned.flight_plan) == "SUBMITTED"
    await world.wait_told(other.name, "submitted", "reassessed")
    await world.wait_told(plan.name, "submitted", "approved", "activated", "found-nonconforming")
    later = at + timedelta(minutes=5)
    assert state(await submit_foreign(world, BESIDE[0], later)) == "REJECTED"


async def test_a_flight_that_is_back_in_its_plan_frees_the_rest_and_takes_its_warnings_back(world: World) -> None:
    at = a_free_time()
    other = await submit_foreign(world, BESIDE[1], at)
    a_free_time()
    plan = await flying(world)
    await report(world, plan, NONCONFORMING, volumes(BESIDE[1], at))
    back = await report(world, plan, ACTIVATED)
    assert (state(back), list(back.findings), back.HasField("off_nominal_volumes")) == ("ACTIVATED", [], False)
    await world.wait_told(other.name, "submitted", "reassessed", "reassessed")
    assert state(await submit_foreign(world, BESIDE[1], at + timedelta(minutes=5))) == "SUBMITTED"


async def test_another_report_moves_what_is_held(world: World) -> None:
    first, second = a_free_time(), a_free_time() + timedelta(minutes=20)
    for _ in range(8):
        a_free_time()
    plan = await flying(world)
    await report(world, plan, NONCONFORMING, volumes(BESIDE[2], first, 4))
    await report(world, plan, NONCONFORMING, volumes(BESIDE[2], second, 4))
    assert state(await submit_foreign(world, BESIDE[2], first)) == "SUBMITTED"
    assert state(await submit_foreign(world, BESIDE[2], second)) == "REJECTED"


async def test_its_own_plan_stays_held_while_a_flight_is_off_it(world: World) -> None:
    plan = await flying(world)
    await report(world, plan, NONCONFORMING, volumes(BESIDE[3], a_free_time(), 1))
    place = plan.trajectory.waypoints[0]
    again = await submit_foreign(world, (place.longitude, place.latitude), in_(seconds=10))
    assert state(again) == "REJECTED"


async def test_a_contingent_flight_can_only_end(world: World) -> None:
    plan = await flying(world)
    assert (await refusal_of(world, plan, CONTINGENT)) == "ILLEGAL_MOVE"
    await report(world, plan, NONCONFORMING)
    assert state(await report(world, plan, CONTINGENT, volumes(BESIDE[4], a_free_time(), 1))) == "CONTINGENT"
    for new in (ACTIVATED, NONCONFORMING):
        assert (await refusal_of(world, plan, new)) == "ILLEGAL_MOVE"
    end = pb.EndFlightPlanRequest(request_id=str(uuid4()), name=plan.name)
    assert state((await world.stub().EndFlightPlan(end)).flight_plan) == "ENDED"


async def refusal_of(world: World, plan: pb.FlightPlan, new: pb.State.ValueType) -> str:
    request = pb.ReportFlightPlanStateRequest(request_id=str(uuid4()), name=plan.name, state=new)
    return (await refusal(world.stub().ReportFlightPlanState(request))).reason


async def test_a_flight_within_its_plan_reports_no_other_volumes(world: World) -> None:
    plan = await flying(world)
    request = pb.ReportFlightPlanStateRequest(
        request_id=str(uuid4()), name=plan.name, state=ACTIVATED, off_nominal_volumes=volumes(BESIDE[5], in_(minutes=1))
    )
    error = await refusal(world.stub().ReportFlightPlanState(request))
    assert error.fields == {"off_nominal_volumes": "INVALID_FIELD"}


async def test_off_nominal_volumes_end_within_a_day(world: World) -> None:
    plan = await flying(world)
    request = pb.ReportFlightPlanStateRequest(
        request_id=str(uuid4()),
        name=plan.name,
        state=NONCONFORMING,
        off_nominal_volumes=volumes(BESIDE[6], in_(hours=24)),
    )
    assert (await refusal(world.stub().ReportFlightPlanState(request))).reason == "TOO_LARGE"


@pytest.mark.parametrize("approved", [False, True])
async def test_a_plan_that_nobody_flies_is_closed_when_its_time_has_passed(world: World, approved: bool) -> None:
    await world.installation.start("flightplans", instance=f"quick-{approved}", env={"LOWSKY_OVERDUE_GRACE_S": "0"})
    short = [
        assessment_pb2.Waypoint(
            longitude=112.0 + 0.001 * n, latitude=20.0 + approved, altitude_m=50, altitude_datum=AGL, offset_s=10 * n
        )
        for n in range(2)
    ]
    request = submission(waypoints=short, departure=in_(seconds=3))
    request.flight_plan.trajectory.time_buffer.seconds = 0
    plan = (await world.stub().SubmitFlightPlan(request)).flight_plan
    if approved:
        await world.verdict(plan, "granted", automatic=True)
        await world.wait_state(plan.name, "APPROVED")
    closed = await world.wait_state(plan.name, "EXPIRED")
    assert closed.update_time.ToDatetime() >= plan.time_end.ToDatetime()
    await world.wait_told(plan.name, "submitted", *(["approved", "lapsed"] if approved else ["expired"]))
    async with world.installation.connection() as connection:
        held = "SELECT count(*) FROM flightplans.reservations WHERE plan::text = $1"
        assert await connection.fetchval(held, plan.name.rpartition("/")[2]) == 0
