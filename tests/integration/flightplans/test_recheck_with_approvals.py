"""A new zone that needs another word, with approvals running: the review is reopened until a grant closes it again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from lowsky.api.airspace.v1 import geozones_pb2
from lowsky.api.approvals.v1 import approvals_pb2, approvals_pb2_grpc
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from tests.integration.flightplans.world import EAST, PORT, SOUTH, TOWER, World, submission, zone
from tests.support.installation import Installation
from tests.support.polling import eventually

AUTHORIZATION = geozones_pb2.RESTRICTION_REQ_AUTHORIZATION
GRANTED = approvals_pb2.Decision.OUTCOME_GRANTED
State = approvals_pb2.Approval.State


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def both(world: World, installation: Installation) -> AsyncIterator[World]:
    """flightplans and approvals."""
    await installation.start("approvals")
    yield world


async def case_of(world: World, plan: pb.FlightPlan, authority: str) -> approvals_pb2.Approval:
    """The case as an officer sees it, once the authority has to decide."""
    stub = officer(world, authority)

    async def look() -> approvals_pb2.Approval | None:
        answer = await stub.ListApprovals(approvals_pb2.ListApprovalsRequest(flight_plan=plan.name, awaiting_me=True))
        return next(iter(answer.approvals), None)

    found = await eventually(look, what=f"the case of {plan.name} for {authority}")
    assert found is not None
    return found


async def grant(world: World, plan: pb.FlightPlan, authority: str) -> approvals_pb2.Approval:
    case = await case_of(world, plan, authority)
    request = approvals_pb2.DecideApprovalRequest(
        request_id=submission().request_id, name=case.name, etag=case.etag, outcome=GRANTED, reason="fine"
    )
    return (await officer(world, authority).DecideApproval(request)).approval


def officer(world: World, authority: str) -> approvals_pb2_grpc.ApprovalsServiceAsyncStub:
    token = world.installation.token(roles=["officer"], authority=authority, subject="officer")
    return world.installation.stub(approvals_pb2_grpc.ApprovalsServiceStub, "approvals", token)


async def test_a_grant_by_rule_is_reopened_for_the_new_authority_under_the_same_number(both: World) -> None:
    plan = (await both.submit(SOUTH)).flight_plan
    approved = await both.wait_state(plan.name, "APPROVED")
    await both.publish_zones(
        zone("geozones/reserve.r", SOUTH, AUTHORIZATION, deciding=[PORT]), dataset="datasets/reserve"
    )
    await both.wait_state(plan.name, "UNDER_REVIEW")
    case = await case_of(both, plan, PORT)
    assert (case.number, case.name) == (approved.approval_number, approved.approval)
    assert (case.state, case.automatic) == (State.STATE_PENDING, False)
    assert list(case.decisions[0].geozones) == ["geozones/reserve.r"]
    await grant(both, plan, PORT)
    again = await both.wait_state(plan.name, "APPROVED")
    assert (again.approval_number, again.state_reason) == (approved.approval_number, "fine")
    await both.wait_told(plan.name, "submitted", "approved", "reopened", "approved")


async def test_what_was_granted_stays_and_only_the_new_authority_is_asked(both: World) -> None:
    granted = (await both.submit(EAST)).flight_plan
    await grant(both, granted, TOWER)
    await both.wait_state(granted.name, "APPROVED")
    pending = (await both.submit(EAST)).flight_plan
    before = await case_of(both, pending, TOWER)

    await both.publish_zones(zone("geozones/quay.q", EAST, AUTHORIZATION, deciding=[PORT]), dataset="datasets/quay")
    case = await grant(both, granted, PORT)
    assert [(d.authority, d.outcome) for d in case.decisions] == [(TOWER, GRANTED), (PORT, GRANTED)]
    await both.wait_state(granted.name, "APPROVED")

    # The pending case asks both, and whoever has read it before reads it again.
    assert (await grant(both, pending, PORT)).etag != before.etag
    assert (await both.wait_state(pending.name, "UNDER_REVIEW")).approval == before.name
    await grant(both, pending, TOWER)
    await both.wait_state(pending.name, "APPROVED")
    told = await both.told_of(pending.name)
    assert told == ["submitted", "put-under-review", "reopened", "approved"]


async def test_an_authority_that_has_granted_is_asked_again_for_a_new_zone_and_only_once(
    both: World,
) -> None:
    at = (111.0, 25.0)
    await both.publish_zones(
        zone("geozones/isle.t", at, AUTHORIZATION, deciding=[TOWER]),
        zone("geozones/isle.p", at, AUTHORIZATION, deciding=[PORT]),
        dataset="datasets/isle",
    )
    plan = (await both.submit(at)).flight_plan
    await grant(both, plan, TOWER)
    await grant(both, plan, PORT)
    before = await both.wait_state(plan.name, "APPROVED")
    await both.publish_zones(zone("geozones/reef.t", at, AUTHORIZATION, deciding=[TOWER]), dataset="datasets/reef")
    await both.wait_state(plan.name, "UNDER_REVIEW")
    case = await case_of(both, plan, TOWER)
    assert (case.name, case.number) == (before.approval, before.approval_number)
    decisions = {decision.authority: decision for decision in case.decisions}
    assert decisions[PORT].outcome == GRANTED
    assert sorted(decisions[TOWER].geozones) == ["geozones/isle.t", "geozones/reef.t"]
    await both.publish_zones(zone("geozones/reef.t", at, AUTHORIZATION, deciding=[TOWER]), dataset="datasets/reef")
    assert (await case_of(both, plan, TOWER)).etag == case.etag
    await grant(both, plan, TOWER)
    await both.wait_state(plan.name, "APPROVED")
    told = await both.told_of(plan.name)
    assert told == ["submitted", "put-under-review", "approved", "reopened", "approved"]


async def test_a_prohibition_closes_the_case(both: World) -> None:
    at = (112.0, 25.0)
    await both.publish_zones(zone("geozones/fort.f", at, AUTHORIZATION, deciding=[TOWER]), dataset="datasets/fort")
    plan = (await both.submit(at)).flight_plan
    case = await case_of(both, plan, TOWER)
    closed = zone("geozones/siege.s", at, geozones_pb2.RESTRICTION_PROHIBITED)
    await both.publish_zones(closed, dataset="datasets/siege")
    await both.wait_state(plan.name, "REJECTED")

    async def ended() -> bool:
        request = approvals_pb2.GetApprovalRequest(name=case.name)
        return (await officer(both, TOWER).GetApproval(request)).approval.state == State.STATE_CLOSED

    await eventually(ended, what="the case closed")
