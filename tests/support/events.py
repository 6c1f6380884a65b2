"""What stands on a topic, read from its beginning to its present end."""

from __future__ import annotations

from typing import Any

from aiokafka import TopicPartition

from lowsky.api.events.v1 import events_pb2
from lowsky.events.event import Event, from_record
from lowsky.events.kafka import Kafka
from lowsky.events.watching.tail import assign

_KINDS: dict[str, type[Any]] = {
    "operator": events_pb2.OperatorEvent,
    "aircraft": events_pb2.AircraftEvent,
    "authority": events_pb2.AuthorityEvent,
    "geozone": events_pb2.GeozoneEvent,
    "dataset": events_pb2.DatasetEvent,
    "flightplan": events_pb2.FlightPlanEvent,
    "approval": events_pb2.ApprovalEvent,
}


async def events_of(kafka: Kafka, topic: str) -> list[tuple[Event, Any]]:
    """Every event of a topic with its value parsed (None for a tombstone), in order per partition."""
    found = []
    for record in await records_of(kafka, topic):
        event = from_record(topic, record.key, record.value, record.headers)
        kind = _KINDS[event.type.split(".")[1]]
        found.append((event, None if event.value is None else kind.FromString(event.value)))
    return found


async def records_of(kafka: Kafka, topic: str) -> list[Any]:
    """Every record of a topic as the broker keeps it."""
    consumer = kafka.tail()
    await consumer.start()
    try:
        partitions = await assign(consumer, kafka.topic(topic))
        await consumer.seek_to_beginning(*partitions)
        ends = await consumer.end_offsets(partitions)
        records: dict[TopicPartition, list[Any]] = {partition: [] for partition in partitions}
        while any([await consumer.position(partition) < ends[partition] for partition in partitions]):
            for partition, batch in (await consumer.getmany(timeout_ms=200)).items():
                records[partition] += batch
        return [record for partition in partitions for record in records[partition]]
    finally:
        await consumer.stop()
