"""What watchers hear of a busy topic."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaConsumer

from lowsky.errors import Overloaded
from lowsky.events import watch
from lowsky.events.event import Event
from lowsky.events.kafka import Kafka
from lowsky.events.watch import Broadcast
from lowsky.rpc.health import Health


class Topic:
    """A broadcast, and a tail that reads as many events at once as it is told to."""

    def __init__(self) -> None:
        self.broadcast = Broadcast(Kafka("nowhere:1"), "topic", Health(), part="watch")
        self.broadcast.tail.positions = {0: 0}
        self.count = 0

    async def read(self, events: int) -> None:
        for _ in range(events):
            self.count += 1
            self.broadcast.tail.positions[0] = self.count
            event = Event("topic", f"key-{self.count}", "type", b"", datetime.now(UTC), id=str(self.count))
            self.broadcast._hear(event, self.broadcast.tail.positions)


async def test_a_watcher_that_was_too_slow_hears_so_however_the_events_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "QUEUE_MAX", 100)
    topic = Topic()
    with topic.broadcast.subscribe(lambda event: True) as subscription:
        await topic.read(90)
        heard = [int(item[0].id) for _ in range(50) if (item := await subscription.next(1.0))]
        await topic.read(70)  # ten more than there is room for
        with pytest.raises(Overloaded):
            while (item := await subscription.next(1.0)) is not None:
                heard.append(int(item[0].id))
    assert heard == list(range(1, len(heard) + 1))


async def test_a_full_queue_without_a_loss_is_heard_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "QUEUE_MAX", 100)
    topic = Topic()
    with topic.broadcast.subscribe(lambda event: True) as subscription:
        await topic.read(100)
        heard = [await subscription.next(1.0) for _ in range(100)]
        assert [int(item[0].id) for item in heard if item] == list(range(1, 101))
        assert await subscription.next(0.01) is None


async def test_only_so_many_watchers_catch_up_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "CATCHING_UP_MAX", 1)
    monkeypatch.setattr(watch, "CATCH_UP_WAIT_S_MAX", 0.01)
    monkeypatch.setattr(AIOKafkaConsumer, "start", asyncio.Event().wait)  # it never gets there
    broadcast = Topic().broadcast
    token = watch.encode_token({0: 0})
    first = asyncio.create_task(anext(aiter(broadcast.since(token, {0: 1}, lambda event: True))))
    await asyncio.sleep(0)
    with pytest.raises(Overloaded):
        await anext(aiter(broadcast.since(token, {0: 1}, lambda event: True)))
    first.cancel()
    await asyncio.wait([first])
    second = asyncio.create_task(anext(aiter(broadcast.since(token, {0: 1}, lambda event: True))))
    done, _ = await asyncio.wait([second], timeout=0.1)
    assert not done, "who went away has left room for another"
    second.cancel()
    await asyncio.wait([second])
