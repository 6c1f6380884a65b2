"""The queue of an officer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from lowsky.api.approvals.v1 import approvals_pb2 as pb
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.cli.approvals import remaining
from tests.unit.cli.conftest import Run, Scripted

PENDING, GRANTED = "8d3f4a52-5f0c-4f43-9d1f-0a4d2d0c7a11", "0b6dfb84-3a43-4b83-8e5e-7f7f4a1c2d22"


def case(uid: str, number: int, state: pb.Approval.State.ValueType, decide_by: datetime) -> pb.Approval:
    one = pb.Approval(name=f"approvals/{uid}", number=f"LS-2026-{number:07d}", state=state)
    one.decide_by_time.FromDatetime(decide_by)
    one.flight_plan.name = f"operators/acme-deliveries/flightPlans/{uid}"
    one.flight_plan.findings.add(
        severity=assessment_pb2.Finding.SEVERITY_AUTHORIZATION, subject="geozones/x.Y", subject_title="Delta field"
    )
    one.flight_plan.findings.add(severity=assessment_pb2.Finding.SEVERITY_BLOCKING, subject_title="Works")
    one.decisions.add(authority="authorities/caac-east", outcome=pb.Decision.OUTCOME_UNSPECIFIED)
    return one


async def test_cases_that_wait_come_first_with_operator_zone_and_time_left_and_whole_ids(
    run: Run, services: Scripted, target: str
) -> None:
    now = datetime.now(UTC)
    services.answers["ListApprovals"] = [
        pb.ListApprovalsResponse(
            approvals=[case(PENDING, 43, pb.Approval.STATE_PENDING, now + timedelta(hours=3, minutes=20, seconds=50))]
        ),
        pb.ListApprovalsResponse(approvals=[case(GRANTED, 42, pb.Approval.STATE_GRANTED, now - timedelta(days=9))]),
    ]
    ended = await run("approvals", "list", at=target, COLUMNS="80")
    assert ended.code == 0, ended.err
    assert ended.out.index("LS-2026-0000043") < ended.out.index("LS-2026-0000042")
    assert PENDING in ended.out
    assert GRANTED in ended.out
    assert all(len(line) <= 80 for line in ended.out.splitlines())
    words = " ".join(ended.out.split())
    assert "Delta" in words
    assert "Works" not in words
    assert "in 3 h" in words
    assert "overdue" not in words  # a decided case has no time left
    first, second = services.requests["ListApprovals"]
    assert list(first.states) == [pb.Approval.STATE_PENDING]
    assert pb.Approval.STATE_PENDING not in second.states
    assert pb.Approval.STATE_GRANTED in second.states


async def test_a_state_that_is_asked_for_is_the_only_one(run: Run, services: Scripted, target: str) -> None:
    services.answers["ListApprovals"] = [pb.ListApprovalsResponse()]
    ended = await run("approvals", "list", "--state", "rejected", at=target)
    assert ended.code == 0, ended.err
    assert [list(one.states) for one in services.requests["ListApprovals"]] == [[pb.Approval.STATE_REJECTED]]


@pytest.mark.parametrize(
    ("left", "text"),
    [
        (timedelta(seconds=-1), "overdue"),
        (timedelta(seconds=59), "in 0 min"),
        (timedelta(minutes=59), "in 59 min"),
        (timedelta(hours=1), "in 1 h 00 min"),
        (timedelta(hours=47, minutes=59), "in 47 h 59 min"),
        (timedelta(days=2), "in 2 days"),
    ],
)
def test_the_time_left_is_short(left: timedelta, text: str) -> None:
    assert remaining(left) == text
