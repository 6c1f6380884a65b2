"""Officers of the authorities concerned comment on a case; nobody else sees it."""

from __future__ import annotations

import asyncio

import grpc

from lowsky.api.approvals.v1 import approvals_pb2 as pb
from lowsky.ids import new_id
from tests.integration.approvals.cases import (
    auditor,
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


def comment(case: pb.Approval, text: str) -> pb.CommentApprovalRequest:
    return pb.CommentApprovalRequest(request_id=new_id(), name=case.name, text=text)


def listing(case: pb.Approval) -> pb.ListApprovalCommentsRequest:
    return pb.ListApprovalCommentsRequest(name=case.name)


async def test_an_auditor_reads_cases_and_comments_of_its_authority_and_changes_nothing(service: Installation) -> None:
    tower = new_authority()
    plan = new_plan(tower)
    await publish(service, event_of(plan))
    case = await case_of(officer(service, tower), plan)
    said = (await officer(service, tower).CommentApproval(comment(case, "asked the operator"))).comment
    reader, stranger = auditor(service, tower), auditor(service, new_authority())
    assert (await reader.GetApproval(pb.GetApprovalRequest(name=case.name))).approval == case
    assert case.name in {found.name for found in (await reader.ListApprovals(pb.ListApprovalsRequest())).approvals}
    assert list((await reader.ListApprovalComments(listing(case))).comments) == [said]
    for refused in (reader.CommentApproval(comment(case, "x")), reader.DecideApproval(decision(case))):
        assert (await refusal(refused)).reason == "ROLE_MISSING"
    assert (await refusal(stranger.GetApproval(pb.GetApprovalRequest(name=case.name)))).code is Code.NOT_FOUND
    assert (await refusal(stranger.ListApprovalComments(listing(case)))).code is Code.NOT_FOUND


async def test_the_authorities_concerned_read_what_each_says_and_nobody_else_does(service: Installation) -> None:
    tower, park, name = new_authority(), new_authority(), f"operators/{new_id()}"
    plan = new_plan(tower, notified=[park], operator=name)
    await publish(service, event_of(plan))
    ada, bo = officer(service, tower, "ada"), officer(service, park, "bo")
    case = await case_of(ada, plan)
    request = comment(case, "runway 3 is closed ☂")
    first = await ada.CommentApproval(request)
    assert same(await ada.CommentApproval(request), first)
    await bo.CommentApproval(comment(case, "birds breed here"))
    found = (await bo.ListApprovalComments(listing(case))).comments
    assert [(one.authority, one.officer, one.text) for one in found] == [
        (tower, "ada", "runway 3 is closed ☂"),
        (park, "bo", "birds breed here"),
    ]
    decided = (await ada.DecideApproval(decision(case))).approval  # its etag has not changed
    told = await eventually_told(service, plan, "opened", "granted")
    own = operator(service, name)
    seen = await own.GetApproval(pb.GetApprovalRequest(name=case.name))
    for shown in (seen, decided, [value for _, value in told]):
        assert "runway" not in str(shown)
    for stub, code in (
        (own, Code.PERMISSION_DENIED),
        (officer(service, new_authority()), Code.NOT_FOUND),
        (both(service, tower, name), Code.PERMISSION_DENIED),
    ):
        assert (await refusal(stub.ListApprovalComments(listing(case)))).code is code
        assert (await refusal(stub.CommentApproval(comment(case, "hello")))).code is code


async def test_comments_made_at_once_are_all_kept_up_to_the_limit(service: Installation) -> None:
    tower = new_authority()
    plan = new_plan(tower)
    await publish(service, event_of(plan))
    stub = officer(service, tower)
    case = await case_of(stub, plan)
    for part in range(10):
        await asyncio.gather(*(stub.CommentApproval(comment(case, f"{part} {n}")) for n in range(20)))
    failure = await refusal(stub.CommentApproval(comment(case, "one more")))
    assert (failure.code, failure.reason) == (Code.FAILED_PRECONDITION, "TOO_MANY_COMMENTS")
    found = (await stub.ListApprovalComments(listing(case))).comments
    assert {one.text for one in found} == {f"{part} {n}" for part in range(10) for n in range(20)}
