"""A tail says in health how far behind its topic it is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from lowsky.events.kafka import Kafka
from lowsky.events.watching import tail
from lowsky.events.watching.tail import Tail
from lowsky.health import Health

PART = "geozones"


class Topic:
    """A consumer of one partition: how long the topic is, and how much of it has been read."""

    def __init__(self) -> None:
        self.partitions = [TopicPartition("topic", 0)]
        self.end = self.read = 0
        self.settled = True
        self.health = Health()

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, self.end)

    async def position(self, _: TopicPartition) -> int:
        return self.read

    @property
    def problem(self) -> str | None:
        return self.health.problems.get(PART)


@pytest.fixture
async def topic(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Topic]:
    """Of ten records, none of which has been read yet; being watched over."""
    monkeypatch.setattr(tail, "CHECK_S", 0.001)
    monkeypatch.setattr(tail, "BEHIND_S_MAX", 0.1)
    topic = Topic()
    topic.end = 10
    await topic.health.expect(PART)

    def heard(*_: Any) -> None:
        return

    a_tail = Tail(
        Kafka("nowhere:1"),
        "topic",
        heard,
        topic.health,
        part=PART,
        from_beginning=True,
        unsettled=lambda: None if topic.settled else "what was read is not in effect yet",
    )
    task = asyncio.create_task(a_tail._check(cast(AIOKafkaConsumer, topic), topic.partitions))
    yield topic
    while not task.done():  # a wait that ends at that moment swallows a cancellation
        task.cancel()
        await asyncio.sleep(0.001)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def test_a_worker_is_not_ready_before_it_has_read_all_and_it_is_in_effect(topic: Topic) -> None:
    topic.settled = False
    await until(lambda: topic.problem == "10 records behind")
    topic.read = 10
    await until(lambda: topic.problem == "what was read is not in effect yet")
    topic.settled = True
    await until(lambda: topic.problem is None)


async def test_a_worker_that_falls_behind_says_so_until_it_has_caught_up(topic: Topic) -> None:
    topic.read = 10
    await until(lambda: topic.problem is None)
    topic.end = 17
    await until(lambda: topic.problem == "7 records behind")
    topic.read = 17
    await until(lambda: topic.problem is None)


async def test_what_does_not_come_into_effect_is_said_too(topic: Topic) -> None:
    topic.read = 10
    await until(lambda: topic.problem is None)
    topic.settled = False
    await until(lambda: topic.problem == "what was read is not in effect yet")


async def test_being_behind_for_a_moment_is_no_problem(topic: Topic, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tail, "BEHIND_S_MAX", 3600.0)
    topic.read = 10
    await until(lambda: topic.problem is None)
    asked = 0
    count, topic.end = topic.end_offsets, 17

    async def counted(partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        nonlocal asked
        asked += 1
        return await count(partitions)

    monkeypatch.setattr(topic, "end_offsets", counted)
    await until(lambda: asked > 3)
    assert topic.problem is None
