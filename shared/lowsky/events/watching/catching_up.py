"""Catching up: a few readers read the missed events for all watchers of a worker that resume.

A turn reads one slice of the log at the position of one watcher, and every watcher whose position is within the slice
takes its part of it. So a fleet that reconnects is served together, by one reader, and each event is read once for all
of it. Callers take turns: a watcher that resumes from yesterday delays others by a slice, not by a day.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Generic

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from lowsky.errors import LowskyError, OutOfRange, Unavailable
from lowsky.events.decoding import Fetched, event_of, fetch
from lowsky.events.event import Event
from lowsky.events.kafka import SLICE_BYTES, Kafka, stop
from lowsky.events.watching.resume import Happened, Seen, T
from lowsky.events.watching.tail import Positions, assign
from lowsky.process.load_limits import InFlight

log = structlog.get_logger()

READERS_MAX: Final = 4
"""Per worker: each is a client of Kafka, with connections and a few slices in memory."""

SLICE_RECORDS: Final = 500
"""Size of the slice of one turn. Watchers whose positions are within this distance are probably served together."""

CATCHING_UP_MAX: Final = 256
"""Per worker, watchers that catch up at once. Their buffers have at most 128 MiB together."""

CATCHING_UP_PER_PARTY_MAX: Final = 64
"""A quarter, so that a fleet that reconnects leaves room for others."""

SLICES_PENDING_MAX: Final = 4
"""Buffer of one watcher, in slices. It requests more when less than one slice is left, so that watchers of a fleet,
which consume in step, take whole slices and stay together."""

PENDING_MAX: Final = SLICES_PENDING_MAX * SLICE_RECORDS
PENDING_BYTES_MAX: Final = SLICES_PENDING_MAX * SLICE_BYTES
"""A single event is taken however large it is."""

PASSES: Final = 3
"""Passes of the event loop between two events that are sent to watchers that catch up."""

SEEN_MAX: Final = 2_000
"""Event ids that a watcher remembers: the relay sends 1 000 events at once, and may send these again after a crash."""

FETCH_MS: Final = 200
IDLE_S: Final = 5.0
"""How long an idle reader waits for more work."""

RETRY_AFTER_S: Final = 1.0


class CatchingUp(Generic[T]):
    """The watchers of a worker that catch up on a topic, and their readers.

    Args:
        understand: Converts an event into what watchers get. Called once per event of a slice, however many take it.
    """

    def __init__(self, kafka: Kafka, topic: str, understand: Callable[[Event], T]) -> None:
        self._kafka = kafka
        self._topic = topic
        self._understand = understand
        self._places = InFlight(
            "watches that catch up",
            calls_max=CATCHING_UP_MAX,
            calls_per_caller_max=CATCHING_UP_PER_PARTY_MAX,
            retry_after_s=RETRY_AFTER_S,
        )
        self._parties: OrderedDict[str, deque[_Watcher[T]]] = OrderedDict()
        """Watchers by party. The party whose turn is next comes first, and so does the watcher within a party."""
        self._under_way: list[Positions] = []
        """Positions that the current turns read."""
        self._readers = 0
        self._tasks: set[asyncio.Task[None]] = set()
        """Tasks of the readers, including those that are closing their connections."""
        self._changed = asyncio.Event()
        self._sending = asyncio.Lock()

    async def since(
        self, positions: Positions, until: Positions, wanted: Callable[[T], bool], party: str
    ) -> AsyncGenerator[Happened[T], None]:
        """The events between two positions. Close it if it is not read to its end: it counts towards the limit.

        Raises:
            OutOfRange: Some of them are no longer retained.
            Overloaded: This party, or all together, have reached the limit of watchers that catch up.
            Unavailable: The brokers are away.
        """
        watcher = _Watcher(party, positions, until, wanted)
        if not watcher.behind:
            return
        with self._places.call(party):
            self._parties.setdefault(party, deque()).append(watcher)
            self._wake()
            try:
                was_hungry = watcher.is_hungry
                while (happened := await watcher.next()) is not None:
                    if watcher.is_hungry and not was_hungry:
                        self._wake()
                    was_hungry = watcher.is_hungry
                    await self._pace()
                    yield happened
            finally:
                self._leave(watcher)

    async def _pace(self) -> None:
        """Paces the events sent to all watchers of the worker: after each event, some passes of the event loop in which
        the worker's other work runs. So a fleet that catches up uses only spare capacity; otherwise each pass would
        take as long as sending an event to every watcher."""
        async with self._sending:
            for _ in range(PASSES):
                await asyncio.sleep(0)

    def _leave(self, watcher: _Watcher[T]) -> None:
        watchers = self._parties[watcher.party]
        watchers.remove(watcher)
        if not watchers:
            del self._parties[watcher.party]
        self._changed.set()

    def _wake(self) -> None:
        """Wakes idle readers because there may be work, or starts one more if all are fetching."""
        self._changed.set()
        if len(self._under_way) == self._readers < READERS_MAX and self._next() is not None:
            self._readers += 1
            task = asyncio.create_task(self._read())
            self._tasks.add(task)
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a reader of missed events failed", exc_info=error)
            self._fail_all()

    def _fail_all(self) -> None:
        error = Unavailable("EVENTS_UNAVAILABLE", "the event log does not answer; resume with your last token")
        for watcher in self._watchers():
            watcher.fail(error)

    def _watchers(self) -> Iterator[_Watcher[T]]:
        for watchers in tuple(self._parties.values()):
            yield from tuple(watchers)

    def _next(self) -> _Watcher[T] | None:
        """The watcher whose turn it is: none that a current turn probably serves, and none with enough in its
        buffer."""
        for watchers in self._parties.values():
            for watcher in watchers:
                if watcher.is_hungry and not self._is_served(watcher):
                    return watcher
        return None

    def _is_served(self, watcher: _Watcher[T]) -> bool:
        return any(
            start <= watcher.positions[partition] < start + SLICE_RECORDS
            for starts in self._under_way
            for partition, start in starts.items()
            if partition in watcher.behind
        )

    def _turn_taken(self, watcher: _Watcher[T]) -> None:
        watchers = self._parties[watcher.party]
        watchers.remove(watcher)
        watchers.append(watcher)
        self._parties.move_to_end(watcher.party)

    async def _read(self) -> None:
        """A reader: runs for as long as there are watchers to serve."""
        consumer = self._kafka.slices()
        try:
            await consumer.start()
            partitions = {tp.partition: tp for tp in await assign(consumer, self._kafka.topic(self._topic))}
            for (
                tp
            ) in partitions.values():  # without a position aiokafka would search for one; a turn sets it before a fetch
                consumer.pause(tp)
                consumer.seek(tp, 0)
            while self._parties:
                self._changed.clear()
                watcher = self._next()
                if watcher is not None:
                    await self._turn(consumer, partitions, watcher)
                elif not await self._more_to_do():
                    return
        except (KafkaError, OSError) as error:
            log.warning("missed events cannot be read", problem=repr(error))
            self._fail_all()
        finally:
            self._readers -= 1  # before closing: a watcher that arrives meanwhile gets another reader
            await stop(consumer)

    async def _more_to_do(self) -> bool:
        try:
            async with asyncio.timeout(IDLE_S):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    async def _turn(
        self, consumer: AIOKafkaConsumer, partitions: Mapping[int, TopicPartition], watcher: _Watcher[T]
    ) -> None:
        """Reads a slice at a watcher's position, for all watchers within it."""
        self._turn_taken(watcher)
        starts = {partition: watcher.positions[partition] for partition in watcher.behind}
        self._under_way.append(starts)
        self._wake()
        try:
            await self._admit(consumer, partitions)
            if watcher.error is not None:
                return
            for partition, tp in partitions.items():
                if partition not in starts:
                    consumer.pause(tp)
                    continue
                consumer.resume(tp)
                if await consumer.position(tp) != starts[partition]:
                    consumer.seek(tp, starts[partition])
            fetched = await fetch(consumer, timeout_ms=FETCH_MS, max_records=SLICE_RECORDS)
            ends = {partition: int(await consumer.position(partitions[partition])) for partition in starts}
        except OffsetOutOfRangeError:
            watcher.fail(_no_longer_kept())  # the log was truncated a moment ago
            return
        finally:
            self._under_way.remove(starts)
            self._changed.set()
        for partition, start in starts.items():
            records = self._understood(fetched.get(partitions[partition], []))
            await self._serve(_Slice(partition, start, ends[partition], records))

    async def _admit(self, consumer: AIOKafkaConsumer, partitions: Mapping[int, TopicPartition]) -> None:
        """Refuses, of the watchers that arrived since the last turn, those whose position is no longer retained."""
        new = [watcher for watcher in self._watchers() if not watcher.is_admitted]
        if not new:
            return
        beginnings = await consumer.beginning_offsets(list(partitions.values()))
        for watcher in new:
            watcher.is_admitted = True
            if any(watcher.positions[partition] < beginnings[tp] for partition, tp in partitions.items()):
                watcher.fail(_no_longer_kept())

    def _understood(self, records: list[Fetched]) -> list[_Missed[T]]:
        understood = []
        for record in records:
            try:
                event = event_of(record, self._topic)
                size = len(event.value or b"")
                understood.append(_Missed(record.offset, event.id, self._understand(event), size))
            except Exception as error:
                log.error("a record is skipped", partition=record.partition, offset=record.offset, exc_info=error)
        return understood

    async def _serve(self, part: _Slice[T]) -> None:
        for watcher in self._watchers():
            watcher.take(part)
            # Yield to the event loop between watchers: filtering a slice for a fleet takes a while.
            await asyncio.sleep(0)


@dataclass(frozen=True, slots=True)
class _Missed(Generic[T]):
    """An event in the log."""

    offset: int
    id: str
    what: T
    size: int


@dataclass(frozen=True, slots=True)
class _Slice(Generic[T]):
    """The records of a partition between two offsets."""

    partition: int
    start: int
    end: int
    records: list[_Missed[T]]


class _Watcher(Generic[T]):
    """A watcher that catches up: the position read for it, and its buffer."""

    def __init__(self, party: str, positions: Positions, until: Positions, wanted: Callable[[T], bool]) -> None:
        self.party = party
        self.positions = dict(positions)
        self.is_admitted = False
        self.error: LowskyError | None = None
        self.behind = {partition for partition, offset in until.items() if positions[partition] < offset}
        self._taken = dict(positions)
        self._until = until
        self._wanted = wanted
        self._seen = Seen(SEEN_MAX)
        self._pending: deque[tuple[int, _Missed[T]]] = deque()
        self._pending_bytes = 0
        self._arrived = asyncio.Event()

    @property
    def is_hungry(self) -> bool:
        """Whether it has room for a slice and something left to read."""
        return bool(self.behind) and self.error is None and not self._is_full(1 / SLICES_PENDING_MAX)

    def _is_full(self, of: float = 1.0) -> bool:
        return len(self._pending) >= of * PENDING_MAX or self._pending_bytes >= of * PENDING_BYTES_MAX

    def fail(self, error: LowskyError) -> None:
        """Ends the watch and drops its buffer: the watcher resumes with the token of the last event it took."""
        self.error = error
        self._pending.clear()
        self._arrived.set()

    def take(self, part: _Slice[T]) -> None:
        """Takes the events of a slice that it missed, as far as its buffer has room."""
        if part.partition not in self.behind or not self.is_admitted or self.error is not None:
            return
        if not part.start <= self.positions[part.partition] < part.end:
            return
        until = min(part.end, self._until[part.partition])
        for missed in part.records:
            if missed.offset >= until:
                break
            if missed.offset < self.positions[part.partition]:
                continue
            if self._is_full():
                until = missed.offset
                break
            if self._wants(missed):
                self._pending.append((part.partition, missed))
                self._pending_bytes += missed.size
        self.positions[part.partition] = until
        if until >= self._until[part.partition]:
            self.behind.discard(part.partition)
        self._arrived.set()

    def _wants(self, missed: _Missed[T]) -> bool:
        try:
            return self._wanted(missed.what) and self._seen.is_new(missed.id)
        except Exception as error:
            log.error("a watch skips an event", offset=missed.offset, exc_info=error)
            return False

    async def next(self) -> Happened[T] | None:
        """The next missed event; None when there are no more."""
        while not self._pending:
            if self.error is not None:
                raise self.error
            if not self.behind:
                return None
            self._arrived.clear()
            await self._arrived.wait()
        partition, missed = self._pending.popleft()
        self._pending_bytes -= missed.size
        self._taken[partition] = missed.offset + 1
        return Happened(missed.what, dict(self._taken), missed.size)


def _no_longer_kept() -> OutOfRange:
    return OutOfRange(
        "RESUME_TOKEN_EXPIRED", "the events after this resume token are no longer kept; watch without a token"
    )
