"""What a watch makes of records that are no plans."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from lowsky.api.events.v1 import events_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.auth.access import Access
from lowsky.auth.caller import Caller, Role
from lowsky.auth.rules import Reach
from lowsky.clock import SystemClock
from lowsky.events.event import Event
from lowsky.events.kafka import Kafka
from lowsky.events.watching.watch import Broadcast
from lowsky.flightplans.domain.plan import ANY_OPERATOR
from lowsky.flightplans.rpc.flight_plans import _until_decided
from lowsky.flightplans.views.watching import PlanChange, of_plans, watch
from lowsky.health import Health
from tests.unit.flightplans.flights import OPERATOR, TOWER

PLAN = f"{OPERATOR}/flightPlans/x"
POISON = [b"\xff\xff", None]
"""Garbage, and a tombstone that somebody wrote by hand."""

REACHES = {
    "operator": (Reach(operator=OPERATOR), OPERATOR),
    "officer": (Reach(authority=TOWER), ANY_OPERATOR),
    "administrator": (Reach(everything=True), ANY_OPERATOR),
}


class Topic:
    """A broadcast that hears of a plan, whatever the record says of it."""

    def __init__(self) -> None:
        self.broadcast = Broadcast(Kafka("nowhere:1"), "topic", Health(), part="watch", understand=PlanChange)
        self.broadcast.tail.positions = {0: 0}

    def put(self, value: bytes | None) -> None:
        self.broadcast.tail.positions[0] += 1
        event = Event("topic", PLAN, "lowsky.flightplan.approved.v1", value, datetime.now(UTC))
        self.broadcast._publish(event, self.broadcast.tail.positions)


def approved() -> bytes:
    plan = pb.FlightPlan(name=PLAN, state=pb.STATE_APPROVED, notified_authorities=[TOWER])
    return events_pb2.FlightPlanEvent(flight_plan=plan).SerializeToString()


@asynccontextmanager
async def watching(topic: Topic, who: str) -> AsyncIterator[AsyncIterator[Any]]:
    reach, parent = REACHES[who]
    access = Access(Caller("somebody", frozenset({Role.OPERATOR})), reach)
    request = pb.WatchFlightPlansRequest(parent=parent)
    answers = cast("Any", watch(topic.broadcast, Health(), SystemClock(), request, access))
    assert (await anext(answers)).HasField("checkpoint")
    yield answers
    await answers.aclose()


@pytest.mark.parametrize("who", REACHES)
@pytest.mark.parametrize("poison", POISON)
async def test_a_watch_passes_over_what_is_no_plan_whoever_watches(who: str, poison: bytes | None) -> None:
    """Ended by it, the watch would come back with its last token, and end again."""
    topic = Topic()
    async with watching(topic, who) as answers:
        topic.put(poison)
        topic.put(approved())
        told = pb.WatchFlightPlansResponse.FromString(await anext(answers))
        assert (told.flight_plan.name, told.flight_plan.state) == (PLAN, pb.STATE_APPROVED)


@pytest.mark.parametrize("poison", POISON)
async def test_a_submission_waits_for_its_decision_past_what_is_no_plan(poison: bytes | None) -> None:
    topic = Topic()
    response = pb.SubmitFlightPlanResponse(flight_plan=pb.FlightPlan(name=PLAN, state=pb.STATE_SUBMITTED))
    with topic.broadcast.subscribe(of_plans({PLAN})) as subscription:
        topic.put(poison)
        topic.put(approved())
        await _until_decided(response, subscription, 1e12)
    assert response.flight_plan.state == pb.STATE_APPROVED
