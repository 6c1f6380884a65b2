"""A process that serves gRPC."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import grpc
import structlog

from lowsky.auth.tokens import TokenVerifier
from lowsky.health import KEYS
from lowsky.process.config import GrpcConfig
from lowsky.process.process import Process
from lowsky.rpc.pipeline import Pipeline
from lowsky.rpc.server import build_server

log = structlog.get_logger()


class GrpcServer:
    """The gRPC server of a process: authenticated, limited, with health and, if configured, reflection."""

    def __init__(self, process: Process, config: GrpcConfig) -> None:
        if config.fetches_keys_in_the_clear:
            log.warning("keys of tokens come over plain http: for development only", url=config.token_jwks_url)
        self._health = process.health
        self._config = config
        self._verifier = TokenVerifier(
            jwks_url=config.token_jwks_url, issuer=config.token_issuer, audience=config.token_audience
        )
        self._adders: list[Callable[[grpc.aio.Server], None]] = []
        self._services: list[str] = []
        self._server: grpc.aio.Server | None = None

    @classmethod
    async def of(cls, process: Process, config: GrpcConfig) -> GrpcServer:
        """Adds the server to the process."""
        await process.health.expect(KEYS)
        server = cls(process, config)
        process.run(server._keep_keys)
        process.serve(server)
        return server

    def add(self, full_name: str, add: Callable[[Any, Any], None], servicer: object) -> None:
        """Adds a service, by its generated ``add_…Servicer_to_server``."""
        self._services.append(full_name)
        self._adders.append(lambda server: add(servicer, server))

    async def start(self) -> None:
        """Listens."""
        pipeline = Pipeline(verifier=self._verifier, health=self._health)
        reflect = self._config.serves_reflection
        self._server = build_server(pipeline, self._health, services=self._services, reflect=reflect)
        for add in self._adders:
            add(self._server)
        port = self._server.add_insecure_port(self._config.listen)
        await self._server.start()
        log.info("serving", listen=self._config.listen, port=port)

    async def stop(self) -> None:
        """Calls in progress have the grace period to finish."""
        if self._server is not None:
            await self._server.stop(self._config.shutdown_grace_s)

    async def _keep_keys(self) -> None:
        await self._verifier.keep_keys(self._health)
