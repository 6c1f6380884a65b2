"""Watches: callers get the events of a topic, from now on or after a resume token, each event once.

Every worker tails the whole topic, so any worker can serve any watcher, and nothing is polled. The token is the vector
of offsets. A watcher that resumes gets what it missed from the log (catching_up.py) and then joins the tail at its
current position. What watchers need of an event is computed once for all of them.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final, Generic

import structlog

from lowsky.errors import OutOfRange, Overloaded, Unavailable
from lowsky.events.event import Event
from lowsky.events.kafka import Kafka
from lowsky.events.watching.catching_up import CatchingUp
from lowsky.events.watching.resume import Happened, Seen, T, decode_token
from lowsky.events.watching.tail import Positions, Tail
from lowsky.health import Health

log = structlog.get_logger()

QUEUE_MAX = 10_000
"""Events that may be queued for a slow watcher. Beyond that it gets RESOURCE_EXHAUSTED and resumes with its token."""

QUEUE_BYTES_MAX = 32 * 1024 * 1024
"""Bytes of the queued events. Slow watchers of the same events share them in memory."""

REACH_S_MAX = 3.0
REACH_POLL_S = 0.01
"""How long a watcher with a token of another worker waits until this worker has read as far."""

SEEN_MAX: Final = 100_000
"""Ids of events that the tail remembers."""


class Broadcast(Generic[T]):
    """The tail of a topic, from now on, for any number of watchers in this process.

    Args:
        understand: Converts an event into what watchers get; called once for all of them. It should be cheap: what only
            some watchers need is better computed when the first asks for it.
    """

    def __init__(
        self, kafka: Kafka, topic: str, health: Health, *, part: str, understand: Callable[[Event], T]
    ) -> None:
        self._understand = understand
        self._seen = Seen(SEEN_MAX)
        self._subscriptions: set[Subscription[T]] = set()
        self._catching_up = CatchingUp(kafka, topic, understand)
        self.tail = Tail(kafka, topic, self._publish, health, part=part, from_beginning=False)

    def _publish(self, event: Event, positions: Positions) -> None:
        if not self._seen.is_new(event.id):
            return
        happened: Happened[T] | None = None
        what = self._understand(event)
        for subscription in tuple(self._subscriptions):
            if subscription.wants(what):
                happened = happened or Happened(what, dict(positions), len(event.value or b""))
                subscription.put(happened)

    def subscribe(self, wanted: Callable[[T], bool]) -> Subscription[T]:
        """Subscribes from now on; use as a context manager. Their number is limited by the callers: waiting calls and
        watches have separate limits (rpc/limits.py), so that neither uses up the other's."""
        if not self.tail.positions:
            raise Unavailable("NOT_CAUGHT_UP", "the event log has not been reached yet")
        return Subscription(self._subscriptions, wanted, dict(self.tail.positions))

    async def reach(self, token: str) -> None:
        """Waits until the tail has reached the position of a token: another worker, which issued it, may be some
        records ahead of this one, and its watcher must not get those again here. Subscribe after this.

        Raises:
            OutOfRange: The token is not valid, or lies beyond what was ever written.
            Unavailable: The tail does not reach it in time.
        """
        wanted = decode_token(token)
        if not self.tail.positions:
            raise Unavailable("NOT_CAUGHT_UP", "the event log has not been reached yet")
        if wanted.keys() != self.tail.positions.keys():
            raise OutOfRange("RESUME_TOKEN_EXPIRED", "this resume token belongs to another topic")
        started_s = asyncio.get_running_loop().time()
        for _ in range(round(REACH_S_MAX / REACH_POLL_S)):
            if self._is_at(wanted):
                return
            # The token's position was written before it was sent, so ends read after that must not be before it.
            if self.tail.ends_read_s > started_s and any(wanted[p] > end for p, end in self.tail.ends.items()):
                raise OutOfRange("RESUME_TOKEN_EXPIRED", "this resume token points beyond what was ever written")
            await asyncio.sleep(REACH_POLL_S)
        raise Unavailable("NOT_CAUGHT_UP", "this worker is behind your resume token")

    def _is_at(self, wanted: Positions) -> bool:
        return all(self.tail.positions[partition] >= offset for partition, offset in wanted.items())

    def since(
        self, token: str, until: Positions, wanted: Callable[[T], bool], party: str
    ) -> AsyncGenerator[Happened[T], None]:
        """The events between a token that was reached and a position of the tail.

        Args:
            party: The party of the watch: the number of watches that catch up is limited per party.

        Raises:
            OutOfRange: The token is not valid, or lies before what is retained.
            Overloaded, Unavailable: As CatchingUp.since.
        """
        return self._catching_up.since(decode_token(token), until, wanted, party)


class Subscription(Generic[T]):
    """What one watcher gets."""

    def __init__(self, subscriptions: set[Subscription[T]], wanted: Callable[[T], bool], started_at: Positions) -> None:
        self._subscriptions = subscriptions
        self._wanted = wanted
        self._queue: asyncio.Queue[Happened[T]] = asyncio.Queue(QUEUE_MAX)
        self._queued_bytes = 0
        self._missed = False
        self.started_at = started_at
        """Position of the tail when the subscription started: it gets everything after that."""

    def __enter__(self) -> Subscription[T]:
        self._subscriptions.add(self)
        return self

    def __exit__(self, *exc: object) -> None:
        self._subscriptions.discard(self)

    def wants(self, what: T) -> bool:
        """Whether the event matches the watcher's filter. An event on which the filter fails is skipped."""
        try:
            return self._wanted(what)
        except Exception as error:
            log.error("a watch skips an event", what=repr(what)[:300], exc_info=error)
            return False

    def put(self, happened: Happened[T]) -> None:
        """Queues an event for the watcher, or notes that the queue is full; called by the tail."""
        if self._missed or self._queue.full() or (self._queued_bytes + happened.size > QUEUE_BYTES_MAX):
            self._missed = True
            return
        self._queued_bytes += happened.size
        self._queue.put_nowait(happened)

    async def next(self, timeout_s: float) -> Happened[T] | None:
        """The next event; None if there was none within the time-out.

        Raises:
            Overloaded: The watcher was too slow; it resumes with its last token.
        """
        if self._missed:
            raise Overloaded("this watch was too slow; resume with your last token", retry_after_s=0.1)
        try:
            async with asyncio.timeout(timeout_s):
                happened = await self._queue.get()
        except TimeoutError:
            # An event may have arrived together with the time-out: report none only if the queue is empty.
            if self._queue.empty():
                return None
            happened = self._queue.get_nowait()
        self._queued_bytes -= happened.size
        return happened
