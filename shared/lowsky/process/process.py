"""A process: its health, its background work, its servers, and an end that loses nothing.

What a process consists of is put together by its main: a monitor takes events and HTTP, a service takes a database,
events, an outbox and gRPC (`lowsky.service`). All of them end in the same order: not serving → calls under way finish →
background work → what it all stood on, as the database.
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
"""Allocations between two collections of reference cycles. Python's defaults (700, 10, 10) collect some ten times for
each batch of plans, which hardly makes any cycle. Not more: a refused call leaves a cycle of some fifty objects, and
one of them may be a request of megabytes."""

T = TypeVar("T")


class Server(Protocol):
    """What answers calls of others for as long as the process runs."""

    async def start(self) -> None:
        """Returns when it accepts calls."""

    async def stop(self) -> None:
        """Accepts no more calls; returns when none is under way any more, or its grace period is over."""


class Process:
    """What a process is put together in, before it runs."""

    def __init__(self, name: str, clock: Clock | None = None) -> None:
        self.name = name
        self.health = Health()
        self.clock: Clock = clock or SystemClock()
        self._contexts = AsyncExitStack()
        self._servers: list[Server] = []
        self._background: list[Callable[[], Coroutine[Any, Any, None]]] = []

    async def enter(self, context: AbstractAsyncContextManager[T]) -> T:
        """Adds what the rest stands on: closed after everything else has ended, the last one first."""
        return await self._contexts.enter_async_context(context)

    def run(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Adds work that runs for as long as the process. What it raises is logged, and it is begun again; if it ends
        by itself, so does the process."""
        self._background.append(work)

    def serve(self, server: Server) -> None:
        """Adds a server, which is started when everything has been added."""
        self._servers.append(server)

    async def run_until_stopped(self, assemble: Callable[[Process], Awaitable[None]]) -> bool:
        """Puts the process together and runs it until SIGTERM or SIGINT, or until background work ended by itself.

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
            # What there is by now stays (modules, descriptors, parts): no collection goes through it again.
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
            log.info("no call is under way any more")
            await end([stopping, *background])
        return not died


def run_process(name: str, log_level: str, assemble: Callable[[Process], Awaitable[None]]) -> None:
    """Runs a process to its end. Exit code 0 after SIGTERM or SIGINT, 1 where background work ended by itself."""
    logs.configure(name, log_level)
    tracing.configure()
    if not uvloop.run(Process(name).run_until_stopped(assemble)):
        sys.exit(1)


def _log_ended(ended: Iterable[asyncio.Task[Any]]) -> bool:
    """Logs at once why background work ended by itself, which it never should: also when it was quietly cancelled."""
    any_ended = False
    for task in ended:
        any_ended = True
        try:
            error: BaseException | None = task.exception()
        except asyncio.CancelledError as cancelled:
            error = cancelled
        log.error("background work died", work=task.get_name(), exc_info=error)
    return any_ended
