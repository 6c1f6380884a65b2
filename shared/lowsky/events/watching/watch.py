"""Watches: callers get what happens on a topic, from now or from where a token left off, each event once.

Every worker tails the whole topic, so any worker can serve any watcher, and nothing is polled. The token is the vector
of offsets. A watcher that resumes gets what it missed from the log (catching_up.py) and joins the tail where that has
got to. Of an event, whatever watchers need is made once for all of them.
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
"""Events that a slow watcher may be behind. Beyond it gets RESOURCE_EXHAUSTED and resumes with its token."""

QUEUE_BYTES_MAX = 32 * 1024 * 1024
"""Their bytes. Slow watchers of the same events hold them once."""

REACH_S_MAX = 3.0
REACH_POLL_S = 0.01
"""How long a watcher that comes from another worker waits for this one to get as far."""

SEEN_MAX: Final = 100_000
"""Ids of events that the tail remembers."""


class Broadcast(Generic[T]):
    """The tail of a topic, from now on, for any number of watchers in this process.

    Args:
        understand: What watchers get of an event, called once for all of them. It should be cheap: what only some
            watchers need is better computed when the first asks for it.
    """

    def __init__(
        self, kafka: Kafka, topic: str, health: Health, *, part: str, understand: Callable[[Event], T]
    ) -> None:
        self._understand = understand
        self._seen = Seen(SEEN_MAX)
        self._subscriptions: set[Subscription[T]] = set()
        self._catching_up = CatchingUp(kafka, topic, understand)
        self.tail = Tail(kafka, topic, self._hear, health, part=part, from_beginning=False)

    def _hear(self, event: Event, positions: Positions) -> None:
        if not self._seen.is_new(event.id):
            return
        happened: Happened[T] | None = None
        what = self._understand(event)
        for subscription in tuple(self._subscriptions):
            if subscription.wants(what):
                happened = happened or Happened(what, dict(positions), len(event.value or b""))
                subscription.hear(happened)

    def subscribe(self, wanted: Callable[[T], bool]) -> Subscription[T]:
        """From now on. Use as a context manager. How many there are is bounded where they are made: calls that wait,
        and watches, have limits of their own (rpc/limits.py), so that neither takes the other's room."""
        if not self.tail.positions:
            raise Unavailable("NOT_CAUGHT_UP", "the event log has not been reached yet")
        return Subscription(self._subscriptions, wanted, dict(self.tail.positions))

    async def reach(self, token: str) -> None:
        """Waits until the tail is where a token was given: another worker may be some records ahead of this one, and
        what its watcher got there must not come again here. Subscribe after this.

        Raises:
            OutOfRange: The token is not one of ours, or lies beyond what was ever written.
            Unavailable: The tail does not get there.
        """
        wanted = decode_token(token)
        if not self.tail.positions:
            raise Unavailable("NOT_CAUGHT_UP", "the event log has not been reached yet")
        if wanted.keys() != self.tail.positions.keys():
            raise OutOfRange("RESUME_TOKEN_EXPIRED", "this resume token belongs to another topic")
        begun_s = asyncio.get_running_loop().time()
        for _ in range(round(REACH_S_MAX / REACH_POLL_S)):
            if self._is_at(wanted):
                return
            # What the token points at was written before it came, so ends that were read after that are beyond it.
            if self.tail.ends_read_s > begun_s and any(wanted[p] > end for p, end in self.tail.ends.items()):
                raise OutOfRange("RESUME_TOKEN_EXPIRED", "this resume token points beyond what was ever written")
            await asyncio.sleep(REACH_POLL_S)
        raise Unavailable("NOT_CAUGHT_UP", "this worker is behind your resume token")

    def _is_at(self, wanted: Positions) -> bool:
        return all(self.tail.positions[partition] >= offset for partition, offset in wanted.items())

    def since(
        self, token: str, until: Positions, wanted: Callable[[T], bool], party: str
    ) -> AsyncGenerator[Happened[T], None]:
        """What happened between a token that was reached and a position of the tail.

        Args:
            party: Whose watch it is: each party may have so many that catch up.

        Raises:
            OutOfRange: The token is not one of ours, or lies before what is kept.
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
        """Where the tail was when the subscription began: everything after it is in it."""

    def __enter__(self) -> Subscription[T]:
        self._subscriptions.add(self)
        return self

    def __exit__(self, *exc: object) -> None:
        self._subscriptions.discard(self)

    def wants(self, what: T) -> bool:
        """Whether the watcher asked for it. An event that its filter cannot read is not for it."""
        try:
            return self._wanted(what)
        except Exception as error:
            log.error("an event is passed over by a watch", what=repr(what)[:300], exc_info=error)
            return False

    def hear(self, happened: Happened[T]) -> None:
        """For the tail: queues an event, or remembers that there was no room for one."""
        if self._missed or self._queue.full() or (self._queued_bytes + happened.size > QUEUE_BYTES_MAX):
            self._missed = True
            return
        self._queued_bytes += happened.size
        self._queue.put_nowait(happened)

    async def next(self, timeout_s: float) -> Happened[T] | None:
        """The next event; None when nothing happened for so long.

        Raises:
            Overloaded: The watcher was too slow; it resumes with its last token.
        """
        if self._missed:
            raise Overloaded("this watch was too slow; resume with your last token", retry_after_s=0.1)
        try:
            async with asyncio.timeout(timeout_s):
                happened = await self._queue.get()
        except TimeoutError:
            # It may have come while the time-out was on its way to us: silence is told only of an empty queue.
            if self._queue.empty():
                return None
            happened = self._queue.get_nowait()
        self._queued_bytes -= happened.size
        return happened
