"""A member of a group on a topic with dead letters, in this process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from lowsky.db.database import Connection, Database
from lowsky.db.migrations import migrate
from lowsky.events import topics
from lowsky.events.consumer import GroupConsumer
from lowsky.events.event import Event, to_headers
from lowsky.events.kafka import Kafka
from lowsky.health import Health
from lowsky.process.background import end
from tests.support.installation import Installation
from tests.support.polling import eventually
from tests.support.raw_records import send

TOPIC = topics.FLIGHT_PLANS
GROUP = "approvals"
"""A topic and a group that are declared, with its dead letters."""

KIND = "lowsky.flightplan.submitted.v1"


def event(key: str, value: bytes = b"well", kind: str = KIND) -> Event:
    return Event(topic=TOPIC, key=key, type=kind, value=value, occurred_at=datetime.now(UTC))


async def tell(kafka: Kafka, told: Event, *, more: list[tuple[str, bytes]] | None = None) -> None:
    await send(kafka, TOPIC, told.value, key=told.key.encode(), headers=[*to_headers(told), *(more or [])], partition=0)


class Group:
    """A member of the group on a topic, and what took effect."""

    def __init__(self, kafka: Kafka, database: Database) -> None:
        self.health = Health()
        self._database = database
        self.fails: Mapping[bytes, Exception] = {}
        self.consumer = GroupConsumer(
            kafka=kafka,
            database=database,
            group=GROUP,
            instance=None,
            topics=[TOPIC],
            handlers={KIND: self.handle},
            after_commit=lambda: None,
            health=self.health,
        )

    async def handle(self, connection: Connection, event: Event) -> None:
        if error := self.fails.get(event.value or b""):
            raise error
        # In its transaction, so that only what took effect is there: a batch that fails is applied again, one by one.
        await connection.execute(
            "INSERT INTO applied_events (key, value, topic) VALUES ($1, $2, $3)", event.key, event.value, event.topic
        )

    async def applied(self) -> Mapping[str, Event]:
        """What took effect, by key; nothing did twice."""
        async with self._database.connection() as connection:
            rows = await connection.fetch("SELECT key, value, topic FROM applied_events")
        assert len(rows) == len({row["key"] for row in rows})
        return {row["key"]: Event(row["topic"], row["key"], KIND, row["value"], datetime.now(UTC)) for row in rows}

    async def has_applied(self, *keys: str) -> None:
        async def all_applied() -> bool:
            return set(keys) <= set(await self.applied())

        await eventually(all_applied, what=f"{keys} applied")


@asynccontextmanager
async def consuming(installation: Installation) -> AsyncIterator[Group]:
    await migrate(installation.database_url, "approvals")
    async with Database.open(installation.database_url, schema="approvals") as database:
        async with database.transaction() as connection:
            await connection.execute("CREATE TABLE IF NOT EXISTS applied_events (key text, value bytea, topic text)")
            await connection.execute("TRUNCATE applied_events")
        group = Group(installation.kafka, database)
        await group.health.expect(group.consumer.part, refuses=False)
        running = asyncio.create_task(group.consumer.run())
        try:
            yield group
        finally:
            await end([running])
