"""Whatever a request says, and however large it is, it is answered or refused: approvals does not fail at it."""

from __future__ import annotations

import pytest

from lowsky.api.approvals.v1 import approvals_pb2 as pb
from lowsky.ids import new_id
from tests.integration.approvals.cases import decision
from tests.integration.approvals.test_rescinding import rescission
from tests.support.extreme_requests import Case, fails_at, methods_of, require_bounded
from tests.support.installation import Installation

SERVICE, NAME = "approvals", f"approvals/{new_id()}"
CASES = {
    "ApprovalsService/GetApproval": Case(lambda: [pb.GetApprovalRequest(name=NAME)]),
    "ApprovalsService/ListApprovals": Case(
        lambda: [pb.ListApprovalsRequest(flight_plan=f"operators/acme/flightPlans/{new_id()}")]
    ),
    "ApprovalsService/DecideApproval": Case(lambda: [decision(pb.Approval(name=NAME, etag="1"))]),
    "ApprovalsService/RescindApproval": Case(lambda: [rescission(pb.Approval(name=NAME, etag="1"))]),
    "ApprovalsService/CommentApproval": Case(
        lambda: [pb.CommentApprovalRequest(request_id=new_id(), name=NAME, text="clear")]
    ),
    "ApprovalsService/ListApprovalComments": Case(lambda: [pb.ListApprovalCommentsRequest(name=NAME)]),
    "ApprovalsService/ListReasonCodes": Case(lambda: [pb.ListReasonCodesRequest()]),
}


def test_every_rpc_has_a_case() -> None:
    assert CASES.keys() == methods_of(SERVICE).keys()


@pytest.mark.parametrize("what", CASES)
async def test_no_extreme_of_a_field_makes_the_service_fail(service: Installation, what: str) -> None:
    assert await fails_at(service, SERVICE, what, CASES[what]) == []


@pytest.mark.parametrize("what", methods_of(SERVICE))
async def test_a_message_of_any_size_costs_no_more_than_its_size_allows(service: Installation, what: str) -> None:
    await require_bounded(service, SERVICE, what)
