"""A process that emits or consumes events."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from lowsky.db.database import Database
from lowsky.events.consumer import Batched, GroupConsumer, Handler
from lowsky.events.kafka import Kafka
from lowsky.events.relay import Relay
from lowsky.events.watching.tail import Listener, Tail
from lowsky.health import EVENTS
from lowsky.process.config import EventsConfig
from lowsky.process.process import Process


class Events:
    """The event log, as a process uses it."""

    def __init__(self, process: Process, config: EventsConfig) -> None:
        self.kafka = Kafka(config.kafka_bootstrap, config.topic_prefix)
        self._process = process
        self._instance = config.instance or None

    async def relay_outbox(self, database: Database) -> Relay:
        """Adds the relay, which publishes what transactions append to the outbox of this schema."""
        await self._process.health.expect(EVENTS, only_writes=True)
        relay = Relay(database, self.kafka, self._process.health)
        self._process.run(relay.run)
        return relay

    async def consume(
        self,
        database: Database,
        *,
        group: str,
        topics: Sequence[str],
        handlers: Mapping[str, Handler | Batched],
        after_commit: Callable[[], None],
    ) -> None:
        """Adds a consumer of a group whose effects are stored in the database; a static member if the instance has a
        name."""
        consumer = GroupConsumer(
            kafka=self.kafka,
            database=database,
            group=group,
            instance=self._instance,
            topics=topics,
            handlers=handlers,
            after_commit=after_commit,
            health=self._process.health,
        )
        await self._process.health.expect(consumer.part, refuses=False)
        self._process.run(consumer.run)

    async def follow(
        self, topic: str, listener: Listener, *, part: str, unsettled: Callable[[], str | None] = lambda: None
    ) -> Tail:
        """Adds an in-memory projection: every worker reads the topic from its beginning. The worker serves once the
        projection has caught up and nothing is unsettled. Returns what reads the topic.

        Args:
            part: Its name in the health of the worker.
        """
        await self._process.health.expect(part)
        tail = Tail(
            self.kafka, topic, listener, self._process.health, part=part, from_beginning=True, unsettled=unsettled
        )
        self._process.run(tail.run)
        return tail
