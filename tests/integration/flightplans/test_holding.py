"""Holding the airspace, as operators meet it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import grpc
import pytest
import pytest_asyncio

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from tests.integration.flightplans.world import (
    EAST,
    FOREIGN,
    OPERATOR,
    PORT,
    SOUTH,
    TOWER,
    Stub,
    World,
    a_drone,
    a_free_time,
    in_,
    operator,
    state,
    submission,
    waypoints,
)
from tests.support.errors import error_of, refusal
from tests.support.polling import eventually

EMERGENCY = assessment_pb2.PRIORITY_EMERGENCY
CONFLICT = assessment_pb2.Finding.RULE_CONFLICT


def foreign(world: World) -> Stub:
    return world.stub(operator=FOREIGN, subject="rival")


async def submit_foreign(world: World, departure: datetime, **fields: Any) -> pb.FlightPlan:
    request = submission(parent=FOREIGN, aircraft=a_drone(FOREIGN), departure=departure, **fields)
    return (await foreign(world).SubmitFlightPlan(request)).flight_plan


async def submit(world: World, departure: datetime, **fields: Any) -> pb.FlightPlan:
    return (await world.submit(departure=departure, **fields)).flight_plan


async def withdraw(world: World, plan: pb.FlightPlan) -> None:
    request = pb.WithdrawFlightPlanRequest(request_id=submission().request_id, name=plan.name)
    await world.stub().WithdrawFlightPlan(request)


async def test_the_second_of_two_equal_plans_is_rejected_and_hears_where_and_not_whose(world: World) -> None:
    at = a_free_time()
    first = await submit(world, at)
    assert state(first) == "SUBMITTED"
    second = await submit_foreign(world, at)
    assert state(second) == "REJECTED"
    (finding,) = second.findings
    assert finding.rule == CONFLICT
    assert finding.severity == assessment_pb2.Finding.SEVERITY_BLOCKING
    assert list(finding.volumes) == [0, 1, 2]
    assert (finding.plan_altitude.lower_m, finding.subject_altitude.upper_m) == (90, 110)
    assert finding.time_start == first.time_start
    assert finding.overlap_outlines
    assert finding.subject.startswith("operators/-/flightPlans/")
    assert OPERATOR not in str(second)
    assert "acme" not in str(second)


async def test_the_name_in_a_conflict_resolves_for_its_operator_and_for_nobody_else(world: World) -> None:
    at = a_free_time()
    first = await submit(world, at)
    (finding,) = (await submit_foreign(world, at)).findings
    get = pb.GetFlightPlanRequest(name=finding.subject)
    assert (await world.stub().GetFlightPlan(get)).flight_plan.name == first.name
    error = await refusal(foreign(world).GetFlightPlan(get))
    assert error.reason == "NOT_FOUND"
    assert "acme" not in str(error)


async def test_nothing_in_a_conflict_says_when_the_other_plan_was_submitted(world: World, rescuers: None) -> None:
    """An id does: it begins with the milliseconds."""
    at = a_free_time()
    first = await submit(world, at)
    rejected = await submit_foreign(world, at)
    rescue = await submit_foreign(world, at, priority=EMERGENCY)
    displaced = await world.wait_state(first.name, "REJECTED")
    for said, other in ((rejected, first), (rescue, first), (displaced, rescue)):
        id_ = other.name.rpartition("/")[2]
        assert said.findings
        assert id_ not in str(said)
        for part in (id_[:13], id_[:8], id_.replace("-", "")[:12]):
            assert all(part not in finding.subject for finding in said.findings)
    error = await refusal(
        world.stub().GetFlightPlan(pb.GetFlightPlanRequest(name=f"operators/-/flightPlans/{first.name[-36:]}"))
    )
    assert error.reason == "NOT_FOUND"


async def test_the_name_in_a_conflict_resolves_for_an_officer_that_it_concerns_and_for_no_other(world: World) -> None:
    at = a_free_time()
    first = (await world.submit(EAST, departure=at)).flight_plan
    (finding,) = [f for f in (await submit_foreign(world, at, at=EAST)).findings if f.rule == CONFLICT]
    get = pb.GetFlightPlanRequest(name=finding.subject)
    assert (await world.officer(TOWER).GetFlightPlan(get)).flight_plan.name == first.name
    assert (await refusal(world.officer(PORT).GetFlightPlan(get))).reason == "NOT_FOUND"


@pytest.mark.parametrize("method", ["WithdrawFlightPlan", "ActivateFlightPlan", "EndFlightPlan"])
async def test_a_name_that_leaves_out_whose_it_is_moves_nothing(world: World, method: str) -> None:
    plan = await submit(world, a_free_time())
    name = f"operators/-/flightPlans/{plan.name.rpartition('/')[2]}"
    request = getattr(pb, f"{method}Request")(request_id=submission().request_id, name=name)
    assert (await refusal(getattr(world.stub(), method)(request))).reason == "NOT_FOUND"


@pytest.mark.parametrize(
    ("later_s", "higher_m", "free"),
    [(0, 0, False), (119, 0, False), (120, 0, True), (0, 19, False), (0, 20, True)],
)
async def test_plans_that_touch_in_time_or_altitude_do_not_overlap(
    world: World, later_s: float, higher_m: float, free: bool
) -> None:
    at = a_free_time()
    await submit(world, at, waypoints=waypoints(SOUTH)[:2])
    second = await submit_foreign(
        world, at + timedelta(seconds=later_s), waypoints=waypoints(SOUTH, height_m=100 + higher_m)[:2]
    )
    assert state(second) == ("SUBMITTED" if free else "REJECTED")


async def test_a_plan_that_is_withdrawn_frees_its_airspace_at_once(world: World) -> None:
    at = a_free_time()
    await withdraw(world, await submit(world, at))
    assert state(await submit_foreign(world, at)) == "SUBMITTED"


async def test_a_plan_that_approvals_rejects_frees_its_airspace(world: World) -> None:
    at = a_free_time()
    first = await submit(world, at)
    await world.verdict(first, "rejected")
    await world.wait_state(first.name, "REJECTED")
    assert state(await submit_foreign(world, at)) == "SUBMITTED"


async def test_a_rejected_plan_holds_nothing(world: World) -> None:
    at = a_free_time()
    first = await submit(world, at)
    assert state(await submit_foreign(world, at)) == "REJECTED"
    await withdraw(world, first)
    assert state(await submit_foreign(world, at)) == "SUBMITTED"


async def test_of_sixteen_equal_plans_at_once_one_is_accepted(world: World) -> None:
    at = a_free_time()
    answers = await asyncio.gather(*(submit(world, at) for _ in range(16)))
    assert sorted(state(plan) for plan in answers) == ["REJECTED"] * 15 + ["SUBMITTED"]


async def test_a_dry_run_hears_of_conflicts_and_is_in_nobodys_way(world: World) -> None:
    at = a_free_time()
    dry = (await world.submit(departure=at, validate_only=True)).flight_plan
    assert state(dry) == "SUBMITTED"
    await submit(world, at)
    (finding,) = (await world.submit(departure=at, validate_only=True)).flight_plan.findings
    assert finding.rule == CONFLICT


async def test_a_conflict_is_answered_alike_when_it_is_asked_again(world: World) -> None:
    at = a_free_time()
    first = await submit(world, at)
    request = submission(departure=at)
    answer = await world.stub().SubmitFlightPlan(request)
    assert state(answer.flight_plan) == "REJECTED"
    await withdraw(world, first)
    assert await world.stub().SubmitFlightPlan(request) == answer


async def test_a_plan_takes_the_place_of_the_one_it_supersedes(world: World) -> None:
    at = a_free_time()
    first = await submit(world, at)
    second = await submit(world, at + timedelta(seconds=60), supersedes=first.name)
    assert state(second) == "SUBMITTED"
    assert await world.state_of(first.name) == "WITHDRAWN"
    await world.wait_told(first.name, "submitted", "withdrawn")
    assert state(await submit_foreign(world, at - timedelta(seconds=180))) == "SUBMITTED"


async def test_where_a_superseding_plan_is_rejected_the_other_stays(world: World) -> None:
    at, busy = a_free_time(), a_free_time()
    await submit_foreign(world, busy)
    first = await submit(world, at)
    assert state(await submit(world, busy, supersedes=first.name)) == "REJECTED"
    assert await world.state_of(first.name) == "SUBMITTED"
    assert state(await submit_foreign(world, at)) == "REJECTED"


async def test_another_operators_plan_cannot_be_superseded_nor_found(world: World) -> None:
    theirs = await submit_foreign(world, a_free_time())
    request = submission(supersedes=theirs.name)
    error = await refusal(world.stub().SubmitFlightPlan(request))
    assert error.reason == "NOT_FOUND"
    assert await refusal(world.stub().SubmitFlightPlan(request)) == error


async def test_a_plan_that_is_over_cannot_be_superseded(world: World) -> None:
    first = await submit(world, a_free_time())
    await withdraw(world, first)
    error = await refusal(world.stub().SubmitFlightPlan(submission(supersedes=first.name)))
    assert error.reason == "CANNOT_BE_SUPERSEDED"
    assert error.metadata["state"] == "WITHDRAWN"


async def test_a_priority_that_the_operator_is_not_entitled_to_is_refused(world: World) -> None:
    error = await refusal(world.stub().SubmitFlightPlan(submission(priority=EMERGENCY)))
    assert error.reason == "PRIORITY_NOT_ENTITLED"


@pytest_asyncio.fixture(loop_scope="session")
async def rescuers(world: World) -> None:
    """The other operator may claim an emergency."""
    await world.tell([operator(FOREIGN, priority_max=EMERGENCY)])

    async def entitled() -> bool:
        try:
            await submit_foreign(world, a_free_time(), priority=EMERGENCY)
        except grpc.aio.AioRpcError as error:
            assert error_of(error).reason == "PRIORITY_NOT_ENTITLED"
            return False
        return True

    await eventually(entitled, what="the entitlement known")


async def test_a_flight_of_higher_priority_displaces_and_both_are_told(world: World, rescuers: None) -> None:
    at = a_free_time()
    first = await submit(world, at)
    rescue = await submit_foreign(world, at, priority=EMERGENCY)
    assert state(rescue) == "SUBMITTED"
    (finding,) = rescue.findings
    assert finding.rule == assessment_pb2.Finding.RULE_PRIORITY_OVER
    displaced = await world.wait_state(first.name, "REJECTED")
    (finding,) = displaced.findings
    assert finding.rule == assessment_pb2.Finding.RULE_DISPLACED_BY_PRIORITY
    assert "rival" not in str(displaced)
    await world.wait_told(first.name, "submitted", "rejected")
    assert state(await submit(world, at)) == "REJECTED"


async def test_an_approved_plan_is_rescinded_and_an_activated_one_is_warned(world: World, rescuers: None) -> None:
    approved = await submit(world, a_free_time())
    await world.verdict(approved, "granted", automatic=True)
    await world.wait_state(approved.name, "APPROVED")
    flying = await submit(world, in_(seconds=10))
    await world.verdict(flying, "granted", automatic=True)
    await world.wait_state(flying.name, "APPROVED")
    activate = pb.ActivateFlightPlanRequest(request_id=submission().request_id, name=flying.name)
    await world.stub().ActivateFlightPlan(activate)
    rescue = await submit_foreign(world, approved.trajectory.departure_time.ToDatetime(), priority=EMERGENCY)
    assert state(rescue) == "SUBMITTED"
    assert await world.state_of(approved.name) == "RESCINDED"
    rescue = await submit_foreign(world, in_(seconds=20), priority=EMERGENCY)
    assert state(rescue) == "SUBMITTED"
    assert "in progress" in rescue.findings[0].message
    warned = await world.wait_state(flying.name, "ACTIVATED")
    assert [finding.rule for finding in warned.findings] == [assessment_pb2.Finding.RULE_DISPLACED_BY_PRIORITY]
    assert warned.findings[0].severity == assessment_pb2.Finding.SEVERITY_NOTIFICATION


async def test_a_reservation_is_kept_by_no_plan_that_is_over(world: World) -> None:
    async with world.installation.connection() as connection:
        over = await connection.fetchval(
            """SELECT count(*) FROM flightplans.reservations r JOIN flightplans.flight_plans p ON p.id = r.plan::text
               WHERE p.state IN ('REJECTED', 'EXPIRED', 'WITHDRAWN', 'RESCINDED', 'ENDED') AND NOT p.airborne"""
        )
        bare = await connection.fetchval(
            """SELECT count(*) FROM flightplans.flight_plans p
               WHERE (p.state NOT IN ('REJECTED', 'EXPIRED', 'WITHDRAWN', 'RESCINDED', 'ENDED') OR p.airborne)
                 AND NOT EXISTS (SELECT FROM flightplans.reservations r WHERE r.plan::text = p.id)"""
        )
        stray = await connection.fetchval(
            """SELECT count(*) FROM flightplans.reserved d
               WHERE NOT EXISTS (SELECT FROM flightplans.reservations r
                                 WHERE r.plan = d.plan AND d.node = ANY(r.nodes))"""
        )
    assert (over, bare, stray) == (0, 0, 0)
