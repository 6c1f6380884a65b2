"""The relay: publishes the outbox to Kafka, in order, at its own pace.

One worker of a service relays at a time (an advisory lock of its schema says which); the others stand by. Rows go when
the brokers have acknowledged them: a crash between the two sends an event again, with the same id, by which consumers
know it.
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
from lowsky.db.requests import forget_old_answers
from lowsky.errors import Unavailable
from lowsky.events.event import Event, to_headers
from lowsky.events.inbox import forget_old_events
from lowsky.events.kafka import Kafka, stop
from lowsky.health import EVENTS, Health

log = structlog.get_logger()

BATCH = 1_000
POLL_S = 0.02
"""How soon the relaying worker sees what another worker committed; its own commits wake it at once."""

PROBE_S = 1.0
"""How often the brokers are asked whether they are there, while there is nothing to send."""

PROBE_S_MAX = 3.0
DELIVERY_S_MAX = 5.0
STANDBY_S = 1.0
HOUSEKEEPING_S = 600.0
RETRY_S = 0.5

_LOCK = 0x72656C61  # "rela"


class Relay:
    """Publishes what the outbox holds. ``wake`` after a commit makes it look at once."""

    def __init__(self, database: Database, kafka: Kafka, health: Health) -> None:
        self._database = database
        self._kafka = kafka
        self._health = health
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There is something to send."""
        self._wake.set()

    async def run(self) -> None:
        """Runs until cancelled. What goes wrong is reported to health and tried again."""
        while True:
            producer = self._kafka.producer()
            try:
                await producer.start()
                await self._health.report(EVENTS, None)
                await self._relay_while_well(producer)
            except (KafkaError, OSError) as error:
                await self._health.report(EVENTS, f"the event log does not answer ({type(error).__name__})")
                await asyncio.sleep(RETRY_S)
            except Unavailable:
                await asyncio.sleep(RETRY_S)  # the database, which its own probe reports
            finally:
                await stop(producer)

    async def _relay_while_well(self, producer: AIOKafkaProducer) -> None:
        while True:
            async with self._database.connection() as connection:
                if await connection.fetchval(
                    "SELECT pg_try_advisory_lock($1, hashtext($2))", _LOCK, self._database.schema
                ):
                    try:
                        await self._drain(connection, producer)
                    finally:
                        # A pooled connection lives on: so would the lock.
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
            # What was acknowledged is gone by now: whatever fails here, nothing of it is sent again.
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
        """Sends rows of the outbox, until the brokers have acknowledged them all; gives their numbers."""
        deliveries = [
            await producer.send(
                self._kafka.topic(row["topic"]), row["value"], key=row["key"].encode(), headers=to_headers(_event(row))
            )
            for row in rows
        ]
        if deliveries:
            # The producer itself would try for ever: nobody would hear that the brokers are away.
            await _in_time(asyncio.gather(*deliveries), DELIVERY_S_MAX)
        return [row["seq"] for row in rows]


async def _after(connection: Connection, sent: Sequence[int]) -> Sequence[asyncpg.Record]:
    """Deletes what was sent; gives what comes after it, BATCH rows at most."""
    # One statement, and so one state of the table for both halves of it.
    rows: Sequence[asyncpg.Record] = await connection.fetch(
        """WITH sent AS (DELETE FROM outbox WHERE seq = ANY($1::bigint[]))
           SELECT * FROM outbox WHERE seq <> ALL($1::bigint[]) ORDER BY seq LIMIT $2""",
        sent,
        BATCH,
    )
    return rows


async def _in_time(work: Awaitable[object], timeout_s: float) -> None:
    # A time-out of the brokers is told as theirs: around us any other one counts as the database's.
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
