"""Any service may be killed at any moment: what was acknowledged is decided exactly once, and nothing is done twice."""

from __future__ import annotations

import asyncio
import itertools
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.client import Client
from lowsky.events import topics
from tests.e2e.conftest import OPERATOR, SERVICES, City, parcel
from tests.support.polling import eventually

PLANS = 500
KILL_AFTER = 120
"""Answers; the rest is under way or still to come."""

APART = timedelta(minutes=10)
"""The mission takes eight minutes with its buffers: none is in another's way."""
departures = itertools.count(3)
"""How often APART from now; 2 000 plans over all victims are two weeks."""


async def submit_all(operator: Client, answered: asyncio.Event) -> dict[str, str]:
    """Submits PLANS plans on one stream of the SDK; the plan's name by request id. Says when enough are answered."""

    async def requests() -> AsyncIterator[tuple[str, pb.SubmitFlightPlanRequest]]:
        for _ in range(PLANS):
            request_id = str(uuid4())
            plan = parcel("parcel-lingang.plan", departs_in=APART * next(departures))
            yield request_id, pb.SubmitFlightPlanRequest(request_id=request_id, parent=OPERATOR, flight_plan=plan)

    names: dict[str, str] = {}
    async for response in operator.submit_many(requests(), in_flight_max=64):
        assert response.WhichOneof("outcome") == "flight_plan", response
        assert response.key not in names, "one request was answered twice"
        names[response.key] = response.flight_plan.name
        if len(names) == KILL_AFTER:
            answered.set()
    return names


@pytest.mark.parametrize("victim", SERVICES)
async def test_every_acknowledged_plan_is_decided_exactly_once_over_a_kill(city: City, victim: str) -> None:
    operator = await city.operator()
    enough = asyncio.Event()
    submitting = asyncio.create_task(submit_all(operator, enough))
    await enough.wait()
    await city.installation.kill(victim)
    await city.installation.restart(victim)
    names = await submitting
    plans = set(names.values())
    assert len(names) == PLANS
    assert len(plans) == PLANS, "two requests got one plan"

    async def all_approved() -> bool:
        mine = [plan async for plan in operator.list_flight_plans(OPERATOR) if plan.name in plans]
        states = Counter(pb.State.Name(plan.state) for plan in mine)
        assert states == {"STATE_APPROVED": PLANS}, states
        return True

    assert await eventually(all_approved, within_s=60, what="every plan approved")
    await expect_everything_once(city, plans)


async def expect_everything_once(city: City, plans: set[str]) -> None:
    """Per plan: one submission, one grant, one approval, in distinct events; a repeated record is the same event."""
    moves: Counter[tuple[str, str]] = Counter()
    seen: set[str] = set()
    for event, value in await city.installation.events(topics.FLIGHT_PLANS):
        if event.key in plans and event.id not in seen:
            seen.add(event.id)
            moves[event.key, event.type] += 1
            assert value.flight_plan.name == event.key
    for event, value in await city.installation.events(topics.APPROVALS):
        if value.approval.flight_plan.name in plans and event.id not in seen:
            seen.add(event.id)
            moves[value.approval.flight_plan.name, event.type] += 1
    expected = {
        (plan, event_type): 1
        for plan in plans
        for event_type in (
            "lowsky.flightplan.submitted.v1",
            "lowsky.approval.granted.v1",
            "lowsky.flightplan.approved.v1",
        )
    }
    assert moves == expected
    async with city.installation.connection() as connection:
        cases = await connection.fetchval(
            "SELECT count(*) FROM approvals.approvals WHERE flight_plan = ANY($1::text[])", list(plans)
        )
    assert cases == PLANS
