"""A submitted plan opens a case, exactly once."""

from __future__ import annotations

from dataclasses import replace

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from lowsky.ids import new_id
from tests.integration.approvals.cases import (
    APPROVALS,
    PLANS,
    State,
    case_of,
    event_of,
    eventually_told,
    new_authority,
    new_plan,
    officer,
    operator,
    publish,
    same,
    second_worker,
)
from tests.support.events import records_of
from tests.support.installation import Installation
from tests.support.polling import eventually


async def test_a_plan_that_needs_nobodys_word_is_granted_by_rule_with_one_event(service: Installation) -> None:
    plan, submitted = (plan := new_plan()), event_of(plan)
    await publish(service, submitted)
    ((event, value),) = await eventually_told(service, plan, "granted")
    approval = value.approval
    assert approval.state == State.STATE_GRANTED
    assert approval.automatic
    assert not approval.decisions
    assert same(approval.flight_plan, plan)
    assert event.key == approval.name
    assert (event.causation_id, event.correlation_id) == (submitted.id, submitted.correlation_id)
    assert same(await case_of(operator(service), plan), approval)


async def test_whoever_is_only_told_sees_the_case_and_holds_nothing_up(service: Installation) -> None:
    park = new_authority()
    plan = new_plan(notified=[park])
    await publish(service, event_of(plan))
    case = await case_of(officer(service, park), plan)
    assert (case.state, case.automatic, list(case.notified_authorities)) == (State.STATE_GRANTED, True, [park])
    await eventually_told(service, plan, "granted")


async def test_a_plan_that_needs_a_word_waits_for_it_until_the_flight_would_start(service: Installation) -> None:
    tower, city, park = new_authority(), new_authority(), new_authority()
    plan = new_plan(tower, city, notified=[park])
    await publish(service, event_of(plan))
    ((_, value),) = await eventually_told(service, plan, "opened")
    for authority in (tower, city, park):
        case = await case_of(officer(service, authority), plan)
        assert same(case, value.approval)
    assert case.state == State.STATE_PENDING
    assert case.decide_by_time == plan.time_start
    assert [d.authority for d in case.decisions] == [tower, city]
    assert case.decisions[0].geozones == [f"geozones/of-{tower.removeprefix('authorities/')}"]
    assert case.notified_authorities == [park]
    assert case.number.startswith(f"LS-{case.create_time.ToDatetime().year}-")
    assert len(case.number) == len("LS-2026-0000042")


async def test_a_blocking_finding_is_rejected_whoever_might_decide(service: Installation) -> None:
    plan = new_plan(new_authority(), blocked=True)
    await publish(service, event_of(plan))
    ((_, value),) = await eventually_told(service, plan, "rejected")
    assert value.approval.automatic


@pytest.mark.parametrize("deciding", [0, 1])
async def test_a_plan_that_is_announced_again_has_one_case(service: Installation, deciding: int) -> None:
    tower = new_authority()
    plan = new_plan(*[tower] * deciding)
    first = event_of(plan)
    await publish(service, first, first, replace(first, id=new_id()))
    told = await eventually_told(service, plan, "opened" if deciding else "granted")
    await publish(service, first, replace(first, id=new_id()))
    after = new_plan()
    await publish(service, event_of(after))
    await eventually_told(service, after, "granted")
    await everything_was_read(service)
    assert len(await eventually_told(service, plan, "opened" if deciding else "granted")) == len(told) == 1
    async with service.connection() as connection:
        assert (
            await connection.fetchval("SELECT count(*) FROM approvals.approvals WHERE flight_plan = $1", plan.name) == 1
        )


async def test_what_cannot_be_read_goes_to_the_dead_letters_and_holds_nothing_up(service: Installation) -> None:
    before, after = new_plan(operator="operators/poisoned"), new_plan(operator="operators/poisoned")
    after.name = before.name + "2"
    poison = replace(event_of(before), id=new_id(), key=before.name + "1", value=b"\xff\xffnot a message")
    await publish(service, event_of(before), poison, event_of(after))
    await eventually_told(service, before, "granted")
    await eventually_told(service, after, "granted")

    async def buried() -> bool:
        letters = await records_of(service.kafka, f"{PLANS}.approvals.dlq")
        return [letter.value for letter in letters] == [poison.value]

    await eventually(buried, what="the dead letter")
    (letter,) = await records_of(service.kafka, f"{PLANS}.approvals.dlq")
    headers = dict(letter.headers)
    assert headers["ce_id"] == poison.id.encode()
    assert b"MalformedRecord" in headers["lowsky_dlq_reason"]


async def test_numbers_are_given_once_however_many_workers_give_them(service: Installation) -> None:
    await second_worker(service)
    plans = [new_plan() for _ in range(300)]
    await publish(service, *[event_of(plan) for plan in plans])
    names = {plan.name for plan in plans}

    async def numbers() -> list[str]:
        found = {v.approval.flight_plan.name: v.approval.number for _, v in await service.events(APPROVALS)}
        numbers = [number for name, number in found.items() if name in names]
        return numbers if len(numbers) == len(plans) else []

    assert len(set(await eventually(numbers, within_s=60, what="all cases"))) == len(plans)
    await service.stop("approvals", instance="2")


async def everything_was_read(service: Installation) -> None:
    """Waits until the group has committed the ends of the topic."""
    topic = service.kafka.topic(PLANS)
    tail = service.kafka.tail()
    admin = AIOKafkaAdminClient(bootstrap_servers=service.kafka.bootstrap)
    await tail.start()
    await admin.start()
    try:
        partitions = [TopicPartition(topic, number) for number in range(6)]

        async def read() -> bool:
            ends = await tail.end_offsets(partitions)
            done = await admin.list_consumer_group_offsets(f"{service.kafka.prefix}approvals")
            return all(ends[p] == 0 or (p in done and done[p].offset >= ends[p]) for p in partitions)

        await eventually(read, what="the whole topic read")
    finally:
        await admin.close()
        await tail.stop()
