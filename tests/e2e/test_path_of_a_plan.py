"""One plan from request to flight, over all services, as an operator and its authorities live it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from lowsky.api.approvals.v1 import approvals_pb2
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.client import Client, FailedPrecondition, NotFound, StaleEtag
from tests.e2e.conftest import JIANGSU, OPERATOR, SHANGHAI, City, parcel, register
from tests.support.polling import eventually

WAIT = timedelta(seconds=20)
GRANTED = approvals_pb2.Decision.OUTCOME_GRANTED
REJECTED = approvals_pb2.Decision.OUTCOME_REJECTED


async def case_of(officer: Client, plan: pb.FlightPlan) -> approvals_pb2.Approval:
    request = approvals_pb2.ListApprovalsRequest(flight_plan=plan.name)
    (case,) = (await officer.call(officer.approvals.ListApprovals, request)).approvals
    return case


async def in_state(client: Client, plan: pb.FlightPlan, state: pb.State.ValueType) -> pb.FlightPlan:
    async def reached() -> pb.FlightPlan:
        now = await client.get_flight_plan(plan.name)
        assert now.state == state, pb.State.Name(now.state)
        return now

    return await eventually(reached, what=pb.State.Name(state))


async def test_a_flight_in_clear_air_is_approved_by_rule_while_the_caller_waits(city: City) -> None:
    operator = await city.operator()
    plan = await operator.submit_flight_plan(OPERATOR, parcel("parcel-lingang.plan"), wait_for_decision=WAIT)
    assert plan.state == pb.STATE_APPROVED
    assert plan.approval_number.startswith("LS-")
    assert not plan.findings
    assert plan.airspace_revision == 2


async def test_a_leg_that_crosses_a_prohibited_zone_without_a_waypoint_inside_is_rejected_by_name(city: City) -> None:
    operator = await city.operator()
    plan = await operator.submit_flight_plan(OPERATOR, parcel("parcel-jinshan.plan"), wait_for_decision=WAIT)
    assert plan.state == pb.STATE_REJECTED
    (finding,) = plan.findings
    assert finding.rule == assessment_pb2.Finding.RULE_GEOZONE_PROHIBITED
    assert finding.subject == "geozones/cn-shanghai.SH-JS-CHEM"
    assert list(finding.volumes) == [2, 3]
    assert not finding.altitude_uncertain
    assert finding.plan_altitude.lower_m == pytest.approx(74)
    assert finding.plan_altitude.upper_m == pytest.approx(94)
    assert "Jinshan chemical works" in finding.message


async def test_a_flight_across_the_border_is_approved_when_both_authorities_have_granted(city: City) -> None:
    operator = await city.operator()
    asked = await operator.submit_flight_plan(OPERATOR, parcel("parcel-across-the-border.plan"), wait_for_decision=WAIT)
    assert asked.state == pb.STATE_UNDER_REVIEW
    assert set(asked.deciding_authorities) == {SHANGHAI, JIANGSU}
    shanghai, jiangsu = await city.officer(SHANGHAI), await city.officer(JIANGSU)
    seen_first = await case_of(shanghai, asked)
    await shanghai.decide_approval(seen_first.name, GRANTED, etag=seen_first.etag, reason="Agreed here.")
    assert (await operator.get_flight_plan(asked.name)).state == pb.STATE_UNDER_REVIEW
    with pytest.raises(StaleEtag):
        await jiangsu.decide_approval(seen_first.name, GRANTED, etag=seen_first.etag, reason="On an old picture.")
    case = await case_of(jiangsu, asked)
    await jiangsu.decide_approval(case.name, GRANTED, etag=case.etag, reason="Agreed there.")
    plan = await in_state(operator, asked, pb.STATE_APPROVED)
    assert plan.approval == case.name
    own_view = await case_of(operator, plan)
    assert [decision.officer for decision in own_view.decisions] == ["", ""]


async def test_one_rejection_rejects_and_its_reason_reaches_the_operator(city: City) -> None:
    operator = await city.operator()
    asked = await operator.submit_flight_plan(OPERATOR, parcel("parcel-across-the-border.plan"), wait_for_decision=WAIT)
    jiangsu = await city.officer(JIANGSU)
    case = await case_of(jiangsu, asked)
    await jiangsu.decide_approval(case.name, REJECTED, etag=case.etag, reason="Air show that day.")
    plan = await in_state(operator, asked, pb.STATE_REJECTED)
    assert "Air show that day." in plan.state_reason


async def test_a_plan_that_is_withdrawn_under_review_closes_its_case(city: City) -> None:
    operator = await city.operator()
    asked = await operator.submit_flight_plan(OPERATOR, parcel("parcel-across-the-border.plan"), wait_for_decision=WAIT)
    await operator.withdraw_flight_plan(asked.name, etag=asked.etag, reason="Customer cancelled.")
    officer = await city.officer(SHANGHAI)

    async def closed() -> bool:
        return (await case_of(officer, asked)).state == approvals_pb2.Approval.STATE_CLOSED

    assert await eventually(closed)
    case = await case_of(officer, asked)
    with pytest.raises(FailedPrecondition):
        await officer.decide_approval(case.name, GRANTED, etag=case.etag, reason="Too late.")


async def test_an_approved_flight_is_activated_in_its_window_and_ended(city: City) -> None:
    operator = await city.operator()
    soon = parcel("parcel-lingang.plan", departs_in=timedelta(seconds=5))  # its time buffer has begun already
    plan = await operator.submit_flight_plan(OPERATOR, soon, wait_for_decision=WAIT)
    active = await operator.activate_flight_plan(plan.name, etag=plan.etag)
    assert active.state == pb.STATE_ACTIVATED
    assert (await operator.end_flight_plan(plan.name)).state == pb.STATE_ENDED


async def test_an_approved_flight_cannot_be_activated_before_its_window(city: City) -> None:
    operator = await city.operator()
    plan = await operator.submit_flight_plan(OPERATOR, parcel("parcel-lingang.plan"), wait_for_decision=WAIT)
    with pytest.raises(FailedPrecondition) as refusal:
        await operator.activate_flight_plan(plan.name)
    assert refusal.value.reason == "OUTSIDE_TIME_WINDOW"


async def test_a_plan_is_nobody_elses_business(city: City) -> None:
    await register(city, "operators/rival", "91310000MA1FL0007C", "ABCD2XY")
    operator, rival = await city.operator(), await city.operator("operators/rival")
    plan = await operator.submit_flight_plan(OPERATOR, parcel("parcel-lingang.plan"), wait_for_decision=WAIT)
    with pytest.raises(NotFound):
        await rival.get_flight_plan(plan.name)
    with pytest.raises(NotFound):
        await rival.withdraw_flight_plan(plan.name)
    with pytest.raises(NotFound):
        await (await city.officer(JIANGSU)).get_flight_plan(plan.name)


async def test_a_watch_tells_every_move_of_a_plan_once_and_in_order(city: City) -> None:
    operator = await city.operator()
    watching = operator.watch_flight_plans(OPERATOR)
    first = await anext(watching)
    assert first.HasField("checkpoint")
    plan = await operator.submit_flight_plan(OPERATOR, parcel("parcel-lingang.plan"), wait_for_decision=WAIT)
    await operator.withdraw_flight_plan(plan.name)
    states: list[pb.State.ValueType] = []
    while not states or states[-1] != pb.STATE_WITHDRAWN:
        update = await anext(watching)
        if update.flight_plan.name == plan.name:
            states.append(update.flight_plan.state)
    await watching.aclose()
    assert states == [pb.STATE_SUBMITTED, pb.STATE_APPROVED, pb.STATE_WITHDRAWN]
    again = operator.watch_flight_plans(OPERATOR, first.resume_token)
    repeated: list[pb.State.ValueType] = []
    while len(repeated) < 3:
        update = await anext(again)
        if update.flight_plan.name == plan.name:
            repeated.append(update.flight_plan.state)
    await again.aclose()
    assert repeated == states
