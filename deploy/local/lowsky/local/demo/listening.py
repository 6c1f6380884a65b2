"""The events of all services, as anybody may consume them, scrolling by."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from aiokafka import AIOKafkaConsumer
from rich.console import Console

from lowsky.local.parts.topics import declared_topics
from lowsky.local.stack import Stack


@asynccontextmanager
async def listening(stack: Stack, console: Console) -> AsyncIterator[None]:
    """Prints each event from now on, until the body ends."""
    declared = [topic.name for topic in declared_topics(stack.state.topic_prefix)]
    topics = [name for name in declared if not name.endswith((".dlq", ".retry"))]
    consumer = AIOKafkaConsumer(*topics, bootstrap_servers=stack.kafka_bootstrap, auto_offset_reset="latest")
    await consumer.start()
    try:
        for partition in consumer.assignment():
            await consumer.position(partition)  # where the end is now, not when the first event comes
        printing = asyncio.create_task(_print(consumer, console))
        try:
            yield
        finally:
            printing.cancel()
            with suppress(asyncio.CancelledError):
                await printing
    finally:
        await consumer.stop()


async def _print(consumer: AIOKafkaConsumer, console: Console) -> None:
    async for record in consumer:
        headers = dict(record.headers)
        event_type = headers.get("ce_type", b"").decode()
        at = headers.get("ce_time", b"").decode()[11:23]
        console.print(
            f"  [cyan]event[/] {at} {event_type:<36} {(record.key or b'').decode()}", highlight=False, soft_wrap=True
        )
