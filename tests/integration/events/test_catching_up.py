"""Watchers that resume: what they missed, read for all of them by a few readers."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.records_to_delete import RecordsToDelete

from lowsky.errors import OutOfRange, Overloaded
from lowsky.events import topics
from lowsky.events.event import Event, to_headers
from lowsky.events.kafka import Kafka
from lowsky.events.watching import catching_up
from lowsky.events.watching.resume import encode_token
from lowsky.events.watching.tail import Positions
from lowsky.events.watching.watch import Broadcast
from lowsky.health import Health
from lowsky.process.background import end
from tests.support.installation import Installation
from tests.support.polling import eventually

TOPIC = topics.FLIGHT_PLANS


@dataclass(frozen=True)
class Counted(Kafka):
    """Knows how many of the readers that were made are open at most."""

    open: list[AIOKafkaConsumer] = field(default_factory=list, compare=False)
    at_once: list[int] = field(default_factory=lambda: [0], compare=False)

    def slices(self) -> AIOKafkaConsumer:
        self.open[:] = [reader for reader in self.open if not reader._closed]
        self.open.append(super().slices())
        self.at_once.append(len(self.open))
        return self.open[-1]


class Topic:
    """A broadcast over a topic, and what was understood of it."""

    def __init__(self, kafka: Kafka) -> None:
        self.kafka = Counted(kafka.bootstrap, kafka.prefix)
        self.understood: Counter[str] = Counter()
        self.broadcast: Broadcast[Event] = Broadcast(
            self.kafka, TOPIC, Health(), part="watch", understand=self._understand
        )

    def _understand(self, event: Event) -> Event:
        self.understood[event.key] += 1
        return event

    @property
    def here(self) -> Positions:
        return dict(self.broadcast.tail.positions)

    async def write(self, keys: list[str], value: bytes = b"") -> None:
        producer = self.kafka.producer()
        await producer.start()
        before = sum(self.here.values())
        try:
            for key in keys:
                event = Event(
                    topic=TOPIC,
                    key=key,
                    type="lowsky.flightplan.submitted.v1",
                    value=value,
                    occurred_at=datetime.now(UTC),
                )
                await producer.send(self.kafka.topic(TOPIC), event.value, key=key.encode(), headers=to_headers(event))
            await producer.flush()
        finally:
            await producer.stop()

        async def here() -> bool:
            return sum(self.here.values()) >= before + len(keys)

        await eventually(here, what="the tail at the end")

    async def since(self, start: Positions, party: str, prefix: str = "") -> list[str]:
        missed = self.broadcast.since(encode_token(start), self.here, lambda event: event.key.startswith(prefix), party)
        async with aclosing(missed):
            return [happened.what.key async for happened in missed]


@asynccontextmanager
async def tailing(installation: Installation) -> AsyncIterator[Topic]:
    topic = Topic(installation.kafka)
    running = asyncio.create_task(topic.broadcast.tail.run())
    try:

        async def started() -> bool:
            return bool(topic.here)

        await eventually(started)
        yield topic
    finally:
        await end([running])


def keys(count: int, of: str = "k") -> list[str]:
    return [f"{of}/{n:05}" for n in range(count)]


async def test_a_fleet_that_reconnects_shares_readers_and_reads_each_event_about_once(
    installation: Installation,
) -> None:
    async with tailing(installation) as topic:
        start = topic.here
        await topic.write(keys(3_000), b"x" * 500)
        topic.understood.clear()
        caught_up = await asyncio.gather(*(topic.since(start, "operators/acme") for _ in range(60)))
        for one in caught_up:
            assert sorted(one) == keys(3_000)
        assert max(topic.kafka.at_once) <= catching_up.READERS_MAX
        # 180 000 with a reader each. What one reader fetches twice is where watchers come apart for a moment.
        assert topic.understood.total() < 5 * 3_000

        async def closed() -> bool:
            return not topic.broadcast._catching_up._tasks

        await eventually(closed, what="readers closed once nobody needs them")


async def test_watchers_at_different_places_get_all_that_they_missed_each_once(installation: Installation) -> None:
    async with tailing(installation) as topic:
        starts, written = [], []
        for n in range(12):
            starts.append(topic.here)
            written.append(keys(400, f"w{n:02}"))
            await topic.write(written[-1])
        caught_up = await asyncio.gather(*(topic.since(start, f"operators/o{n % 5}") for n, start in enumerate(starts)))
        for n, one in enumerate(caught_up):
            assert sorted(one) == sorted(key for some in written[n:] for key in some)
        assert max(topic.kafka.at_once) <= catching_up.READERS_MAX


async def test_what_a_watcher_did_not_ask_for_is_passed_over(installation: Installation) -> None:
    async with tailing(installation) as topic:
        start = topic.here
        await topic.write([*keys(1_500, "other"), *keys(3, "mine"), *keys(1_500, "others")])
        assert sorted(await topic.since(start, "operators/acme", "mine/")) == keys(3, "mine")


async def test_a_watcher_that_takes_nothing_holds_neither_memory_nor_others_up(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catching_up, "PENDING_BYTES_MAX", 200_000)
    async with tailing(installation) as topic:
        start = topic.here
        await topic.write(keys(2_000), b"x" * 1_000)
        async with AsyncExitStack() as exits:
            for _ in range(8):
                missed = topic.broadcast.since(encode_token(start), topic.here, lambda event: True, "operators/slow")
                await anext(await exits.enter_async_context(aclosing(missed)))
            async with asyncio.timeout(60):
                assert sorted(await topic.since(start, "operators/acme")) == keys(2_000)
            waiting = [watcher._pending_bytes for watcher in topic.broadcast._catching_up._watchers()]
            assert len(waiting) == 8
            assert max(waiting) <= 200_000 + 1_000


async def test_a_party_has_so_many_places_and_who_goes_away_frees_one(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catching_up, "CATCHING_UP_PER_PARTY_MAX", 2)
    async with tailing(installation) as topic, AsyncExitStack() as exits:
        start = topic.here
        await topic.write(keys(10))

        async def begun() -> Any:
            missed = topic.broadcast.since(encode_token(start), topic.here, lambda event: True, "operators/acme")
            assert (await anext(missed)).what.key
            return await exits.enter_async_context(aclosing(missed))

        first = await begun()
        await begun()
        with pytest.raises(Overloaded, match="2 watches that catch up"):
            await begun()
        assert sorted(await topic.since(start, "operators/rival")) == keys(10), "others are not concerned"
        await first.aclose()
        await begun()


async def test_who_asks_for_what_is_no_longer_kept_is_told_so_and_others_go_on(installation: Installation) -> None:
    async with tailing(installation) as topic:
        start = topic.here
        await topic.write(keys(50))
        kept = topic.here
        await topic.write(keys(50, "later"))
        client = AIOKafkaAdminClient(bootstrap_servers=topic.kafka.bootstrap)
        await client.start()
        try:
            name = topic.kafka.topic(TOPIC)
            await client.delete_records(
                {TopicPartition(name, partition): RecordsToDelete(offset) for partition, offset in kept.items()}
            )
        finally:
            await client.close()
        gone, there = await asyncio.gather(
            topic.since(start, "operators/acme"), topic.since(kept, "operators/rival"), return_exceptions=True
        )
        assert isinstance(gone, OutOfRange)
        assert isinstance(there, list)
        assert sorted(there) == keys(50, "later")


async def test_brokers_that_do_not_answer_end_the_watch_so_that_it_is_tried_again(
    installation: Installation,
) -> None:
    async with tailing(installation) as topic:
        start = topic.here
        await topic.write(keys(5))
        away = replace(topic.kafka, bootstrap="127.0.0.1:1")
        broadcast: Broadcast[Event] = Broadcast(away, TOPIC, Health(), part="watch", understand=lambda event: event)
        with pytest.raises(Exception, match="EVENTS_UNAVAILABLE"):
            await anext(broadcast.since(encode_token(start), topic.here, lambda event: True, "operators/acme"))
