"""Kafka clients, configured in one way for all uses."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

log = structlog.get_logger()

STOP_S_MAX = 3.0

REQUEST_TIMEOUT_MS = 10_000
RECORD_BYTES_MAX = 4 * 1024 * 1024
"""Enough for a geozone of 20 000 vertices with its published text; topics have the same limit."""

SLICE_BYTES = 128 * 1024
"""Size of one fetch of events that watchers missed."""

SLICE_WAIT_MS = 20
"""How long the brokers hold a fetch at the end of the log: the next fetch, at another offset, waits for it."""

SESSION_TIMEOUT_MS = 30_000
"""A worker that hangs for longer loses its partitions. A static member that restarts sooner gets its own back."""


@dataclass(frozen=True, slots=True)
class Kafka:
    """Addresses of the brokers, and the prefix of our topics and groups there."""

    bootstrap: str
    prefix: str = ""

    def topic(self, name: str) -> str:
        """The name on the brokers, with the installation's prefix."""
        return self.prefix + name

    def name(self, topic: str) -> str:
        """The name without the installation's prefix."""
        return topic.removeprefix(self.prefix)

    def producer(self) -> AIOKafkaProducer:
        """Idempotent: a retry neither duplicates nor reorders. It does not linger, since records are sent in
        batches."""
        return AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            enable_idempotence=True,
            linger_ms=0,
            max_request_size=RECORD_BYTES_MAX,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )

    def tail(self) -> AIOKafkaConsumer:
        """Reads assigned partitions, without a group."""
        return self._reader(max_partition_fetch_bytes=RECORD_BYTES_MAX)

    def slices(self) -> AIOKafkaConsumer:
        """Reads small slices at random offsets; a record larger than a slice is still returned (KIP-74)."""
        return self._reader(
            max_partition_fetch_bytes=SLICE_BYTES, fetch_max_bytes=SLICE_BYTES, fetch_max_wait_ms=SLICE_WAIT_MS
        )

    def _reader(self, **how: int) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="none",  # a position that is no longer kept is an error, never skipped
            isolation_level="read_committed",
            request_timeout_ms=REQUEST_TIMEOUT_MS,
            **how,
        )

    def member(self, group: str, instance: str | None) -> AIOKafkaConsumer:
        """A member of a group; static if it has an instance, so that a restart causes no rebalance."""
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
    """Stops a client, whatever state it is in, and raises nothing but the caller's own cancellation.

    It runs in a separate task: while the brokers are unavailable, a client's stop may end as cancelled (aiokafka
    cancels a fetch that sleeps before its retry, and awaits it), which must not look like a cancellation of the caller.
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
    """Ends a producer that would keep retrying. Meanwhile its successor sends the same events and newer ones: an old
    event that arrives after them would overwrite their state on a compacted topic."""
    sending = producer._sender.sender_task if producer._sender is not None else None
    if sending is not None:
        sending.cancel()
    await producer.client.close()
