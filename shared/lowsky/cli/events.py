"""`lowsky events`: what happens, read from Kafka without a group, so that nobody else's reading is disturbed."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from fnmatch import fnmatchcase
from functools import partial
from typing import Annotated, Any

import typer
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message
from rich.text import Text

from lowsky.api.events.v1 import events_pb2 as pb
from lowsky.cli import local_stack
from lowsky.cli.exits import Exit
from lowsky.cli.output import Output, clean
from lowsky.cli.problems import Problem
from lowsky.cli.session import session_of

app = typer.Typer(help="Events: everything that happens.", no_args_is_help=True)

TOPICS = (
    "lowsky.operators.v1",
    "lowsky.authorities.v1",
    "lowsky.geozones.v1",
    "lowsky.flight-plans.v1",
    "lowsky.approvals.v1",
)
RECORD_BYTES_MAX = 4 * 1024 * 1024
"""As the topics allow: a geozone of 20 000 vertices with its published text."""

REQUEST_TIMEOUT_MS = 10_000

_VALUES: dict[str, type[Message]] = {
    "lowsky.operator.": pb.OperatorEvent,
    "lowsky.aircraft.": pb.AircraftEvent,
    "lowsky.authority.": pb.AuthorityEvent,
    "lowsky.geozone.": pb.GeozoneEvent,
    "lowsky.dataset.": pb.DatasetEvent,
    "lowsky.flightplan.": pb.FlightPlanEvent,
    "lowsky.approval.": pb.ApprovalEvent,
}


@app.command()
def tail(
    context: typer.Context,
    topic: Annotated[
        list[str] | None, typer.Option("--topic", help="As in flight-plans or lowsky.flight-plans.v1. Default: all.")
    ] = None,
    kind: Annotated[
        list[str] | None, typer.Option("--type", help="Only these types, as in 'lowsky.flightplan.*'; repeatable.")
    ] = None,
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="All that is kept, not only what comes.")
    ] = False,
    follow: Annotated[
        bool, typer.Option("--follow/--no-follow", help="Go on, or end where the topics end now.")
    ] = True,
    count: Annotated[int | None, typer.Option("--count", min=1, help="End after so many.")] = None,
    bootstrap: Annotated[
        str | None,
        typer.Option(
            "--kafka", envvar="LOWSKY_KAFKA_BOOTSTRAP", metavar="HOST:PORT", help="Default: the local stack's."
        ),
    ] = None,
    prefix: Annotated[
        str | None, typer.Option("--topic-prefix", envvar="LOWSKY_TOPIC_PREFIX", help="Default: the local stack's.")
    ] = None,
) -> None:
    """Print events as they happen, decoded; one line of JSON each with --output json."""
    session = session_of(context)
    stack = local_stack.find()
    where = bootstrap or (stack.kafka_bootstrap if stack else "")
    if not where:
        raise Problem(
            "NO_KAFKA",
            "it is not known where Kafka is",
            Exit.UNAVAILABLE,
            "run `lowsky up`, or set LOWSKY_KAFKA_BOOTSTRAP",
        )
    before = prefix if prefix is not None else (stack.topic_prefix if stack and not bootstrap else "")
    if not os.environ.get("LOWSKY_DEBUG"):
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    topics = [before + _topic(name) for name in topic or TOPICS]
    printing = _print(session.output, where, topics, before, kind or (), from_beginning, follow, count)
    from aiokafka.errors import KafkaError  # here, for no other command needs to wait for its import

    try:
        asyncio.run(printing)
    except (KafkaError, OSError) as error:
        text = f"Kafka does not answer at {where}: {error or type(error).__name__}"
        raise Problem("KAFKA_UNAVAILABLE", text, Exit.UNAVAILABLE, "is the stack up? `lowsky status` tells") from error


async def _print(
    output: Output,
    bootstrap: str,
    topics: Sequence[str],
    prefix: str,
    kinds: Sequence[str],
    from_beginning: bool,
    follow: bool,
    count: int | None,
) -> None:
    seen = 0
    async with aclosing(_records(bootstrap, topics, from_beginning, follow)) as records:
        async for record in records:
            headers = {name: value.decode("utf-8", "replace") for name, value in record.headers}
            if kinds and not any(fnmatchcase(headers.get("ce_type", ""), kind) for kind in kinds):
                continue
            document = _document(record, headers, prefix)
            output.line(document, partial(_line, document))
            seen += 1
            if seen == count:
                return


async def _records(
    bootstrap: str, topics: Sequence[str], from_beginning: bool, follow: bool
) -> AsyncGenerator[Any, None]:
    from aiokafka import AIOKafkaConsumer, TopicPartition  # see above

    consumer: Any = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="earliest",  # what retention has removed meanwhile is gone; the rest is told
        isolation_level="read_committed",
        max_partition_fetch_bytes=RECORD_BYTES_MAX,
        request_timeout_ms=REQUEST_TIMEOUT_MS,
    )
    try:
        await consumer.start()
        # A consumer that subscribes to nothing learns of topics only when asked, and only its client can ask.
        metadata = await consumer._client.fetch_all_metadata()
        partitions = [TopicPartition(topic, number) for topic in topics for number in _partitions(metadata, topic)]
        consumer.assign(partitions)
        ends = await consumer.end_offsets(partitions)
        starts = await consumer.beginning_offsets(partitions) if from_beginning else ends
        for partition in partitions:
            consumer.seek(partition, starts[partition])
        while follow or [p for p in partitions if await consumer.position(p) < ends[p]]:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    yield record
    finally:
        await consumer.stop()


def _partitions(metadata: Any, topic: str) -> list[int]:
    numbers: set[int] | None = metadata.partitions_for_topic(topic)
    if not numbers:
        raise Problem("NOT_FOUND", f"there is no topic {topic}", Exit.NOT_FOUND, f"one of {', '.join(TOPICS)}")
    return sorted(numbers)


def _topic(name: str) -> str:
    return f"lowsky.{name}.v1" if f"lowsky.{name}.v1" in TOPICS else name


def _document(record: Any, headers: dict[str, str], prefix: str) -> dict[str, Any]:
    """A record as one flat document: CloudEvents attributes, where it lies, and the value as protobuf JSON."""
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
        "key": (record.key or b"").decode("utf-8", "replace"),
        "data": None,
    }
    if record.value is not None:
        message = next((made() for start, made in _VALUES.items() if kind.startswith(start)), None)
        try:
            if message is None:
                raise DecodeError(f"no event type {kind!r} is known here")
            message.ParseFromString(record.value)
            document["data"] = json_format.MessageToDict(message)
        except DecodeError as error:
            document["problem"] = str(error)
            document["value"] = base64.b64encode(record.value).decode()
    return document


def _line(document: dict[str, Any]) -> Text:
    data = document["data"] or {}
    resource: dict[str, Any] = next((value for value in data.values() if isinstance(value, dict)), {})
    state = resource.get("state", "") or document.get("problem", "")
    return Text(
        clean(f"{document['time']} {document['type']} {document['subject'] or document['key']} {state}".rstrip())
    )
