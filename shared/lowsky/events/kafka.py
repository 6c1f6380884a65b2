"""Kafka clients, set up the one way that we use them."""

from __future__ import annotations

from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

REQUEST_TIMEOUT_MS = 10_000
RECORD_BYTES_MAX = 4 * 1024 * 1024
"""A geozone of 20 000 vertices with its published text; topics allow as much."""

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
        """Idempotent: a retry neither doubles nor reorders."""
        return AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            enable_idempotence=True,
            linger_ms=2,
            max_request_size=RECORD_BYTES_MAX,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
        )

    def tail(self) -> AIOKafkaConsumer:
        """Reads partitions that it is given, without a group."""
        return AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap,
            enable_auto_commit=False,
            auto_offset_reset="none",  # a position that is gone is an error, not a jump
            isolation_level="read_committed",
            max_partition_fetch_bytes=RECORD_BYTES_MAX,
            request_timeout_ms=REQUEST_TIMEOUT_MS,
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
