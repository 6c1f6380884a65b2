"""Watches: callers hear what happens on a topic, from now or from where a token left off, each event once.

Every worker tails the whole topic, so any worker can serve any watcher, and nothing is polled. The token is the vector
of offsets. A watcher that resumes reads what it missed by itself and joins the tail where that has got to.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from lowsky.errors import OutOfRange, Overloaded, Unavailable
from lowsky.events.event import Event
from lowsky.events.fetching import event_of, fetch
from lowsky.events.kafka import Kafka, stop
from lowsky.events.tail import Positions, Tail, assign
from lowsky.rpc.health import Health

log = structlog.get_logger()

QUEUE_MAX = 10_000
"""Events that a slow watcher may be behind. Beyond it hears RESOURCE_EXHAUSTED and resumes with its token."""

WATCHERS_MAX = 5_000
"""Per worker."""

CATCHING_UP_MAX = 64
"""Per worker, watchers that read what they missed: each with a consumer of its own, and megabytes of records in it."""

CATCH_UP_WAIT_S_MAX = 3.0
"""How long a watcher waits for its turn to catch up; then it is told to come back."""

REACH_S_MAX = 3.0
REACH_POLL_S = 0.01
"""How long a watcher that comes from another worker waits for this one to get as far."""

SEEN_MAX = 100_000
"""Event ids that are remembered: the relay may send an event again after a crash, and no watcher hears it twice."""

Filter = Callable[[Event], bool]


class Broadcast:
    """The tail of a topic, from now on, for any number of watchers in this process."""

    def __init__(self, kafka: Kafka, topic: str, health: Health, *, part: str) -> None:
        self._kafka = kafka
        self._topic = topic
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._subscriptions: set[Subscription] = set()
        self._catching_up = asyncio.Semaphore(CATCHING_UP_MAX)
        self.tail = Tail(kafka, topic, self._hear, health, part=part, from_beginning=False)

    def _hear(self, event: Event, positions: Positions) -> None:
        if not _is_new(event, self._seen):
            return
        at: Positions | None = None
        for subscription in tuple(self._subscriptions):
            if subscription.wants(event):
                at = at or dict(positions)
                subscription.hear(event, at)

    def subscribe(self, wanted: Filter) -> Subscription:
        """From now on. Use as a context manager."""
        if len(self._subscriptions) >= WATCHERS_MAX:
            raise Overloaded("too many watchers on this worker")
        if not self.tail.positions:
            raise Unavailable("NOT_CAUGHT_UP", "the event log has not been reached yet")
        return Subscription(self._subscriptions, wanted, dict(self.tail.positions))

    async def reach(self, token: str) -> None:
        """Waits until the tail is where a token was given: another worker may be some records ahead of this one, and
        what its watcher heard there must not be told again here. Subscribe after this.

        Raises:
            OutOfRange: The token is not one of ours, or lies beyond what was ever written.
            Unavailable: The tail does not get there.
        """
        wanted = decode_token(token)
        if not self.tail.positions:
            raise Unavailable("NOT_CAUGHT_UP", "the event log has not been reached yet")
        if wanted.keys() != self.tail.positions.keys():
            raise OutOfRange("RESUME_TOKEN_EXPIRED", "this resume token belongs to another topic")
        if self._is_at(wanted):
            return
        await self._require_written(wanted)
        for _ in range(round(REACH_S_MAX / REACH_POLL_S)):
            if self._is_at(wanted):
                return
            await asyncio.sleep(REACH_POLL_S)
        raise Unavailable("NOT_CAUGHT_UP", "this worker is behind your resume token")

    def _is_at(self, wanted: Positions) -> bool:
        return all(self.tail.positions[partition] >= offset for partition, offset in wanted.items())

    async def _require_written(self, wanted: Positions) -> None:
        async with self._reader() as consumer:
            ends = await consumer.end_offsets(await assign(consumer, self._kafka.topic(self._topic)))
        if any(wanted[tp.partition] > end for tp, end in ends.items()):
            raise OutOfRange("RESUME_TOKEN_EXPIRED", "this resume token points beyond what was ever written")

    async def since(self, token: str, until: Positions, wanted: Filter) -> AsyncIterator[tuple[Event, Positions]]:
        """What happened between a token and a position of the tail.

        Raises:
            OutOfRange: The token is not one of ours, or lies before what is kept.
        """
        positions = decode_token(token)
        if all(positions[partition] >= offset for partition, offset in until.items()):
            return  # nothing was missed
        async with self._reader() as consumer:
            partitions = await assign(consumer, self._kafka.topic(self._topic))
            beginnings = await consumer.beginning_offsets(partitions)
            for tp in partitions:
                if positions[tp.partition] < beginnings[tp]:
                    raise OutOfRange("RESUME_TOKEN_EXPIRED", "what this resume token points at is no longer kept")
                consumer.seek(tp, positions[tp.partition])
            seen: OrderedDict[str, None] = OrderedDict()
            behind = {tp for tp in partitions if positions[tp.partition] < until[tp.partition]}
            while behind:
                for tp, records in (await fetch(consumer, timeout_ms=200)).items():
                    for record in records:
                        if record.offset >= until[tp.partition]:
                            break
                        positions[tp.partition] = record.offset + 1
                        try:
                            event = event_of(record, self._topic)
                            is_wanted = _is_new(event, seen) and wanted(event)
                        except Exception as error:
                            log.error(
                                "a record is passed over", partition=str(tp), offset=record.offset, exc_info=error
                            )
                            continue
                        if is_wanted:
                            yield event, dict(positions)
                behind = {tp for tp in behind if await _position(consumer, tp) < until[tp.partition]}

    @asynccontextmanager
    async def _reader(self) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer of one watcher's own, when it is its turn to have one.

        Raises:
            Overloaded: Too many others have one.
            Unavailable: The brokers are away.
        """
        try:
            async with asyncio.timeout(CATCH_UP_WAIT_S_MAX):
                await self._catching_up.acquire()
        except TimeoutError:
            raise Overloaded("too many watches are catching up on this worker", retry_after_s=1.0) from None
        try:
            consumer = self._kafka.tail()
            try:
                await consumer.start()
                yield consumer
            except (KafkaError, OSError) as error:
                raise Unavailable("EVENTS_UNAVAILABLE", "the event log does not answer") from error
            finally:
                await stop(consumer)
        finally:
            self._catching_up.release()


class Subscription:
    """What one watcher hears."""

    def __init__(self, subscriptions: set[Subscription], wanted: Filter, started_at: Positions) -> None:
        self._subscriptions = subscriptions
        self.wanted = wanted
        self._queue: asyncio.Queue[tuple[Event, Positions]] = asyncio.Queue(QUEUE_MAX)
        self._missed = False
        self.started_at = started_at
        """Where the tail was when the subscription began: everything after it is heard."""

    def __enter__(self) -> Subscription:
        self._subscriptions.add(self)
        return self

    def __exit__(self, *exc: object) -> None:
        self._subscriptions.discard(self)

    def wants(self, event: Event) -> bool:
        """Whether the watcher asked for it. An event that its filter cannot read is not for it."""
        try:
            return self.wanted(event)
        except Exception as error:
            log.error("an event is passed over by a watch", key=event.key, type=event.type, exc_info=error)
            return False

    def hear(self, event: Event, positions: Positions) -> None:
        """For the tail: queues an event, or remembers that there was no room for one."""
        try:
            self._queue.put_nowait((event, positions))
        except asyncio.QueueFull:
            self._missed = True

    async def next(self, timeout_s: float) -> tuple[Event, Positions] | None:
        """The next event and the positions after it; None when nothing happened for so long.

        Raises:
            Overloaded: The watcher was too slow; it resumes with its last token.
        """
        if self._missed:
            raise Overloaded("this watch was too slow; resume with your last token", retry_after_s=0.1)
        try:
            async with asyncio.timeout(timeout_s):
                return await self._queue.get()
        except TimeoutError:
            # It may have come while the time-out was on its way to us: silence is told only of an empty queue.
            return None if self._queue.empty() else self._queue.get_nowait()


def _is_new(event: Event, seen: OrderedDict[str, None]) -> bool:
    """Whether an event was not seen yet; remembers it, and SEEN_MAX at most."""
    if event.id in seen:
        return False
    seen[event.id] = None
    if len(seen) > SEEN_MAX:
        seen.popitem(last=False)
    return True


async def _position(consumer: object, tp: TopicPartition) -> int:
    return int(await consumer.position(tp))  # type: ignore[attr-defined]  # aiokafka has no types


def encode_token(positions: Positions) -> str:
    """An opaque, stable text."""
    text = json.dumps([[p, o] for p, o in sorted(positions.items())], separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str) -> Positions:
    """The positions in a token.

    Raises:
        OutOfRange: It is not one of ours.
    """
    try:
        pairs = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        positions = {int(p): int(o) for p, o in pairs}
    except (ValueError, TypeError, OverflowError, binascii.Error, RecursionError):
        raise OutOfRange("RESUME_TOKEN_EXPIRED", "this resume token is not one of ours") from None
    if any(p < 0 or o < 0 for p, o in positions.items()):
        raise OutOfRange("RESUME_TOKEN_EXPIRED", "this resume token is not one of ours")
    return positions
