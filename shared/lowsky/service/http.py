"""A process that serves HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any

import structlog
import uvicorn

from lowsky.process.process import Process

log = structlog.get_logger()

STARTED_EVERY_S = 0.01
"""How often the server is polled until it serves."""


class HttpServer:
    """An ASGI application of a process, on one address."""

    def __init__(self, app: Any, *, host: str, port: int, grace_s: float) -> None:
        """Args:
        app: The ASGI application.
        port: 0 for any that is free.
        grace_s: How long requests in progress may take to complete once the process shuts down.
        """
        self._address = (host, port)
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=max(1, round(grace_s))
        )
        self._server = _WithoutSignals(config)
        self._serving: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, process: Process, app: Any, *, host: str, port: int, grace_s: float = 10.0) -> HttpServer:
        """Adds the server to the process."""
        server = cls(app, host=host, port=port, grace_s=grace_s)
        process.serve(server)
        return server

    async def start(self) -> None:
        """Listens.

        Raises:
            OSError: The address is not free.
        """
        listening = socket.create_server(self._address)
        self._serving = asyncio.create_task(self._server.serve(sockets=[listening]), name="http")
        while not self._server.started:
            if self._serving.done():
                await self._serving
                raise RuntimeError("the HTTP server exited before it served")
            await asyncio.sleep(STARTED_EVERY_S)
        log.info("serving HTTP", host=self._address[0], port=listening.getsockname()[1])

    async def stop(self) -> None:
        """Requests in progress have the grace period to finish."""
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving


class _WithoutSignals(uvicorn.Server):
    """Installs no signal handlers: the process decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
