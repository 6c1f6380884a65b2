"""Verdicts that come together are applied together: in the order of their events, and in one transaction."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg
import pytest

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.clock import SystemClock
from lowsky.errors import NotFound
from lowsky.events import topics
from lowsky.events.event import Event
from lowsky.flightplans.events.approvals import OnApprovals
from tests.integration.flightplans.world import EAST, OPERATOR, World, approval, state
from tests.support.polling import eventually

MANY = 40

# What each case says, one after the other, and where that leads.
COURSES = [
    (("opened", "granted"), ("put-under-review", "approved")),
    (("opened", "rejected"), ("put-under-review", "rejected")),
    (("opened", "expired", "granted"), ("put-under-review", "expired")),
    (("granted", "opened"), ("approved",)),
]
STATES = {"put-under-review": "UNDER_REVIEW", "approved": "APPROVED", "rejected": "REJECTED", "expired": "EXPIRED"}


@asynccontextmanager
async def transaction(world: World) -> AsyncIterator[asyncpg.Connection]:
    """As the worker has it for a batch of events."""
    async with world.installation.connection() as connection:
        await connection.execute("SET search_path TO flightplans")
        async with connection.transaction():
            yield connection


async def apply(world: World, events: Sequence[Event]) -> None:
    async with transaction(world) as connection:
        await OnApprovals(SystemClock()).apply(connection, events)


async def submitted(world: World, count: int) -> list[pb.FlightPlan]:
    return [answer.flight_plan for answer in await asyncio.gather(*(world.submit(EAST) for _ in range(count)))]


async def test_mixed_verdicts_on_many_plans_move_each_in_the_order_of_its_events(world: World) -> None:
    plans = await submitted(world, MANY)
    courses = {plan.name: COURSES[number % len(COURSES)] for number, plan in enumerate(plans)}
    # All that is said first, then all that is said second: each plan stands in several places of the batch.
    events = [
        (plan.name, approval(plan, said[turn]))
        for turn in range(3)
        for plan in plans
        if turn < len(said := courses[plan.name][0])
    ]
    statements: list[str] = []
    async with transaction(world) as connection:
        connection.add_query_logger(lambda record: statements.append(record.query))
        await OnApprovals(SystemClock()).apply(connection, [event for _, event in events])
    ours = [text.split()[0] for text in statements if "flight_plans" in text or "outbox" in text]
    assert ours == ["SELECT", "UPDATE", "INSERT"], "however many plans"

    async def told() -> list[tuple[Event, pb.FlightPlan, str]]:
        found = [
            (event, value.flight_plan, pb.State.Name(value.previous_state).removeprefix("STATE_"))
            for event, value in await world.installation.events(topics.FLIGHT_PLANS)
            if event.key in courses and not event.type.endswith(".submitted.v1")
        ]
        assert len(found) == sum(len(moves) for _, moves in courses.values())
        return found

    happened = await eventually(told, what="every move on the topic")
    for plan in plans:
        said, moves = courses[plan.name]
        mine = [(event, after, before) for event, after, before in happened if event.key == plan.name]
        assert [event.type.split(".")[2] for event, _, _ in mine] == list(moves)
        # Each event tells the state after its own move, and names the verdict that led to it.
        assert [state(after) for _, after, _ in mine] == [STATES[move] for move in moves]
        assert [before for _, _, before in mine] == ["SUBMITTED", *(STATES[move] for move in moves[:-1])]
        assert [int(after.etag) for _, after, _ in mine] == list(range(2, 2 + len(moves)))
        causes = [event.id for name, event in events if name == plan.name]
        assert [event.causation_id for event, _, _ in mine] == causes[: len(moves)]
        assert await world.state_of(plan.name) == STATES[moves[-1]], said


async def test_batches_that_name_the_same_plans_in_opposite_orders_do_not_wait_in_a_circle(world: World) -> None:
    plans = await submitted(world, MANY)
    for _ in range(5):
        forth, back = [[approval(plan, "opened") for plan in order] for order in (plans, plans[::-1])]
        await asyncio.gather(*(apply(world, events) for events in (forth, back, forth, back)))
    assert {await world.state_of(plan.name) for plan in plans} == {"UNDER_REVIEW"}


async def test_a_batch_with_a_plan_that_never_was_is_not_applied_in_part(world: World) -> None:
    (plan,) = await submitted(world, 1)
    ghost = pb.FlightPlan(name=f"{OPERATOR}/flightPlans/ghost")
    foreign = pb.FlightPlan(name=plan.name.replace(OPERATOR, "operators/rival"))
    for nobody in (ghost, foreign):
        with pytest.raises(NotFound):
            await apply(world, [approval(plan, "granted"), approval(nobody, "granted")])
    assert await world.state_of(plan.name) == "SUBMITTED"


async def test_verdicts_that_waited_for_a_worker_are_followed_but_for_the_one_on_a_plan_that_never_was(
    world: World,
) -> None:
    plans = await submitted(world, MANY)
    await world.installation.stop("flightplans")
    ghost = pb.FlightPlan(name=f"{OPERATOR}/flightPlans/ghost")
    events = [approval(plan, said) for plan in plans for said in ("opened", "granted")]
    await world.tell([*events[:MANY], approval(ghost, "granted"), *events[MANY:]])
    await world.installation.restart("flightplans")
    for plan in plans:
        await world.wait_state(plan.name, "APPROVED")

    async def buried() -> bool:
        letters = await world.installation.events("lowsky.approvals.v1.flightplans.dlq")
        return [value.approval.flight_plan.name for _, value in letters] == [ghost.name]

    await eventually(buried, what="the dead letter")
