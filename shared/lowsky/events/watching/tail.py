"""A tail: every worker reads a whole topic by itself, without a group, and tracks its position.

It is the basis of views of compacted topics (what is the airspace? who may fly?), read from the beginning, and of
watches, which send callers what happens from now on.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError, OffsetOutOfRangeError

from lowsky.events.decoding import event_of, fetch
from lowsky.events.event import Event
from lowsky.events.kafka import Kafka, stop
from lowsky.health import Health
from lowsky.process.background import side_by_side

log = structlog.get_logger()

Positions = dict[int, int]
"""Per partition, the offset of the next record."""

Listener = Callable[[Event, Positions], None]
"""Receives an event, and the positions just after it. An error it raises skips that event alone: a view that must not
continue without the event reports that itself, in `unsettled`."""

RETRY_S = 0.5
CHECK_S = 1.0
ENDS_S_MAX = 5.0
BEHIND_S_MAX = 5.0
"""A tail that is behind the topic's end for longer is reported to health."""

APPLY_SLICE = 200
"""Records applied before yielding to the event loop: loading a view of 100 000 zones must not starve calls."""


class Tail:
    """Reads a topic from its beginning or its end and passes the events to one listener, in order per partition.

    Args:
        unsettled: Returns which of the events read have not taken effect yet, or cannot; None if all have. Only then
            has the tail caught up; otherwise health reports it.
    """

    def __init__(
        self,
        kafka: Kafka,
        topic: str,
        listener: Listener,
        health: Health,
        *,
        part: str,
        from_beginning: bool,
        unsettled: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._kafka = kafka
        self._topic = kafka.topic(topic)
        self._listener = listener
        self._health = health
        self._part = part
        self._from_beginning = from_beginning
        self._unsettled = unsettled
        self.positions: Positions = {}
        """Current position. Empty until it has started."""
        self.ends: Positions = {}
        """The topic's ends when they were last read."""
        self.ends_read_s = -math.inf
        """When that read was started, by the loop's clock."""
        self._ends_read = asyncio.Event()

    async def run(self) -> None:
        """Runs until cancelled; after an outage of the brokers it continues at its position."""
        while True:
            consumer = self._kafka.tail()
            try:
                await consumer.start()
                partitions = await self._assign(consumer)
                await side_by_side(self._check(consumer, partitions), self._read(consumer))
            except (KafkaError, OSError, TimeoutError) as error:
                await self._health.report(self._part, f"the event log does not answer ({error!r})"[:200])
            finally:
                await stop(consumer)
            await asyncio.sleep(RETRY_S)

    async def ends_now(self) -> Positions:
        """The topic's ends, which the brokers are asked for after this call. Waits until they answer."""
        asked_s = asyncio.get_running_loop().time()
        while self.ends_read_s <= asked_s:
            await self._ends_read.wait()
        return self.ends

    async def _assign(self, consumer: AIOKafkaConsumer) -> list[TopicPartition]:
        partitions = await assign(consumer, self._topic)
        if self.positions.keys() != {tp.partition for tp in partitions}:
            offsets = await (consumer.beginning_offsets if self._from_beginning else consumer.end_offsets)(partitions)
            self.positions = {tp.partition: self.positions.get(tp.partition, offsets[tp]) for tp in partitions}
        for tp in partitions:
            consumer.seek(tp, self.positions[tp.partition])
        return partitions

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        while True:
            try:
                batches = await fetch(consumer, timeout_ms=1_000, max_records=APPLY_SLICE)
            except OffsetOutOfRangeError as error:
                # Compaction and retention move the beginning. What is retained is all that a view needs.
                for tp in error.args[0]:
                    beginning = (await consumer.beginning_offsets([tp]))[tp]
                    log.warning("records were removed before they were read", partition=str(tp), beginning=beginning)
                    consumer.seek(tp, beginning)
                continue
            for tp, records in batches.items():
                for record in records:
                    self.positions[tp.partition] = record.offset + 1
                    try:
                        self._listener(event_of(record, self._kafka.name(tp.topic)), self.positions)
                    except Exception as error:
                        # One record must not block those after it.
                        log.error("a record is skipped", partition=str(tp), offset=record.offset, exc_info=error)
            await asyncio.sleep(0)

    async def _check(self, consumer: AIOKafkaConsumer, partitions: list[TopicPartition]) -> None:
        """Compares the position with the topic's end of a moment ago: once caught up, it may lag only for a moment."""
        loop = asyncio.get_running_loop()
        caught_up_at: float | None = None
        while True:
            started_s = loop.time()
            async with asyncio.timeout(ENDS_S_MAX):
                ends = await consumer.end_offsets(partitions)
            self.ends, self.ends_read_s = {tp.partition: end for tp, end in ends.items()}, started_s
            self._ends_read.set()
            self._ends_read = asyncio.Event()
            await asyncio.sleep(CHECK_S if caught_up_at is not None else 0.05)
            behind = sum([max(0, ends[tp] - await consumer.position(tp)) for tp in partitions])
            unsettled = self._unsettled()
            if behind == 0 and unsettled is None:
                caught_up_at = loop.time()
            late = caught_up_at is None or loop.time() - caught_up_at > BEHIND_S_MAX
            problem = f"{behind} records behind" if behind else unsettled
            await self._health.report(self._part, problem if late else None)


async def assign(consumer: AIOKafkaConsumer, topic: str) -> list[TopicPartition]:
    """Gives a started consumer all partitions of a topic.

    Raises:
        KafkaError: The topic does not exist: topics are declared, never auto-created.
    """
    # A consumer without subscriptions gets a topic's metadata only on request, which only its client offers.
    metadata = await consumer._client.fetch_all_metadata()
    numbers = metadata.partitions_for_topic(topic)
    if not numbers:
        raise KafkaError(f"topic {topic} does not exist")
    partitions = [TopicPartition(topic, number) for number in sorted(numbers)]
    consumer.assign(partitions)
    return partitions
