"""Fetches records, of which one may be unreadable even for the client library.

aiokafka decodes the keys of headers as UTF-8 while it unpacks a batch, and the whole fetch raises if one is not: no
partition returns anything, and the same fetch fails again for ever. Anyone who may write to a topic could block all its
consumers. Here such a record is located, returned as unreadable, and skipped. Few imports: the command line uses it
too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError

STEP_MS = 200
"""How long to wait for one record while locating the unreadable one."""


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that cannot even be decoded."""

    topic: str
    partition: int
    offset: int
    problem: str


Fetched: TypeAlias = ConsumerRecord | Unreadable


async def fetch(
    consumer: AIOKafkaConsumer, *, timeout_ms: int, max_records: int | None = None
) -> dict[TopicPartition, list[Fetched]]:
    """The next records of all assigned partitions; advances the positions.

    Raises:
        KafkaError: The brokers are unavailable, or a position is no longer retained.
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
    """The readable records before the next unreadable one, and that one, for each partition."""
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
