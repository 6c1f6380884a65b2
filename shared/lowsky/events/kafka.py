"""Kafka clients, set up the one way that we use them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

log = structlog.get_logger()

STOP_S_MAX = 3.0

REQUEST_TIMEOUT_MS = 10_000
RECORD_BYTES_MAX = 4 * 1024 * 1024
"""A geozone of 20 000 vertices with its published text; topics allow as much."""

SLICE_BYTES = 128 * 1024
"""Of one fetch of what watchers missed."""

SLICE_WAIT_MS = 20
"""How long the brokers hold a fetch at the end of the log: the next one, elsewhere, waits for it."""

SESSION_TIMEOUT_MS = 30_000
"""A worker that hangs for so long loses its partitions. A static member that restarts sooner gets its own back."""


@dataclass(frozen=True, slots=True)
class Kafka:
    """Where the brokers are, and what is put before our topics and groups there."""

    bootstrap: str
    prefix: str = ""

    def topic(self, name: str) -> str:
        """The name on the brokers."""
        return self.prefix + name

    def name(self, topic: str) -> str:
        """The name without the installation's prefix."""
        return topic.removeprefix(self.prefix)

    def producer(self) -> AIOKafkaProducer:
        """Idempotent: a retry neither doubles nor reorders. What is sent comes in batches: it does not linger."""
        return AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            enable_idempotence=True,
            linger_ms=0,
            max_request_size=RECORD_BYTES_MAX,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )

    def tail(self) -> AIOKafkaConsumer:
        """Reads partitions that it is given, without a group."""
        return self._reader(max_partition_fetch_bytes=RECORD_BYTES_MAX)

    def slices(self) -> AIOKafkaConsumer:
        """Reads small pieces here and there; a record that is larger than a piece is read all the same (KIP-74)."""
        return self._reader(
            max_partition_fetch_bytes=SLICE_BYTES, fetch_max_bytes=SLICE_BYTES, fetch_max_wait_ms=SLICE_WAIT_MS
        )

    def _reader(self, **how: int) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="none",  # a position that is gone is an error, not a jump
            isolation_level="read_committed",
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            **how,
        )

    def member(self, group: str, instance: str | None) -> AIOKafkaConsumer:
        """A member of a group; static where it has an instance, so that a restart causes no rebalance."""
        return AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            group_id=self.prefix + group,
            group_instance_id=f"{self.prefix}{group}-{instance}" if instance else None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            session_timeout_ms=SESSION_TIMEOUT_MS,
            heartbeat_interval_ms=3_000,
            max_poll_interval_ms=600_000,
            max_partition_fetch_bytes=RECORD_BYTES_MAX,
            request_timeout_ms=max(REQUEST_TIMEOUT_MS, SESSION_TIMEOUT_MS + 5_000),
        )


async def stop(client: AIOKafkaConsumer | AIOKafkaProducer) -> None:
    """Stops a client, whatever state it is in, and raises nothing but our own cancellation.

    In a task of its own: with the brokers away a client's stop may end as cancelled (aiokafka cancels a fetch that
    sleeps before its retry, and waits for it), and that must not look as if we were.
    """
    stopping = asyncio.create_task(client.stop())
    try:
        done, _ = await asyncio.wait({stopping}, timeout=STOP_S_MAX)
    finally:
        stopping.cancel()
    if not done:
        log.warning("a Kafka client did not stop in time")
        if isinstance(client, AIOKafkaProducer):
            await _abandon(client)
    elif not stopping.cancelled() and (error := stopping.exception()) is not None:
        log.warning("a Kafka client did not stop cleanly", problem=repr(error))


async def _abandon(producer: AIOKafkaProducer) -> None:
    """Ends a producer that would go on trying. Whoever started another one has sent the same events since, and newer
    ones: an old event that comes after them would undo what they say on a compacted topic."""
    sending = producer._sender.sender_task if producer._sender is not None else None
    if sending is not None:
        sending.cancel()
    await producer.client.close()
