"""Records that no client of ours would write."""

from __future__ import annotations

from typing import Any

import aiokafka.producer.message_accumulator as accumulator
import aiokafka.producer.producer as producing
import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from lowsky.events.kafka import Kafka


class NotUtf8(str):
    """The key of a header, as bytes that are no UTF-8."""

    __slots__ = ()

    def encode(self, *_: Any, **__: Any) -> bytes:
        return b"\xff\xfe\xff"


async def send(
    kafka: Kafka,
    topic: str,
    value: bytes | None,
    *,
    key: bytes | None = None,
    headers: list[tuple[str, bytes]] | None = None,
    partition: int | None = None,
) -> None:
    """Writes one record, whatever it holds; header keys may be NotUtf8."""
    with pytest.MonkeyPatch.context() as patch:
        # The fast builder of records takes nothing but texts.
        patch.setattr(producing, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
        patch.setattr(accumulator, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
        producer: AIOKafkaProducer = kafka.producer()
        await producer.start()
        try:
            await producer.send_and_wait(kafka.topic(topic), value, key=key, headers=headers or [], partition=partition)
        finally:
            await producer.stop()
