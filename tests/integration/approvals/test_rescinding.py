"""An authority takes a grant back, and says why; decisions say why in codes."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from lowsky.api.approvals.v1 import approvals_pb2 as pb
from lowsky.api.flightplans.v1 import flight_plans_pb2
from lowsky.ids import new_id
from tests.integration.approvals.cases import (
    REJECTED,
    State,
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

if TYPE_CHECKING:
    from tests.integration.approvals.cases import Stub

Code = grpc.StatusCode


async def granted(service: Installation, tower: str, *, operator: str = "operators/o1") -> tuple[Stub, pb.Approval]:
    plan = new_plan(tower, operator=operator)
    plan.airspace_revision = 7
    await publish(service, event_of(plan))
    stub = officer(service, tower, "ada")
    request = decision(await case_of(stub, plan), reason_codes=["ACCEPTABLE_RISK"])
    return stub, (await stub.DecideApproval(request)).approval


def rescission(case: pb.Approval, **fields: Any) -> pb.RescindApprovalRequest:
    said = {"request_id": new_id(), "name": case.name, "etag": case.etag, "reason": "a procession"}
    return pb.RescindApprovalRequest(**{**said, "reason_codes": ["PUBLIC_EVENT"], **fields})


async def test_a_decision_names_its_reasons_and_the_airspace_that_it_was_based_on(service: Installation) -> None:
    stub, case = await granted(service, new_authority())
    (said,) = case.decisions
    assert (list(said.reason_codes), said.airspace_revision) == (["ACCEPTABLE_RISK"], 7)
    assert same((await stub.GetApproval(pb.GetApprovalRequest(name=case.name))).approval, case)


@pytest.mark.parametrize("code", ["WETHER", "ACCEPTABLE_RISK"])
async def test_a_code_that_does_not_explain_the_outcome_is_refused_with_those_that_do(
    service: Installation, code: str
) -> None:
    tower = new_authority()
    plan = new_plan(tower)
    await publish(service, event_of(plan))
    stub = officer(service, tower)
    request = decision(await case_of(stub, plan), REJECTED, reason_codes=[code])
    failure = await refusal(stub.DecideApproval(request))
    assert (failure.code, failure.fields) == (Code.INVALID_ARGUMENT, {"reason_codes": "REASON_CODE_UNKNOWN"})
    assert "WEATHER" in failure.metadata["allowed"].split()


async def test_an_authority_takes_its_grant_back_and_everybody_hears_why(service: Installation) -> None:
    tower = new_authority()
    stub, case = await granted(service, tower, operator="operators/own")
    answer = (await stub.RescindApproval(rescission(case))).approval
    assert answer.state == State.STATE_RESCINDED
    taken = answer.rescission
    assert (taken.authority, taken.officer, taken.reason) == (tower, "ada", "a procession")
    assert list(taken.reason_codes) == ["PUBLIC_EVENT"]
    plan = flight_plans_pb2.FlightPlan(name=case.flight_plan.name)
    told = await eventually_told(service, plan, "opened", "granted", "rescinded")
    assert told[-1][1].approval.rescission.reason == "a procession"
    assert "ada" not in str([value for _, value in told])
    own = operator(service, "operators/own")
    seen = (await own.GetApproval(pb.GetApprovalRequest(name=case.name))).approval
    assert (seen.rescission.reason, seen.rescission.officer) == ("a procession", "")
    again = await refusal(stub.RescindApproval(rescission(answer)))
    assert (again.code, again.reason) == (Code.FAILED_PRECONDITION, "ILLEGAL_MOVE")


async def test_the_same_rescission_again_gets_the_same_answer(service: Installation) -> None:
    stub, case = await granted(service, new_authority())
    request = rescission(case)
    first = await stub.RescindApproval(request)
    assert same(await stub.RescindApproval(request), first)


async def test_of_two_rescissions_at_once_one_is_made(service: Installation) -> None:
    stub, case = await granted(service, new_authority())
    calls = (stub.RescindApproval(rescission(case)) for _ in range(2))
    answers = await asyncio.gather(*calls, return_exceptions=True)
    (failed,) = [answer for answer in answers if isinstance(answer, grpc.aio.AioRpcError)]
    assert failed.code() is Code.ABORTED
    await eventually_told(
        service, flight_plans_pb2.FlightPlan(name=case.flight_plan.name), "opened", "granted", "rescinded"
    )


async def test_only_an_authority_that_granted_takes_back(service: Installation) -> None:
    tower, park = new_authority(), new_authority()
    plan = new_plan(tower, notified=[park], operator="operators/own")
    await publish(service, event_of(plan))
    stub = officer(service, tower)
    case = await case_of(stub, plan)
    pending = await refusal(stub.RescindApproval(rescission(case)))
    assert (pending.code, pending.reason) == (Code.FAILED_PRECONDITION, "ILLEGAL_MOVE")
    case = (await stub.DecideApproval(decision(case))).approval
    told = await refusal(officer(service, park).RescindApproval(rescission(case)))
    assert (told.code, told.reason) == (Code.FAILED_PRECONDITION, "NOT_CONCERNED")
    foreign = await refusal(officer(service, new_authority()).RescindApproval(rescission(case)))
    assert foreign.code is Code.NOT_FOUND
    own = await refusal(operator(service, "operators/own").RescindApproval(rescission(case)))
    assert (own.code, own.reason) == (Code.PERMISSION_DENIED, "ROLE_MISSING")


@pytest.mark.parametrize(
    "wrong",
    [
        {"etag": ""},
        {"reason": " \n "},
        {"reason_codes": []},
        {"reason_codes": ["WEATHER"] * 2},
        {"reason_codes": ["ACCEPTABLE_RISK"]},
    ],
    ids=repr,
)
async def test_a_rescission_says_what_was_seen_and_why(service: Installation, wrong: dict[str, Any]) -> None:
    case = pb.Approval(name="approvals/a", etag="1")
    failure = await refusal(officer(service, "authorities/a").RescindApproval(rescission(case, **wrong)))
    assert (failure.code, list(failure.fields)) == (Code.INVALID_ARGUMENT, list(wrong))


async def test_everybody_reads_the_reason_codes(service: Installation) -> None:
    answer = await operator(service).ListReasonCodes(pb.ListReasonCodesRequest())
    (fog,) = [one for one in answer.reason_codes if one.code == "WEATHER"]
    assert {text.language for text in fog.texts} == {"en", "zh"}
    assert set(fog.uses) == {pb.ReasonCode.USE_REJECTION, pb.ReasonCode.USE_RESCISSION}
