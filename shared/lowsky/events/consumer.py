"""A consumer of a group: each event takes effect exactly once, in order per key, or becomes a dead letter.

The records of one fetch, from all partitions, are applied in one transaction: inbox rows, effects, then the commit.
Offsets are committed after that, at most every COMMIT_S: a member that takes over reads about a second of records
again, and the inbox skips them. A batch that fails is retried one record at a time; a record that keeps failing is sent
to ``<topic>.<group>.dlq`` with the reason. Replayed dead letters arrive on ``<topic>.<group>.retry`` and are treated as
events of the original topic. While the database or the brokers are unavailable nothing is given up: the same batch is
retried until it succeeds.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from opentelemetry.trace import SpanKind

from lowsky.db.database import Connection, Database
from lowsky.errors import Unavailable
from lowsky.events import inbox
from lowsky.events.dead_letters.record_format import retry_of, source_of
from lowsky.events.dead_letters.store import bury
from lowsky.events.decoding import Fetched, event_of, fetch
from lowsky.events.event import Event
from lowsky.events.kafka import Kafka, stop
from lowsky.health import Health
from lowsky.process import tracing

log = structlog.get_logger()

Handler = Callable[[Connection, Event], Awaitable[None]]
"""Applies one event within the transaction."""


@dataclass(frozen=True, slots=True, eq=False)
class Batched:
    """Applies consecutive events of its types together, with a few statements for all of them.

    It wraps whatever it emits because of an event in ``consumed``, so that every emitted event names its cause.
    """

    apply: Callable[[Connection, Sequence[Event]], Awaitable[None]]


BATCH = 256
COMMIT_S = 1.0
TRIES = 3
"""Attempts for a single record before it becomes a dead letter: enough to get past a deadlock or a race."""

RETRY_S = 0.5
RETRY_MAX_S = 5.0


class GroupConsumer:
    """A member of a group on some topics, with a handler per event type; other types are ignored."""

    def __init__(
        self,
        *,
        kafka: Kafka,
        database: Database,
        group: str,
        instance: str | None,
        topics: Sequence[str],
        handlers: Mapping[str, Handler | Batched],
        after_commit: Callable[[], None],
        health: Health,
    ) -> None:
        self._kafka = kafka
        self._database = database
        self._group = group
        self._instance = instance
        # Each topic, and the topic of dead letters that are replayed to this group.
        self._topics = [kafka.topic(name) for topic in topics for name in (topic, retry_of(topic, group))]
        self._handlers = handlers
        self._after_commit = after_commit
        self._health = health
        self.part = f"consumer-{group}"
        """Name of the part in health: unavailable while this member makes no progress, with the reason."""
        self._busy = asyncio.Lock()

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            consumer = self._kafka.member(self._group, self._instance)
            dead_letters = self._kafka.producer()
            offsets = _Offsets(consumer)
            try:
                consumer.subscribe(self._topics, listener=_FinishFirst(self._busy, offsets))
                await consumer.start()
                await dead_letters.start()
                await self._health.report(self.part, None)
                await self._consume(consumer, offsets, dead_letters)
            except (KafkaError, OSError) as error:
                log.warning("consumer lost its connection to the event log", group=self._group, problem=repr(error))
                await self._health.report(self.part, f"the event log does not answer ({type(error).__name__})")
                await asyncio.sleep(RETRY_S)
            finally:
                await stop(consumer)
                await stop(dead_letters)

    async def _consume(self, consumer: AIOKafkaConsumer, offsets: _Offsets, dead_letters: AIOKafkaProducer) -> None:
        loop = asyncio.get_running_loop()
        commit_at = loop.time() + COMMIT_S
        while True:
            batches = await fetch(consumer, timeout_ms=round(1_000 * COMMIT_S), max_records=BATCH)
            async with self._busy:
                if batches:
                    await self._apply_until_committed(
                        list(itertools.chain.from_iterable(batches.values())), dead_letters
                    )
                    offsets.add({partition: records[-1].offset + 1 for partition, records in batches.items()})
                if loop.time() >= commit_at:
                    await offsets.commit()
                    commit_at = loop.time() + COMMIT_S

    async def _apply_until_committed(self, records: Sequence[Fetched], dead_letters: AIOKafkaProducer) -> None:
        pause_s = RETRY_S
        while True:
            try:
                try:
                    await self._apply(records)
                except Unavailable:
                    raise
                except Exception as error:
                    log.warning("a batch failed, applying each record on its own", group=self._group, exc_info=error)
                    for record in records:
                        await self._apply_or_bury(record, dead_letters)
            except Exception as error:
                # Also an internal error with a record that cannot even become a dead letter: wait until it is fixed.
                is_away = isinstance(error, (Unavailable, KafkaError))
                what = (
                    "waiting for an unavailable part"
                    if is_away
                    else "a record can be neither applied nor dead-lettered"
                )
                log.warning(what, group=self._group, problem=str(error), exc_info=None if is_away else error)
                await self._health.report(self.part, f"waits: {error!r}")
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, RETRY_MAX_S)
            else:
                await self._health.report(self.part, None)
                return

    async def _apply(self, records: Sequence[Fetched]) -> None:
        events = [event_of(record, source_of(self._kafka.name(record.topic), self._group)) for record in records]
        async with self._database.transaction() as connection:
            new = await inbox.note_new(connection, self._group, [event.id for event in events])
            wanted = {event.id: event for event in events if event.id in new and event.type in self._handlers}
            for handler, run in itertools.groupby(wanted.values(), lambda event: self._handlers[event.type]):
                if isinstance(handler, Batched):
                    await handler.apply(connection, list(run))
                    continue
                for event in run:
                    with consumed(self._group, event):
                        await handler(connection, event)
        self._after_commit()

    async def _apply_or_bury(self, record: Fetched, dead_letters: AIOKafkaProducer) -> None:
        for attempt in range(1, TRIES + 1):
            try:
                await self._apply([record])
            except Unavailable:
                raise
            except Exception as error:
                if attempt == TRIES:
                    await bury(dead_letters, record, self._group, error)
            else:
                return


@contextmanager
def consumed(group: str, event: Event) -> Iterator[None]:
    """Handles an event: what is emitted in the body continues its trace and names it as the cause."""
    cause = tracing.Cause(event.correlation_id, event.id)
    with tracing.span(f"{group} {event.type}", SpanKind.CONSUMER, event.traceparent, cause):
        yield


class _Offsets:
    """Offsets of applied records that have not been committed to the brokers yet."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self._consumer = consumer
        self._offsets: dict[TopicPartition, int] = {}

    def add(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Adds the offsets after records that took effect."""
        self._offsets |= offsets

    async def commit(self) -> None:
        """Commits the offsets to the brokers."""
        if not self._offsets:
            return
        offsets, self._offsets = self._offsets, {}
        try:
            await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            # Partitions were reassigned meanwhile: the new member gets these records again, and the inbox skips them.
            log.info(
                "offsets not committed",
                offsets={str(tp): offset for tp, offset in offsets.items()},
                problem=repr(error),
            )


class _FinishFirst(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Finishes the current batch before its partitions are assigned to another member."""

    def __init__(self, busy: asyncio.Lock, offsets: _Offsets) -> None:
        self._busy = busy
        self._offsets = offsets

    async def on_partitions_revoked(self, revoked: Any) -> None:
        async with self._busy:
            await self._offsets.commit()

    async def on_partitions_assigned(self, assigned: Any) -> None:
        log.info("partitions assigned", partitions=[f"{tp.topic}/{tp.partition}" for tp in assigned])
