"""A service: gRPC over its own schema, whose changes are emitted as events.

`python -m lowsky.<service>` serves, `… migrate` migrates its schema. A service's main assembles its parts.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog

from lowsky.clock import Clock
from lowsky.db.database import Database
from lowsky.db.migrations import migrate
from lowsky.events.consumer import Batched, Handler
from lowsky.events.relay import Relay
from lowsky.health import Health
from lowsky.process import logs
from lowsky.process.config import ServiceConfig
from lowsky.process.process import Process, run_process
from lowsky.service.database import open_database
from lowsky.service.events import Events
from lowsky.service.grpc import GrpcServer

log = structlog.get_logger()

Config = TypeVar("Config", bound=ServiceConfig)


@dataclass(frozen=True, slots=True)
class Service(Generic[Config]):
    """Collects the parts of a service."""

    config: Config
    process: Process
    database: Database
    events: Events
    relay: Relay
    grpc: GrpcServer

    @property
    def clock(self) -> Clock:
        """The clock that all code of the process uses."""
        return self.process.clock

    @property
    def health(self) -> Health:
        """The health of the process, to which its parts report."""
        return self.process.health

    def serve(self, full_name: str, add: Callable[[Any, Any], None], servicer: object) -> None:
        """Adds a gRPC service, by its generated ``add_…Servicer_to_server``."""
        self.grpc.add(full_name, add, servicer)

    async def consume(self, *, group: str, topics: Sequence[str], handlers: Mapping[str, Handler | Batched]) -> None:
        """Adds a consumer of a group; what its handlers append to the outbox is emitted at once."""
        await self.events.consume(
            self.database, group=group, topics=topics, handlers=handlers, after_commit=self.relay.wake
        )


def run_service(
    name: str, config_type: Callable[[], Config], assemble: Callable[[Service[Config]], Awaitable[None]]
) -> None:
    """Runs the process of a service, or migrates its schema."""
    config = config_type()
    if sys.argv[1:] == ["migrate"]:
        logs.configure(name, config.log_level)
        applied = asyncio.run(migrate(config.database_url, name))
        log.info("schema is up to date", applied=applied)
        return
    if sys.argv[1:]:
        sys.exit(f"usage: python -m lowsky.{name} [migrate]")

    async def assemble_service(process: Process) -> None:
        database = await open_database(process, config)
        events = Events(process, config)
        relay = await events.relay_outbox(database)
        grpc = await GrpcServer.of(process, config)
        await assemble(Service(config, process, database, events, relay, grpc))

    run_process(name, config.log_level, assemble_service)
