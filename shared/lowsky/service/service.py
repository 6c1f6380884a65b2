"""A service: gRPC over its own schema, whose changes are emitted as events.

`python -m lowsky.<service>` serves, `… migrate` migrates its schema, `… --help` lists its settings.
A service's main assembles its parts.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import structlog
from pydantic import ValidationError

from lowsky.clock import Clock
from lowsky.db.database import Database
from lowsky.db.migrations import migrate
from lowsky.events.consumer import Batched, Handler
from lowsky.events.relay import Relay
from lowsky.health import Health
from lowsky.process import logs
from lowsky.process.config import ServiceConfig
from lowsky.process.process import Process, run_process
from lowsky.process.settings import problems, usage
from lowsky.service.database import open_database
from lowsky.service.events import Events
from lowsky.service.grpc import GrpcServer

log = structlog.get_logger()

HELP = {"-h", "--help"}

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


def run_service(name: str, config_type: type[Config], assemble: Callable[[Service[Config]], Awaitable[None]]) -> None:
    """Runs the process of a service, migrates its schema, or shows its help, by the arguments of the process."""
    arguments = sys.argv[1:]
    if HELP & set(arguments):
        print(usage(name, config_type))  # noqa: T201  # what was asked for
        return
    if arguments not in ([], ["migrate"]):
        hint = f"`python -m lowsky.{name} --help` says what there is; settings are environment variables"
        sys.exit(f"lowsky.{name} does not know the arguments {' '.join(arguments)!r}: {hint}")
    try:
        config = config_type()
    except ValidationError as error:
        sys.exit(problems(error, name, config_type))
    if arguments:
        logs.configure(name, config.log_level)
        applied = asyncio.run(migrate(config.database_url, name))
        log.info("schema is up to date", applied=applied)
        return

    async def assemble_service(process: Process) -> None:
        database = await open_database(process, config)
        events = Events(process, config)
        relay = await events.relay_outbox(database)
        grpc = await GrpcServer.of(process, config)
        await assemble(Service(config, process, database, events, relay, grpc))

    run_process(name, config.log_level, assemble_service)
