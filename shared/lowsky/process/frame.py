"""The frame of a service process: `python -m lowsky.<service>` serves, `… migrate` brings its schema up to date.

A service's main says what it is made of (`assemble`); the frame starts it, watches the parts it depends on, and ends it
in an order that loses nothing: not serving → calls under way finish → background work → database.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import grpc
import structlog
import uvloop

from lowsky.auth.tokens import TokenVerifier
from lowsky.clock import Clock, SystemClock
from lowsky.db.database import Database
from lowsky.db.migrations import migrate
from lowsky.db.probe import DatabaseProbe
from lowsky.events.consumer import Batched, GroupConsumer, Handler
from lowsky.events.kafka import Kafka
from lowsky.events.relay import Relay
from lowsky.health import DATABASE, EVENTS, KEYS, Health
from lowsky.process import logs, tracing
from lowsky.process.background import end, persistently
from lowsky.process.config import ServiceConfig
from lowsky.rpc.pipeline import Pipeline
from lowsky.rpc.server import build_server

log = structlog.get_logger()

GARBAGE_THRESHOLDS = (2_000, 20, 20)
"""Objects and collections between two looks for garbage in circles. Python's own (700, 10, 10) look some ten times in
each batch of plans, which hardly makes any. Not more: a refused call leaves some fifty objects in a circle, and one of
them may be a request of megabytes."""


Config = TypeVar("Config", bound=ServiceConfig)


@dataclass
class Frame(Generic[Config]):
    """What a service is assembled in."""

    name: str
    config: Config
    database: Database
    kafka: Kafka
    relay: Relay
    health: Health
    clock: Clock = field(default_factory=SystemClock)
    _adders: list[Callable[[grpc.aio.Server], None]] = field(default_factory=list)
    _services: list[str] = field(default_factory=list)
    _background: list[Callable[[], Coroutine[Any, Any, None]]] = field(default_factory=list)

    def serve(self, full_name: str, add: Callable[[Any, Any], None], servicer: object) -> None:
        """Adds a gRPC service, by its generated ``add_…Servicer_to_server``."""
        self._services.append(full_name)
        self._adders.append(lambda server: add(servicer, server))

    def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Adds work that runs for as long as the process. What it raises is logged, and it is begun again; if it ends
        by itself, so does the process."""
        self._background.append(work)

    async def consume(self, *, group: str, topics: Sequence[str], handlers: Mapping[str, Handler | Batched]) -> None:
        """Adds a consumer of a group, static under the instance's name where it has one."""
        consumer = GroupConsumer(
            kafka=self.kafka,
            database=self.database,
            group=group,
            instance=self.config.instance or None,
            topics=topics,
            handlers=handlers,
            after_commit=self.relay.wake,
            health=self.health,
        )
        await self.health.expect(consumer.part, refuses=False)
        self.run(consumer.run)


def main(name: str, config_type: Callable[[], Config], assemble: Callable[[Frame[Config]], Awaitable[None]]) -> None:
    """Runs the process. Exit code 0 after SIGTERM or SIGINT."""
    config = config_type()
    logs.configure(name, config.log_level)
    if sys.argv[1:] == ["migrate"]:
        applied = asyncio.run(migrate(config.database_url, name))
        log.info("schema is up to date", applied=applied)
        return
    if sys.argv[1:]:
        sys.exit(f"usage: python -m lowsky.{name} [migrate]")
    tracing.configure()
    uvloop.run(_serve(name, config, assemble))


async def _serve(name: str, config: Config, assemble: Callable[[Frame[Config]], Awaitable[None]]) -> None:
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    health = Health()
    await health.expect(DATABASE)
    await health.expect(EVENTS, only_writes=True)
    await health.expect(KEYS)
    kafka = Kafka(config.kafka_bootstrap, config.topic_prefix)
    verifier = TokenVerifier(jwks_url=config.token_jwks_url, issuer=config.token_issuer, audience=config.token_audience)
    async with Database.open(config.database_url, schema=name, pool_size=config.database_pool_size) as database:
        relay = Relay(database, kafka, health)
        frame = Frame(name, config, database, kafka, relay, health)
        frame.run(DatabaseProbe(database, health).run)
        frame.run(relay.run)
        frame.run(lambda: verifier.keep_keys(health))
        await assemble(frame)
        server = build_server(
            Pipeline(verifier=verifier, health=health),
            health,
            services=frame._services,
            reflect=config.serves_reflection,
        )
        for add in frame._adders:
            add(server)
        port = server.add_insecure_port(config.listen)
        await server.start()
        log.info("serving", listen=config.listen, port=port)
        # What there is by now stays: modules, descriptors, parts. No look for garbage goes through it again.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GARBAGE_THRESHOLDS)
        background = [asyncio.create_task(persistently(work), name=work.__qualname__) for work in frame._background]
        stopping = asyncio.create_task(stop.wait())
        done, _ = await asyncio.wait([stopping, *background], return_when=asyncio.FIRST_COMPLETED)
        died = _explained(done - {stopping})
        log.info("stopping")
        await health.stop()
        await server.stop(config.shutdown_grace_s)
        log.info("no call is under way any more")
        await end([stopping, *background])
    if died:
        sys.exit(1)


def _explained(ended: Iterable[asyncio.Task[Any]]) -> bool:
    """Says at once why background work ended by itself, which it never should: also when it was quietly cancelled."""
    any_ended = False
    for task in ended:
        any_ended = True
        try:
            error: BaseException | None = task.exception()
        except asyncio.CancelledError as cancelled:
            error = cancelled
        log.error("background work died", work=task.get_name(), exc_info=error)
    return any_ended
