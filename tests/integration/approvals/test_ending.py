"""A case ends with its plan, or with its time."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest

from tests.integration.approvals.cases import (
    State,
    case_of,
    decision,
    event_of,
    eventually_each,
    eventually_told,
    new_authority,
    new_plan,
    officer,
    publish,
    second_worker,
    told_of,
)
from tests.support.errors import refusal
from tests.support.installation import Installation
from tests.support.polling import eventually


async def test_a_plan_that_is_withdrawn_closes_its_case(service: Installation) -> None:
    tower = new_authority()
    plan = new_plan(tower)
    withdrawn = event_of(plan, "withdrawn")
    await publish(service, event_of(plan), withdrawn, withdrawn, event_of(plan, "withdrawn"))
    stub = officer(service, tower)
    case = await case_of(stub, plan, State.STATE_CLOSED)
    told = await eventually_told(service, plan, "opened", "closed")
    assert told[-1][0].causation_id == withdrawn.id
    failure = await refusal(stub.DecideApproval(decision(case)))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ILLEGAL_MOVE")


@pytest.mark.parametrize("what", ["withdrawn", "rejected", "rescinded", "expired", "approved", "put-under-review"])
async def test_a_granted_case_stays_granted_whatever_becomes_of_the_plan(service: Installation, what: str) -> None:
    plan, after = new_plan(), new_plan()
    after.name = plan.name + "2"
    await publish(service, event_of(plan), event_of(plan, what), event_of(plan, what))
    await eventually_told(service, plan, "granted")
    await publish(service, event_of(after))
    await eventually_told(service, after, "granted")
    assert len(await told_of(service, plan)) == 1


async def test_the_end_of_a_plan_without_a_case_means_nothing(service: Installation) -> None:
    unknown, after = new_plan(), new_plan()
    await publish(service, event_of(unknown, "withdrawn"), event_of(unknown, "rejected"), event_of(after))
    await eventually_told(service, after, "granted")
    assert not await told_of(service, unknown)


@pytest.mark.parametrize(("what", "state"), [("rejected", "closed"), ("rescinded", "closed"), ("expired", "expired")])
async def test_a_pending_case_ends_with_its_plan(service: Installation, what: str, state: str) -> None:
    plan = new_plan(new_authority())
    await publish(service, event_of(plan), event_of(plan, what))
    await eventually_told(service, plan, "opened", state)


async def test_a_case_that_nobody_decides_in_time_expires(service: Installation) -> None:
    tower, city = new_authority(), new_authority()
    plan = new_plan(tower, city, starts_in=timedelta(seconds=2))
    await publish(service, event_of(plan))
    stub = officer(service, tower)
    partly = (await stub.DecideApproval(decision(await case_of(stub, plan)))).approval
    case = await case_of(stub, plan, State.STATE_EXPIRED)
    assert case.update_time.ToDatetime() >= case.decide_by_time.ToDatetime()
    assert case.etag != partly.etag
    await eventually_told(service, plan, "opened", "decided", "expired")
    late = await refusal(officer(service, city).DecideApproval(decision(case)))
    assert (late.reason, late.metadata["state"]) == ("ILLEGAL_MOVE", "EXPIRED")


async def test_what_became_overdue_while_nobody_looked_expires_after_a_restart(service: Installation) -> None:
    tower = new_authority()
    plans = [new_plan(tower, starts_in=timedelta(seconds=3)) for _ in range(5)]
    await publish(service, *[event_of(plan) for plan in plans])
    for plan in plans:
        await case_of(officer(service, tower), plan)
    await service.kill("approvals")

    async def overdue() -> bool:
        async with service.connection() as connection:
            return bool(
                await connection.fetchval(
                    "SELECT bool_and(decide_by_time <= now()) FROM approvals.approvals WHERE flight_plan = ANY($1)",
                    [plan.name for plan in plans],
                )
            )

    await eventually(overdue, what="the cases overdue")
    await service.restart("approvals")
    await eventually_each(service, plans, "opened", "expired")


async def test_two_workers_expire_each_case_once(service: Installation) -> None:
    await second_worker(service)
    plans = [new_plan(new_authority(), starts_in=timedelta(seconds=2)) for _ in range(60)]
    await publish(service, *[event_of(plan) for plan in plans])
    await eventually_each(service, plans, "opened", "expired")
    await service.stop("approvals", instance="2")


async def test_a_database_that_was_away_costs_no_case_and_no_expiry(service: Installation) -> None:
    tower = new_authority()
    before, meanwhile = new_plan(tower, starts_in=timedelta(seconds=2)), new_plan()
    await publish(service, event_of(before))
    await case_of(officer(service, tower), before)
    async with service.database_away():
        await publish(service, event_of(meanwhile))

        async def noticed() -> bool:
            return await service.health("approvals") == "NOT_SERVING"

        await eventually(noticed, what="the loss")
    await eventually_told(service, meanwhile, "granted")
    await eventually_told(service, before, "opened", "expired")
    await service.wait_serving("approvals")
