"""What watchers hear of a busy topic."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

import pytest

from lowsky.errors import Overloaded
from lowsky.events.event import Event
from lowsky.events.kafka import Kafka
from lowsky.events.watching import watch
from lowsky.events.watching.watch import Broadcast
from lowsky.health import Health


class Topic:
    """A broadcast, and a tail that reads as many events at once as it is told to."""

    def __init__(self, broadcast: Broadcast[Any] | None = None) -> None:
        self.broadcast = broadcast or Broadcast(
            Kafka("nowhere:1"), "topic", Health(), part="watch", understand=lambda event: event
        )
        self.broadcast.tail.positions = {0: 0}
        self.count = 0

    async def read(self, events: int, value: bytes = b"") -> None:
        for _ in range(events):
            self.count += 1
            self.broadcast.tail.positions[0] = self.count
            event = Event("topic", f"key-{self.count}", "type", value, datetime.now(UTC), id=str(self.count))
            self.broadcast._publish(event, self.broadcast.tail.positions)


async def test_a_watcher_that_was_too_slow_hears_so_however_the_events_came(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "QUEUE_MAX", 100)
    topic = Topic()
    with topic.broadcast.subscribe(lambda event: True) as subscription:
        await topic.read(90)
        heard = [int(item.what.id) for _ in range(50) if (item := await subscription.next(1.0))]
        await topic.read(70)  # ten more than there is room for
        with pytest.raises(Overloaded):
            while (item := await subscription.next(1.0)) is not None:
                heard.append(int(item.what.id))
    assert heard == list(range(1, len(heard) + 1))


async def test_a_full_queue_without_a_loss_is_heard_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "QUEUE_MAX", 100)
    topic = Topic()
    with topic.broadcast.subscribe(lambda event: True) as subscription:
        await topic.read(100)
        heard = [await subscription.next(1.0) for _ in range(100)]
        assert [int(item.what.id) for item in heard if item] == list(range(1, 101))
        assert await subscription.next(0.01) is None


async def test_events_that_wait_for_a_slow_watcher_are_bounded_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch, "QUEUE_BYTES_MAX", 1_000)
    topic = Topic()
    with topic.broadcast.subscribe(lambda event: True) as subscription:
        await topic.read(10, b"x" * 100)
        assert await subscription.next(1.0)
        await topic.read(2, b"x" * 100)
        with pytest.raises(Overloaded):
            await subscription.next(1.0)


async def test_an_event_is_understood_once_and_has_one_token_however_many_watch() -> None:
    understood: list[str] = []
    broadcast = Broadcast(
        Kafka("nowhere:1"), "topic", Health(), part="watch", understand=lambda event: understood.append(event.id)
    )
    topic = Topic(broadcast)
    with broadcast.subscribe(lambda what: True) as one, broadcast.subscribe(lambda what: True) as other:
        await topic.read(1)
        assert await one.next(1.0) is await other.next(1.0)
    assert understood == ["1"]


async def test_a_filter_that_fails_keeps_nothing_from_others() -> None:
    def fails(_: object) -> bool:
        raise KeyError("a fault")

    topic = Topic()
    with topic.broadcast.subscribe(fails), topic.broadcast.subscribe(lambda event: True) as other:
        await topic.read(1)
        assert await other.next(1.0)


async def test_a_submission_that_waits_is_never_refused_because_of_watches() -> None:
    topic = Topic()
    with ExitStack() as watches:
        for _ in range(5_001):
            watches.enter_context(topic.broadcast.subscribe(lambda event: False))
        with topic.broadcast.subscribe(lambda event: True) as waiting:
            await topic.read(1)
            assert await waiting.next(1.0)
