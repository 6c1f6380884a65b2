"""A process: its health, its background work, its servers, and a graceful shutdown.

The main of a process assembles its parts: a monitor takes events and HTTP, a service takes a database, events, an
outbox and gRPC (`lowsky.service`). Every process shuts down in the same order: report not serving → let calls in
progress finish → stop background work → close shared resources such as the database.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, Protocol, TypeVar

import structlog
import uvloop

from lowsky.clock import Clock, SystemClock
from lowsky.health import Health
from lowsky.process import logs, tracing
from lowsky.process.background import end, persistently

log = structlog.get_logger()

GARBAGE_THRESHOLDS = (2_000, 20, 20)
"""Thresholds of the cyclic garbage collector. Python's defaults (700, 10, 10) collect about ten times for each batch of
plans, which creates hardly any cycle. Not higher: a refused call leaves a cycle of about fifty objects, and one of them
may be a request of megabytes."""

T = TypeVar("T")


class Server(Protocol):
    """Serves requests for as long as the process runs."""

    async def start(self) -> None:
        """Returns when it accepts calls."""

    async def stop(self) -> None:
        """Accepts no more calls; returns when none is in progress any more, or the grace period is over."""


class Process:
    """Collects the parts of a process before it runs."""

    def __init__(self, name: str, clock: Clock | None = None) -> None:
        self.name = name
        self.health = Health()
        self.clock: Clock = clock or SystemClock()
        self._contexts = AsyncExitStack()
        self._servers: list[Server] = []
        self._background: list[Callable[[], Coroutine[Any, Any, None]]] = []

    async def enter(self, context: AbstractAsyncContextManager[T]) -> T:
        """Adds a resource that the other parts use: closed after they have ended, in reverse order."""
        return await self._contexts.enter_async_context(context)

    def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Adds work that runs for as long as the process. If it raises, the error is logged and it is restarted; if it
        returns, the process ends."""
        self._background.append(work)

    def serve(self, server: Server) -> None:
        """Adds a server, which is started when everything has been added."""
        self._servers.append(server)

    async def run_until_stopped(self, assemble: Callable[[Process], Awaitable[None]]) -> bool:
        """Assembles the process and runs it until SIGTERM or SIGINT, or until background work returns.

        Returns:
            Whether it was stopped by a signal.
        """
        stop = asyncio.Event()
        for signum in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(signum, stop.set)
        async with self._contexts:
            await assemble(self)
            for server in self._servers:
                await server.start()
            # The objects created so far (modules, descriptors, parts) stay alive: exempt them from garbage collection.
            gc.collect()
            gc.freeze()
            gc.set_threshold(*GARBAGE_THRESHOLDS)
            background = [asyncio.create_task(persistently(work), name=work.__qualname__) for work in self._background]
            stopping = asyncio.create_task(stop.wait())
            done, _ = await asyncio.wait([stopping, *background], return_when=asyncio.FIRST_COMPLETED)
            died = _log_ended(done - {stopping})
            log.info("stopping")
            await self.health.stop()
            for server in self._servers:
                await server.stop()
            log.info("all calls have finished")
            await end([stopping, *background])
        return not died


def run_process(name: str, log_level: str, assemble: Callable[[Process], Awaitable[None]]) -> None:
    """Runs a process to its end. Exit code 0 after SIGTERM or SIGINT, 1 if background work ended by itself."""
    logs.configure(name, log_level)
    tracing.configure()
    if not uvloop.run(Process(name).run_until_stopped(assemble)):
        sys.exit(1)


def _log_ended(ended: Iterable[asyncio.Task[Any]]) -> bool:
    """Logs why background work ended by itself, which it never should, including by an unexpected cancellation."""
    any_ended = False
    for task in ended:
        any_ended = True
        try:
            error: BaseException | None = task.exception()
        except asyncio.CancelledError as cancelled:
            error = cancelled
        log.error("background work ended unexpectedly", work=task.get_name(), exc_info=error)
    return any_ended
