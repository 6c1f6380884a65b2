"""The queue: what must be decided first comes first, page by page."""

from __future__ import annotations

import base64
import json
from datetime import timedelta
from typing import Any

import grpc
import pytest

from lowsky.api.approvals.v1 import approvals_pb2 as pb
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2
from lowsky.ids import new_id
from tests.integration.approvals.cases import (
    State,
    both,
    case_of,
    decision,
    event_of,
    new_authority,
    new_plan,
    officer,
    operator,
    publish,
)
from tests.support.errors import refusal
from tests.support.installation import Installation


async def pages(stub: Any, **filters: Any) -> list[list[pb.Approval]]:
    """All pages of a list."""
    found, token = [], ""
    while True:
        answer = await stub.ListApprovals(pb.ListApprovalsRequest(page_token=token, **filters))
        found.append(list(answer.approvals))
        token = answer.next_page_token
        if not token:
            return found


def plans_of(*found: list[pb.Approval]) -> list[str]:
    return [case.flight_plan.name for page in found for case in page]


async def test_pages_run_in_the_order_of_the_clock_without_gap_or_repeat(service: Installation) -> None:
    tower, owner = new_authority(), f"operators/{new_id()}"
    plans = [new_plan(tower, operator=owner, starts_in=timedelta(minutes=m)) for m in (50, 10, 40, 20, 30, 60, 70)]
    for plan in plans[5:]:
        plan.time_start.CopyFrom(plans[0].time_start)  # due at the same instant: by name
    await publish(service, *[event_of(plan) for plan in plans])
    names = {}
    for plan in plans:
        names[plan.name] = (await case_of(officer(service, tower), plan)).name
    expected = [p.name for p in sorted(plans, key=lambda p: (p.time_start.ToDatetime(), names[p.name]))]
    for stub in (officer(service, tower), operator(service, owner), both(service, tower, owner)):
        found = await pages(stub, page_size=3)
        assert [len(page) for page in found] == [3, 3, 1]
        assert plans_of(*found) == expected
    assert [len(page) for page in await pages(officer(service, tower), page_size=7)] == [7]


async def test_a_page_token_belongs_to_its_filter_and_its_caller(service: Installation) -> None:
    tower, city = new_authority(), new_authority()
    plans = [new_plan(tower, city) for _ in range(2)]
    await publish(service, *[event_of(plan) for plan in plans])
    stub = officer(service, tower)
    for plan in plans:
        await case_of(stub, plan)
    token = (await stub.ListApprovals(pb.ListApprovalsRequest(page_size=1))).next_page_token
    assert token
    for caller, request in (
        (stub, pb.ListApprovalsRequest(page_size=1, page_token=token, awaiting_me=True)),
        (officer(service, city), pb.ListApprovalsRequest(page_size=1, page_token=token)),
        (stub, pb.ListApprovalsRequest(page_token="bogus")),
    ):
        failure = await refusal(caller.ListApprovals(request))
        assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")


async def test_a_queue_is_filtered_by_state_and_by_what_awaits_the_caller(service: Installation) -> None:
    tower, city, park = new_authority(), new_authority(), new_authority()
    owner = f"operators/{new_id()}"
    granted, partly, pending, told = (
        new_plan(tower, operator=owner, starts_in=timedelta(minutes=10)),
        new_plan(tower, city, operator=owner, starts_in=timedelta(minutes=20)),
        new_plan(tower, notified=[park], operator=owner, starts_in=timedelta(minutes=30)),
        new_plan(notified=[tower], operator=owner, starts_in=timedelta(minutes=40)),
    )
    await publish(service, *[event_of(plan) for plan in (granted, partly, pending, told)])
    stub = officer(service, tower)
    for plan in (granted, partly):
        await stub.DecideApproval(decision(await case_of(stub, plan)))
    for plan in (pending, told):
        await case_of(stub, plan)

    async def listed(caller: Any, **filters: Any) -> list[str]:
        return plans_of(*await pages(caller, **filters))

    everything = [granted.name, partly.name, pending.name, told.name]
    assert await listed(stub) == everything
    assert await listed(operator(service, owner)) == everything
    assert await listed(stub, states=[State.STATE_PENDING]) == [partly.name, pending.name]
    assert await listed(stub, states=[State.STATE_GRANTED, State.STATE_EXPIRED]) == [granted.name, told.name]
    assert await listed(stub, awaiting_me=True) == [pending.name]
    assert await listed(stub, awaiting_me=True, states=[State.STATE_GRANTED]) == []
    assert await listed(officer(service, city), awaiting_me=True) == [partly.name]
    assert await listed(officer(service, park)) == [pending.name]
    assert await listed(officer(service, park), awaiting_me=True) == []
    assert await listed(operator(service, owner), awaiting_me=True) == []
    assert await listed(both(service, park, owner), awaiting_me=True) == []
    assert await listed(both(service, park, owner)) == everything
    assert await listed(stub, flight_plan=partly.name) == [partly.name]
    assert await listed(stub, flight_plan=partly.name, awaiting_me=True) == []
    assert await listed(stub, flight_plan=partly.name, states=[State.STATE_GRANTED]) == []
    assert await listed(officer(service, park), flight_plan=partly.name) == []


async def test_a_queue_of_large_plans_is_read_in_pages_that_any_client_receives(service: Installation) -> None:
    tower = new_authority()
    plans = [new_plan(tower, starts_in=timedelta(minutes=30 + n)) for n in range(24)]
    waypoint = assessment_pb2.Waypoint(longitude=113.51, latitude=22.51, altitude_m=100.5, offset_s=1.5)
    for plan in plans:
        plan.trajectory.waypoints.extend([waypoint] * 10_000)
        plan.lost_link_procedure = "x" * 2_000
    assert len(plans) * plans[0].ByteSize() > 4 * 1024 * 1024
    await publish(service, *[event_of(plan) for plan in plans])
    stub = officer(service, tower)
    for plan in plans:
        await case_of(stub, plan)
    found = await pages(stub)
    assert plans_of(*found) == [plan.name for plan in plans]
    assert len(found) > 2
    for page in found:
        assert sum(case.ByteSize() for case in page) <= 2 * 1024 * 1024
    summaries = [case for page in await pages(stub, view=flight_plans_pb2.VIEW_SUMMARY) for case in page]
    assert plans_of(summaries) == [plan.name for plan in plans]
    assert max(case.ByteSize() for case in summaries) < 1_000
    assert summaries[0].flight_plan.findings[0].subject == plans[0].findings[0].subject


@pytest.mark.parametrize("time", ["0001-01-01T00:00:00+00:00", "9999-12-31T23:59:59-14:00", "2026-01-01", 0, None])
async def test_a_forged_page_token_is_refused(service: Installation, time: object) -> None:
    tower = new_authority()
    plans = [new_plan(tower) for _ in range(2)]
    await publish(service, *[event_of(plan) for plan in plans])
    stub = officer(service, tower)
    for plan in plans:
        await case_of(stub, plan)
    request = pb.ListApprovalsRequest(page_size=1)
    digest = json.loads(base64.urlsafe_b64decode((await stub.ListApprovals(request)).next_page_token + "=="))[0]
    text = json.dumps([digest, time, plans[0].name])
    request.page_token = base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    failure = await refusal(stub.ListApprovals(request))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INVALID_PAGE_TOKEN")
