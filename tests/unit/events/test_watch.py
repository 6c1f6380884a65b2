"""What watchers hear of a busy topic."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

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
        reading = asyncio.create_task(topic.read(20))  # its turn comes while the watcher waits for the next event
        heard = []
        with pytest.raises(Overloaded):
            while (item := await subscription.next(1.0)) is not None:
                heard.append(int(item[0].id))
        await reading
    assert heard == list(range(1, len(heard) + 1))


async def test_a_full_queue_without_a_loss_is_heard_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "QUEUE_MAX", 100)
    topic = Topic()
    with topic.broadcast.subscribe(lambda event: True) as subscription:
        await topic.read(100)
        heard = [await subscription.next(1.0) for _ in range(100)]
        assert [int(item[0].id) for item in heard if item] == list(range(1, 101))
        assert await subscription.next(0.01) is None
