"""Reads Kafka for the command line: without a group, so that other consumers are not affected, and skipping undecodable
records."""

from __future__ import annotations

import base64
import logging
import os
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from lowsky.cli.deferred import deferred
from lowsky.cli.exits import Exit
from lowsky.cli.extras import on_local_stack
from lowsky.cli.problems import Problem
from lowsky.cli.session import local_stack
from lowsky.events import topics

if TYPE_CHECKING:
    from google.protobuf import json_format

    from lowsky.api.events.v1 import events_pb2 as pb
else:
    pb = deferred("lowsky.api.events.v1.events_pb2")
    json_format = deferred("google.protobuf.json_format")


T = TypeVar("T")

RECORD_BYTES_MAX = 4 * 1024 * 1024
"""The limit of the topics: a geozone of 20 000 vertices with its published text."""

REQUEST_TIMEOUT_MS = 10_000

_VALUES = {
    "lowsky.operator.": "OperatorEvent",
    "lowsky.aircraft.": "AircraftEvent",
    "lowsky.authority.": "AuthorityEvent",
    "lowsky.geozone.": "GeozoneEvent",
    "lowsky.dataset.": "DatasetEvent",
    "lowsky.flightplan.": "FlightPlanEvent",
    "lowsky.approval.": "ApprovalEvent",
}
"""The message of events_pb2 for each start of an event's type."""

Bootstrap = Annotated[
    str | None,
    typer.Option("--kafka", envvar="LOWSKY_KAFKA_BOOTSTRAP", metavar="HOST:PORT", help="Default: the local stack's."),
]
Prefix = Annotated[
    str | None, typer.Option("--topic-prefix", envvar="LOWSKY_TOPIC_PREFIX", help="Default: the local stack's.")
]


@dataclass(frozen=True, slots=True)
class EventLog:
    """Addresses of the brokers, and the prefix of topics there."""

    bootstrap: str
    prefix: str

    @classmethod
    def of(cls, bootstrap: str | None, prefix: str | None) -> EventLog:
        """The given values, else those of the local stack."""
        stack = local_stack.find()
        where = bootstrap or (stack.kafka_bootstrap if stack else "")
        if not where:
            raise Problem(
                "NO_KAFKA",
                "the address of Kafka is not known",
                Exit.UNAVAILABLE,
                on_local_stack("run `lowsky up`, or ") + "set LOWSKY_KAFKA_BOOTSTRAP",
            )
        before = prefix if prefix is not None else (stack.topic_prefix if stack and not bootstrap else "")
        return cls(where, before)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Runs work with the brokers; errors of Kafka become a Problem."""
        if not os.environ.get("LOWSKY_DEBUG"):
            logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        import asyncio  # here, so that other commands do not wait for their import

        from aiokafka.errors import KafkaError

        try:
            return asyncio.run(work)
        except (KafkaError, OSError) as error:
            text = f"Kafka does not answer at {self.bootstrap}: {error or type(error).__name__}"
            raise Problem(
                "KAFKA_UNAVAILABLE",
                text,
                Exit.UNAVAILABLE,
                on_local_stack("is the stack up? See `lowsky status`", "check LOWSKY_KAFKA_BOOTSTRAP"),
            ) from error

    @asynccontextmanager
    async def reader(self) -> AsyncIterator[Any]:
        """A consumer without partitions yet."""
        from aiokafka import AIOKafkaConsumer

        consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # skip what retention has removed meanwhile
            isolation_level="read_committed",
            max_partition_fetch_bytes=RECORD_BYTES_MAX,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )
        try:
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()

    async def records(self, topics: Sequence[str], *, from_beginning: bool, follow: bool) -> AsyncGenerator[Any, None]:
        """Records and Unreadable ones of topics, which have their names on the brokers; without follow up to the
        current end."""
        from aiokafka import TopicPartition

        from lowsky.events.fetching import fetch

        async with self.reader() as consumer:
            metadata = await all_topics(consumer)
            partitions = [TopicPartition(topic, number) for topic in topics for number in _partitions(metadata, topic)]
            consumer.assign(partitions)
            ends = await consumer.end_offsets(partitions)
            starts = await consumer.beginning_offsets(partitions) if from_beginning else ends
            for partition in partitions:
                consumer.seek(partition, starts[partition])
            while follow or [p for p in partitions if await consumer.position(p) < ends[p]]:
                for records in (await fetch(consumer, timeout_ms=500)).values():
                    for record in records:
                        yield record


async def all_topics(consumer: Any) -> Any:
    """The brokers' metadata. A consumer without subscriptions gets it only on request, which only its client offers."""
    return await consumer._client.fetch_all_metadata()


def _partitions(metadata: Any, topic: str) -> list[int]:
    numbers: set[int] | None = metadata.partitions_for_topic(topic)
    if not numbers:
        raise Problem("NOT_FOUND", f"there is no topic {topic}", Exit.NOT_FOUND, f"one of {', '.join(topics.ALL)}")
    return sorted(numbers)


def topic_of(name: str) -> str:
    """The full name of a topic: flight-plans stands for lowsky.flight-plans.v1."""
    return f"lowsky.{name}.v1" if f"lowsky.{name}.v1" in topics.ALL else name


def texts_of(record: Any) -> dict[str, str]:
    """A record's headers as strings; empty for a record that cannot be decoded."""
    return {name: (value or b"").decode("utf-8", "replace") for name, value in getattr(record, "headers", ())}


def document_of(record: Any, prefix: str) -> dict[str, Any]:
    """A record as one flat document: CloudEvents attributes, its position, and the value as protobuf JSON."""
    headers = texts_of(record)
    kind = headers.get("ce_type", "")
    document: dict[str, Any] = {
        "type": kind,
        "time": headers.get("ce_time", ""),
        "subject": headers.get("ce_subject", ""),
        "id": headers.get("ce_id", ""),
        "source": headers.get("ce_source", ""),
        "correlationId": headers.get("ce_correlationid", ""),
        "causationId": headers.get("ce_causationid", ""),
        "traceparent": headers.get("traceparent", ""),
        "topic": record.topic.removeprefix(prefix),
        "partition": record.partition,
        "offset": record.offset,
        "key": (getattr(record, "key", None) or b"").decode("utf-8", "replace"),
        "data": None,
    }
    if problem := getattr(record, "problem", ""):
        document["problem"] = f"it cannot be decoded: {problem}"
    elif record.value is not None:
        from google.protobuf.message import DecodeError

        message = next((getattr(pb, made)() for start, made in _VALUES.items() if kind.startswith(start)), None)
        try:
            if message is None:
                raise DecodeError(f"no event type {kind!r} is known here")
            message.ParseFromString(record.value)
            document["data"] = json_format.MessageToDict(message)
        except DecodeError as error:
            document["problem"] = str(error)
            document["value"] = base64.b64encode(record.value).decode()
    return document
