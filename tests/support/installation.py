"""An installation of real processes on a database and topics of its own."""

from __future__ import annotations

import asyncio
import importlib.util
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import asyncpg
import grpc
from aiokafka.admin import AIOKafkaAdminClient
from grpc_health.v1 import health_pb2, health_pb2_grpc

from lowsky.db.migrations import migrate
from lowsky.events.event import Event
from lowsky.events.kafka import Kafka
from lowsky.local.parts import topics
from lowsky.local.running import processes
from lowsky.local.running.ports import LOOPBACK, free_port
from lowsky.local.running.processes import Command, Identity
from lowsky.local.stack import Stack
from tests.support.channels import WithToken, open_channel
from tests.support.events import events_of
from tests.support.polling import eventually
from tests.support.tokens import TokenIssuer

Stub = TypeVar("Stub")

START_S_MAX = 60.0
LOG_LINES_SHOWN = 60


@dataclass(slots=True)
class Worker:
    """One process of a service."""

    service: str
    command: Command
    address: str
    identity: Identity
    channel: grpc.aio.Channel


@dataclass
class Installation:
    """Services of one database and topic prefix. Workers are named by service and instance ("1" unless said)."""

    infrastructure: Stack
    issuer: TokenIssuer
    database_url: str
    kafka: Kafka
    log_dir: Path
    workers: dict[tuple[str, str], Worker] = field(default_factory=dict)

    async def start(
        self,
        service: str,
        *,
        instance: str = "1",
        env: Mapping[str, str] | None = None,
        serving: bool = True,
    ) -> None:
        """Migrates and starts a worker; returns when it serves (or, with serving=False, at once)."""
        assert (service, instance) not in self.workers, f"{service} {instance} was started before: use restart"
        if importlib.util.find_spec(f"lowsky.{service}.migrations") is not None:
            await migrate(self.database_url, service)
        address = f"{LOOPBACK}:{free_port()}"
        log_file = self.log_dir / f"{service}-{instance}.log"
        command = Command(
            (sys.executable, "-m", f"lowsky.{service}"), log_file, self._env(address, instance, env or {})
        )
        worker = Worker(service, command, address, processes.spawn(command), open_channel(address))
        self.workers[service, instance] = worker
        if serving:
            await self.wait_serving(service, instance=instance)

    async def wait_serving(self, service: str, *, instance: str = "1") -> None:
        """Waits until a worker says that it serves; fails with the end of its log if it dies or takes too long."""
        worker = self.workers[service, instance]

        async def serves() -> bool:
            if not processes.is_alive(worker.identity):
                raise RuntimeError(f"{service} ended:\n{self.log_of(service, instance=instance)}")
            return await self.health(service, instance=instance) == "SERVING"

        try:
            await eventually(serves, within_s=START_S_MAX, what=f"{service} serving")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.log_of(service, instance=instance)}") from None

    async def health(self, service: str, *, part: str = "", instance: str = "1") -> str:
        """What a worker says of itself or of a part: SERVING, NOT_SERVING, …; the gRPC code where it says nothing."""
        stub = health_pb2_grpc.HealthStub(self.workers[service, instance].channel)
        try:
            answer = await stub.Check(health_pb2.HealthCheckRequest(service=part), timeout=2)
        except grpc.aio.AioRpcError as error:
            return error.code().name
        return cast(str, health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))

    async def kill(self, service: str, *, instance: str = "1") -> None:
        """As a crash would: SIGKILL."""
        await asyncio.to_thread(processes.kill, self.workers[service, instance].identity)

    async def stop(self, service: str, *, instance: str = "1", grace_s: float = 15.0) -> None:
        """As an operator would: SIGTERM. Fails when the worker does not leave by itself."""
        identity = self.workers[service, instance].identity
        killed = await asyncio.to_thread(processes.stop, identity, grace_s=grace_s)
        assert not killed, f"{service} did not leave when asked:\n{self.log_of(service, instance=instance)}"

    async def restart(self, service: str, *, instance: str = "1", serving: bool = True) -> None:
        """Starts a worker that was killed or stopped just as before, at the same address."""
        worker = self.workers[service, instance]
        assert not processes.is_alive(worker.identity), f"{service} still runs"
        worker.identity = processes.spawn(worker.command)
        if serving:
            await self.wait_serving(service, instance=instance)

    def token(self, **claims: Any) -> str:
        """A token, see TokenIssuer.token: roles=[...], operator=, authority=, subject=, expires_in_s=."""
        return self.issuer.token(**claims)

    def stub(
        self, kind: Callable[[grpc.aio.Channel], Stub], service: str, token: str | None = None, *, instance: str = "1"
    ) -> Stub:
        """A stub whose calls carry a token."""
        return kind(cast(grpc.aio.Channel, WithToken(self.channel(service, instance=instance), token)))

    def channel(self, service: str, *, instance: str = "1") -> grpc.aio.Channel:
        """The channel to a worker, for as long as the installation lasts."""
        return self.workers[service, instance].channel

    def address(self, service: str, *, instance: str = "1") -> str:
        """host:port of a worker."""
        return self.workers[service, instance].address

    async def events(self, topic: str) -> list[tuple[Event, Any]]:
        """Every event on a topic (name without prefix) with its value parsed, in order per resource."""
        return await events_of(self.kafka, topic)

    async def events_so_far(self, topic: str) -> list[tuple[Event, Any]]:
        """As events, once everything that was committed before the call has been emitted."""

        async def emitted() -> bool:
            async with self.connection() as connection:
                schemas = await connection.fetch("SELECT schemaname FROM pg_tables WHERE tablename = 'outbox'")
                waiting = [f'SELECT 1 FROM "{row["schemaname"]}".outbox' for row in schemas]  # noqa: S608  # ours
                return not await connection.fetchval(f"SELECT EXISTS ({' UNION ALL '.join(waiting)})")

        await eventually(emitted, within_s=60, what="every outbox emitted")
        return await self.events(topic)

    def log_of(self, service: str, *, instance: str = "1", lines: int = LOG_LINES_SHOWN) -> str:
        """The end of a worker's log."""
        return processes.tail(self.workers[service, instance].command.log_file, lines)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection to the database, to look at what is stored."""
        connection = await asyncpg.connect(self.database_url, timeout=10)
        try:
            yield connection
        finally:
            await connection.close()

    @asynccontextmanager
    async def database_away(self) -> AsyncIterator[None]:
        """Within the block the database refuses everybody: sessions are ended, new ones not let in."""
        name = urlsplit(self.database_url).path[1:]
        await maintain(
            self.infrastructure.database_url,
            f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS false',
            f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'",  # noqa: S608  # ours
        )
        try:
            yield
        finally:
            await maintain(self.infrastructure.database_url, f'ALTER DATABASE "{name}" ALLOW_CONNECTIONS true')

    async def close(self) -> None:
        """Ends every process."""
        for worker in self.workers.values():
            await worker.channel.close()
        await asyncio.gather(*(asyncio.to_thread(processes.kill, w.identity) for w in self.workers.values()))

    def _env(self, address: str, instance: str, more: Mapping[str, str]) -> dict[str, str]:
        return {
            "LOWSKY_ENV": "development",
            "LOWSKY_LISTEN": address,
            "LOWSKY_INSTANCE": instance,
            "LOWSKY_DATABASE_URL": self.database_url,
            "LOWSKY_KAFKA_BOOTSTRAP": self.kafka.bootstrap,
            "LOWSKY_TOPIC_PREFIX": self.kafka.prefix,
            "LOWSKY_TOKEN_JWKS_URL": self.issuer.jwks_url,
            "LOWSKY_TOKEN_ISSUER": self.issuer.url,
            **more,
        }


@asynccontextmanager
async def new_installation(infrastructure: Stack, issuer: TokenIssuer, log_dir: Path) -> AsyncIterator[Installation]:
    """An installation without services; at the end its processes, database and topics are gone."""
    name = f"t{secrets.token_hex(5)}"
    kafka = Kafka(infrastructure.kafka_bootstrap, f"{name}.")
    await asyncio.gather(
        maintain(infrastructure.database_url, f'CREATE DATABASE "{name}"'),
        topics.create_topics(kafka.bootstrap, kafka.prefix),
    )
    url = urlsplit(infrastructure.database_url)._replace(path=f"/{name}").geturl()
    installation = Installation(infrastructure, issuer, url, kafka, log_dir)
    try:
        yield installation
    finally:
        await installation.close()
        await maintain(infrastructure.database_url, f'DROP DATABASE "{name}" WITH (FORCE)')
        await _delete_topics(kafka)


async def maintain(url: str, *statements: str) -> None:
    """Runs statements, each by itself."""
    connection = await asyncpg.connect(url, timeout=10)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def _delete_topics(kafka: Kafka) -> None:
    client = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await client.start()
    try:
        await client.delete_topics([topic.name for topic in topics.declared_topics(kafka.prefix)])
    finally:
        await client.close()
