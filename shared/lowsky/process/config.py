"""Configuration of a process: one frozen object, read from the environment once, in its main.

Each part of a process has its settings; a process takes those of its parts. Each field is an environment variable:
``LOWSKY_`` and its name in capitals.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(StrEnum):
    """Where a process runs. Conveniences of development refuse to start in production."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class ProcessConfig(BaseSettings):
    """What every process needs."""

    model_config = SettingsConfigDict(env_prefix="LOWSKY_", frozen=True)

    env: Environment = Environment.DEVELOPMENT
    """``development`` or ``production``."""

    instance: str = ""
    """Name of this worker among those of its service, stable over restarts: a static member of its consumer groups
    gets its partitions back at once. Empty: a member like any other."""

    shutdown_grace_s: float = Field(default=10.0, ge=0, le=120)
    """How long calls under way may take after SIGTERM."""

    log_level: str = "INFO"
    """Of the structured log on standard error."""


class DatabaseConfig(ProcessConfig):
    """Of a process with a database."""

    database_url: str = Field(repr=False)
    """PostgreSQL, as postgresql://…; the service keeps to a schema of its own name."""

    database_pool_size: int = Field(default=10, ge=2, le=200)
    """Connections of this worker: more than cores help little, PostgreSQL's own limit is shared by all workers."""


class EventsConfig(ProcessConfig):
    """Of a process that emits or consumes events."""

    kafka_bootstrap: str
    """Kafka brokers, host:port, comma between."""

    topic_prefix: str = ""
    """Put before every topic and group, so that installations can share a cluster."""


class GrpcConfig(ProcessConfig):
    """Of a process that serves gRPC."""

    listen: str = "127.0.0.1:0"
    """Address of the gRPC server, host:port. Workers of one service share it (SO_REUSEPORT)."""

    token_jwks_url: str
    """Where the keys are published that tokens are verified with."""

    token_issuer: str
    """Who must have issued a token (``iss``)."""

    token_audience: str = "lowsky"
    """Whom a token must be meant for (``aud``)."""

    reflection: bool | None = None
    """gRPC reflection; on where absent, except in production."""

    @property
    def serves_reflection(self) -> bool:
        """Whether reflection is on, all things considered."""
        return self.env is not Environment.PRODUCTION if self.reflection is None else self.reflection


class ServiceConfig(DatabaseConfig, EventsConfig, GrpcConfig):
    """Of a service: gRPC over a schema of its own, whose changes are emitted as events."""
