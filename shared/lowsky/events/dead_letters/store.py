"""Dead letters: records that could not be applied, kept with the reason until an operator has inspected them.

A dead letter is the record as received, with headers for reason and origin (see letters). What does not fit is left
out, and a header states that: the record itself is still on its topic.
"""

from __future__ import annotations

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from lowsky.events.dead_letters.record_format import LEFT_OUT, ORIGIN, REASON, dead_letters_of
from lowsky.events.decoding import Fetched, Unreadable
from lowsky.events.kafka import RECORD_BYTES_MAX

log = structlog.get_logger()

REASON_CHARS_MAX = 1_000
HEADERS_BYTES_MAX = 64 * 1024
_FRAME_BYTES = 4 * 1024
"""Overhead of a record besides key, value and headers, with a margin."""


async def bury(producer: AIOKafkaProducer, record: Fetched, group: str, error: Exception) -> None:
    """Puts a record among the dead letters.

    Raises:
        KafkaError: The brokers are away.
    """
    topic = dead_letters_of(record.topic, group)
    log.error("dead letter", topic=topic, partition=record.partition, offset=record.offset, exc_info=error)
    about = [
        (REASON, f"{type(error).__name__}: {error}"[:REASON_CHARS_MAX].encode()),
        (ORIGIN, f"{record.topic}/{record.partition}/{record.offset}".encode()),
    ]
    if isinstance(record, Unreadable):
        await producer.send_and_wait(topic, b"", headers=[*about, (LEFT_OUT, b"value, headers")])
        return
    left_out: list[str] = []
    headers, value = list(record.headers), record.value
    if sum(len(name.encode()) + len(raw or b"") for name, raw in headers) > HEADERS_BYTES_MAX:
        headers = []
        left_out.append("headers")
    key_bytes = len(record.key or b"")
    if len(value or b"") + key_bytes > RECORD_BYTES_MAX - HEADERS_BYTES_MAX - _FRAME_BYTES - REASON_CHARS_MAX * 4:
        value = None
        left_out.insert(0, "value")
    key = record.key if key_bytes <= HEADERS_BYTES_MAX else None
    if left_out:
        about.append((LEFT_OUT, ", ".join(left_out).encode()))
    try:
        # A record has a key or a value at least.
        await producer.send_and_wait(topic, b"" if value is key is None else value, key=key, headers=[*headers, *about])
    except MessageSizeTooLargeError:
        # The topic accepts less than declared: keep at least the headers, which state what happened.
        await producer.send_and_wait(topic, b"", headers=[*about, (LEFT_OUT, b"value, headers")])
