"""Fetching records, one of which may be unreadable for the client library itself.

aiokafka decodes the keys of headers as UTF-8 while it unpacks a batch, and raises out of the fetch when one is not: of
all partitions nothing is returned, and the same fetch fails again for ever. Whoever may write to a topic could stop all
that read it. Here such a record is found, returned as unreadable, and passed. Light: the command reads so, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

STEP_MS = 200
"""How long one record is waited for while the unreadable one is looked for."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that cannot even be unpacked."""

    topic: str
    partition: int
    offset: int
    problem: str


Fetched: TypeAlias = ConsumerRecord | Unreadable


async def fetch(
    consumer: AIOKafkaConsumer, *, timeout_ms: int, max_records: int | None = None
) -> dict[TopicPartition, list[Fetched]]:
    """What comes next, of all assigned partitions; positions are after it.

    Raises:
        KafkaError: The brokers are away, or a position is no longer kept.
    """
    try:
        batches: dict[TopicPartition, list[Fetched]] = await consumer.getmany(
            timeout_ms=timeout_ms, max_records=max_records
        )
        return batches
    except KafkaError:
        raise
    except ValueError:  # UnicodeDecodeError is one
        return await _around_the_unreadable(consumer)


async def _around_the_unreadable(consumer: AIOKafkaConsumer) -> dict[TopicPartition, list[Fetched]]:
    """The readable records in front of the unreadable one, and that one, of each partition that has one next."""
    found: dict[TopicPartition, list[Fetched]] = {}
    for partition in sorted(consumer.assignment()):
        records: list[Fetched] = []
        try:
            # One record at a time: the position is then always after the last that was readable.
            while step := await consumer.getmany(partition, timeout_ms=STEP_MS, max_records=1):
                records += step[partition]
                if len(records) >= 1_000:
                    break
        except KafkaError:
            raise
        except ValueError as error:
            offset = await consumer.position(partition)
            records.append(Unreadable(partition.topic, partition.partition, offset, str(error)))
            consumer.seek(partition, offset + 1)
        if records:
            found[partition] = records
    return found
