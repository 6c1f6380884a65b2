"""The relay: publishes the outbox to Kafka, in order, at its own pace.

One worker of a service relays at a time (the holder of an advisory lock of its schema); the others stand by. Rows are
deleted once the brokers have acknowledged them: after a crash between the two, events are sent again with the same ids,
by which consumers recognise them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from contextlib import suppress

import asyncpg
import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, KafkaTimeoutError

from lowsky.db.database import Connection, Database
from lowsky.db.idempotency import forget_old_answers
from lowsky.errors import Unavailable
from lowsky.events.event import Event, to_headers
from lowsky.events.inbox import forget_old_events
from lowsky.events.kafka import Kafka, stop
from lowsky.health import EVENTS, Health

log = structlog.get_logger()

BATCH = 1_000
POLL_S = 0.02
"""How often the relaying worker polls for commits of other workers; its own commits wake it at once."""

PROBE_S = 1.0
"""How often the brokers are probed while there is nothing to send."""

PROBE_S_MAX = 3.0
DELIVERY_S_MAX = 5.0
STANDBY_S = 1.0
HOUSEKEEPING_S = 600.0
RETRY_S = 0.5

_LOCK = 0x72656C61  # "rela"


class Relay:
    """Publishes what the outbox holds. ``wake`` after a commit makes it read the outbox at once."""

    def __init__(self, database: Database, kafka: Kafka, health: Health) -> None:
        self._database = database
        self._kafka = kafka
        self._health = health
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Signals that there is something to send."""
        self._wake.set()

    async def run(self) -> None:
        """Runs until cancelled. Failures are reported to health and retried."""
        while True:
            producer = self._kafka.producer()
            try:
                await producer.start()
                await self._health.report(EVENTS, None)
                await self._relay_until_failure(producer)
            except (KafkaError, OSError) as error:
                await self._health.report(EVENTS, f"the event log does not answer ({type(error).__name__})")
                await asyncio.sleep(RETRY_S)
            except Unavailable:
                await asyncio.sleep(RETRY_S)  # the database, which its own probe reports
            finally:
                await stop(producer)

    async def _relay_until_failure(self, producer: AIOKafkaProducer) -> None:
        while True:
            async with self._database.connection() as connection:
                if await connection.fetchval(
                    "SELECT pg_try_advisory_lock($1, hashtext($2))", _LOCK, self._database.schema
                ):
                    try:
                        await self._drain(connection, producer)
                    finally:
                        # A pooled connection stays open, and would keep the lock.
                        await connection.execute("SELECT pg_advisory_unlock_all()")
            await _in_time(producer.client.fetch_all_metadata(), PROBE_S_MAX)
            await self._health.report(EVENTS, None)
            await asyncio.sleep(STANDBY_S)

    async def _drain(self, connection: Connection, producer: AIOKafkaProducer) -> None:
        loop = asyncio.get_running_loop()
        probe_at = housekeeping_at = loop.time()
        sent: Sequence[int] = ()
        while True:
            self._wake.clear()
            rows = await _after(connection, sent)
            # Acknowledged rows have been deleted by now: whatever fails here, none of them is sent again.
            if loop.time() >= probe_at:
                await _in_time(producer.client.fetch_all_metadata(), PROBE_S_MAX)
                await self._health.report(EVENTS, None)
                probe_at = loop.time() + PROBE_S
            if loop.time() >= housekeeping_at:
                more_answers = await forget_old_answers(connection)
                more_events = await forget_old_events(connection)
                housekeeping_at = loop.time() + (PROBE_S if more_answers or more_events else HOUSEKEEPING_S)
            sent = await self._send(producer, rows)
            if not sent:
                await _wait(self._wake, POLL_S)

    async def _send(self, producer: AIOKafkaProducer, rows: Sequence[asyncpg.Record]) -> Sequence[int]:
        """Sends rows of the outbox and waits until the brokers have acknowledged them all; returns their numbers."""
        deliveries = [
            await producer.send(
                self._kafka.topic(row["topic"]), row["value"], key=row["key"].encode(), headers=to_headers(_event(row))
            )
            for row in rows
        ]
        if deliveries:
            # The producer itself would retry for ever, and the outage would never be reported.
            await _in_time(asyncio.gather(*deliveries), DELIVERY_S_MAX)
        return [row["seq"] for row in rows]


async def _after(connection: Connection, sent: Sequence[int]) -> Sequence[asyncpg.Record]:
    """Deletes the rows sent; returns the next ones, at most BATCH."""
    # One statement, so that both parts see the same snapshot of the table.
    rows: Sequence[asyncpg.Record] = await connection.fetch(
        """WITH sent AS (DELETE FROM outbox WHERE seq = ANY($1::bigint[]))
           SELECT * FROM outbox WHERE seq <> ALL($1::bigint[]) ORDER BY seq LIMIT $2""",
        sent,
        BATCH,
    )
    return rows


async def _in_time(work: Awaitable[object], timeout_s: float) -> None:
    # Report it as a time-out of the brokers: the caller attributes any other one to the database.
    try:
        async with asyncio.timeout(timeout_s):
            await work
    except (TimeoutError, OSError) as error:
        raise KafkaTimeoutError("the brokers did not answer in time") from error


def _event(row: asyncpg.Record) -> Event:
    return Event(
        topic=row["topic"],
        key=row["key"],
        type=row["type"],
        value=row["value"],
        occurred_at=row["occurred_at"],
        id=row["event_id"],
        traceparent=row["traceparent"],
        correlation_id=row["correlation_id"],
        causation_id=row["causation_id"],
    )


async def _wait(event: asyncio.Event, timeout_s: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
