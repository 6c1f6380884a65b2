"""Officers decide, each for their authority, on what they saw."""

from __future__ import annotations

import asyncio
from typing import Any

import grpc
import pytest

from lowsky.api.approvals.v1 import approvals_pb2 as pb
from lowsky.ids import new_id
from tests.integration.approvals.cases import (
    GRANTED,
    REJECTED,
    State,
    both,
    case_of,
    decision,
    event_of,
    eventually_told,
    new_authority,
    new_plan,
    officer,
    operator,
    publish,
    same,
)
from tests.support.errors import refusal
from tests.support.installation import Installation

Code = grpc.StatusCode


async def test_the_only_authority_grants(service: Installation) -> None:
    tower = new_authority()
    plan = new_plan(tower)
    await publish(service, event_of(plan))
    stub = officer(service, tower, "ada")
    case = await case_of(stub, plan)
    answer = (await stub.DecideApproval(decision(case, reason="clear of traffic:\nrunway 3 is closed ☂"))).approval
    assert answer.state == State.STATE_GRANTED
    (said,) = answer.decisions
    assert (said.outcome, said.officer, said.reason) == (
        GRANTED,
        "ada",
        "clear of traffic:\nrunway 3 is closed ☂",
    )
    assert said.HasField("decide_time")
    assert not answer.automatic
    told = await eventually_told(service, plan, "opened", "granted")
    assert [one.officer for _, value in told for one in value.approval.decisions] == ["", ""]
    without_officer = pb.Approval.FromString(answer.SerializeToString())
    without_officer.decisions[0].officer = ""
    assert same(told[-1][1].approval, without_officer)
    assert same((await stub.GetApproval(pb.GetApprovalRequest(name=case.name))).approval, answer)


@pytest.mark.parametrize("first", [0, 1])
async def test_a_case_of_two_authorities_is_granted_when_both_have_granted(service: Installation, first: int) -> None:
    authorities = [new_authority(), new_authority()]
    plan = new_plan(*authorities)
    await publish(service, event_of(plan))
    one, other = officer(service, authorities[first], "ada"), officer(service, authorities[1 - first], "bo")
    partly = (await one.DecideApproval(decision(await case_of(one, plan)))).approval
    assert partly.state == State.STATE_PENDING
    assert [d.outcome == GRANTED for d in partly.decisions] == [first == 0, first == 1]
    wholly = (await other.DecideApproval(decision(partly))).approval
    assert wholly.state == State.STATE_GRANTED
    await eventually_told(service, plan, "opened", "decided", "granted")


@pytest.mark.parametrize("granted_before", [0, 1])
async def test_one_rejection_rejects_at_once(service: Installation, granted_before: int) -> None:
    authorities = [new_authority(), new_authority()]
    plan = new_plan(*authorities)
    await publish(service, event_of(plan))
    one, other = officer(service, authorities[0]), officer(service, authorities[1])
    case = await case_of(one, plan)
    if granted_before:
        case = (await other.DecideApproval(decision(case))).approval
    answer = (await one.DecideApproval(decision(case, REJECTED))).approval
    assert answer.state == State.STATE_REJECTED
    await eventually_told(service, plan, "opened", *["decided"] * granted_before, "rejected")
    late = await refusal(other.DecideApproval(decision(answer)))
    assert (late.code, late.reason) == (Code.FAILED_PRECONDITION, "ILLEGAL_MOVE")


async def test_of_two_officers_at_once_the_second_reads_again(service: Installation) -> None:
    tower, city = new_authority(), new_authority()
    plan = new_plan(tower, city)
    await publish(service, event_of(plan))
    stubs = [officer(service, tower, "ada"), officer(service, city, "bo")]
    seen = await case_of(stubs[0], plan)
    answers = await asyncio.gather(*(stub.DecideApproval(decision(seen)) for stub in stubs), return_exceptions=True)
    (slower,) = [i for i, answer in enumerate(answers) if isinstance(answer, grpc.aio.AioRpcError)]
    stale = await refusal(stubs[slower].DecideApproval(decision(seen)))
    assert (stale.code, stale.reason) == (Code.ABORTED, "STALE_ETAG")
    answer = await stubs[slower].DecideApproval(decision(await case_of(stubs[slower], plan)))
    assert answer.approval.state == State.STATE_GRANTED


async def test_an_authority_decides_once(service: Installation) -> None:
    tower, city = new_authority(), new_authority()
    plan = new_plan(tower, city)
    await publish(service, event_of(plan))
    stub = officer(service, tower)
    case = (await stub.DecideApproval(decision(await case_of(stub, plan)))).approval
    again = await refusal(stub.DecideApproval(decision(case, REJECTED)))
    assert (again.code, again.reason) == (Code.FAILED_PRECONDITION, "NOT_CONCERNED")


async def test_the_same_request_again_gets_the_same_answer(service: Installation) -> None:
    tower, city = new_authority(), new_authority()
    plan = new_plan(tower, city)
    await publish(service, event_of(plan))
    stub = officer(service, tower)
    request = decision(await case_of(stub, plan))
    first = await stub.DecideApproval(request)
    assert same(await stub.DecideApproval(request), first)
    request.reason = "another one"
    reused = await refusal(stub.DecideApproval(request))
    assert (reused.code, reused.reason) == (Code.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    await eventually_told(service, plan, "opened", "decided")


async def test_whoever_is_only_told_has_nothing_to_decide(service: Installation) -> None:
    tower, park = new_authority(), new_authority()
    plan = new_plan(tower, notified=[park])
    await publish(service, event_of(plan))
    stub = officer(service, park)
    failure = await refusal(stub.DecideApproval(decision(await case_of(stub, plan))))
    assert (failure.code, failure.reason) == (Code.FAILED_PRECONDITION, "NOT_CONCERNED")


async def test_to_a_foreign_officer_a_case_does_not_exist(service: Installation) -> None:
    tower = new_authority()
    plan = new_plan(tower)
    await publish(service, event_of(plan))
    case = await case_of(officer(service, tower), plan)
    stub = officer(service, new_authority())
    for call in (stub.GetApproval(pb.GetApprovalRequest(name=case.name)), stub.DecideApproval(decision(case))):
        failure = await refusal(call)
        assert (failure.code, failure.reason) == (Code.NOT_FOUND, "NOT_FOUND")
    answer = await stub.ListApprovals(pb.ListApprovalsRequest(flight_plan=plan.name))
    assert not answer.approvals


async def test_an_operator_sees_its_own_case_without_the_officers_and_decides_nothing(service: Installation) -> None:
    tower = new_authority()
    plan = new_plan(tower, operator="operators/own")
    await publish(service, event_of(plan))
    decided = (
        await officer(service, tower, "ada").DecideApproval(decision(await case_of(officer(service, tower), plan)))
    ).approval
    own, foreign = operator(service, "operators/own"), operator(service, "operators/foreign")
    seen = (await own.GetApproval(pb.GetApprovalRequest(name=decided.name))).approval
    assert (seen.decisions[0].reason, seen.decisions[0].officer) == ("as asked", "")
    assert same(await case_of(own, plan), seen)
    assert (await refusal(foreign.GetApproval(pb.GetApprovalRequest(name=decided.name)))).code is Code.NOT_FOUND
    failure = await refusal(own.DecideApproval(decision(decided)))
    assert (failure.code, failure.reason) == (Code.PERMISSION_DENIED, "ROLE_MISSING")


async def test_who_is_both_sees_both_and_an_operators_own_case_is_not_the_operators_to_decide(
    service: Installation,
) -> None:
    tower, city, name = new_authority(), new_authority(), "operators/both"
    own, other = new_plan(city, operator=name), new_plan(tower)
    await publish(service, event_of(own), event_of(other))
    stub = both(service, tower, name)
    mine, theirs = await case_of(stub, own), await case_of(stub, other)
    listed = await stub.ListApprovals(pb.ListApprovalsRequest())
    assert {case.name for case in listed.approvals} == {mine.name, theirs.name}
    assert (await refusal(stub.DecideApproval(decision(mine)))).code is Code.NOT_FOUND
    assert (await stub.DecideApproval(decision(theirs))).approval.decisions[0].officer == "both"


@pytest.mark.parametrize("roles", [["officer"], ["officer", "operator"]])
async def test_nobody_decides_on_an_operator_that_they_act_for(service: Installation, roles: list[str]) -> None:
    tower, name = new_authority(), f"operators/{new_id()}"
    plan = new_plan(tower, operator=name)
    await publish(service, event_of(plan))
    tied = both(service, tower, name, roles=roles)
    case = await case_of(officer(service, tower), plan)
    failure = await refusal(tied.DecideApproval(decision(case)))
    assert (failure.code, failure.reason) == (Code.PERMISSION_DENIED, "TIED_TO_OPERATOR")
    assert failure.metadata["operator"] == name
    granted = (await officer(service, tower).DecideApproval(decision(case))).approval
    request = pb.RescindApprovalRequest(
        request_id=new_id(), name=case.name, etag=granted.etag, reason="no", reason_codes=["OTHER"]
    )
    assert (await refusal(tied.RescindApproval(request))).reason == "TIED_TO_OPERATOR"
    seen = (await tied.GetApproval(pb.GetApprovalRequest(name=case.name))).approval
    assert seen.state == State.STATE_GRANTED


@pytest.mark.parametrize(
    "wrong",
    [
        {"etag": ""},
        {"outcome": 1},
        {"reason": ""},
        {"reason": " \n "},
        {"reason": "yes\0no"},
        {"reason": "x" * 2001},
        {"request_id": "no"},
    ],
    ids=lambda wrong: repr(wrong)[:30],
)
async def test_a_decision_says_what_was_seen_and_why(service: Installation, wrong: dict[str, Any]) -> None:
    case = pb.Approval(name="approvals/a", etag="1")
    failure = await refusal(officer(service, "authorities/a").DecideApproval(decision(case, **wrong)))
    assert (failure.code, failure.reason, list(failure.fields)) == (
        Code.INVALID_ARGUMENT,
        "INVALID_FIELD",
        list(wrong),
    )
