"""Configuration of a process: one frozen object, read from the environment once, in its main.

Each part has its own settings; a process combines those of its parts. Each field is an environment variable:
``LOWSKY_`` and its name in capitals.
"""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class Environment(StrEnum):
    """Where a process runs. Development-only features refuse to start in production."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class ProcessConfig(BaseSettings):
    """Settings of every process."""

    model_config = SettingsConfigDict(env_prefix="LOWSKY_", frozen=True)

    env: Environment = Environment.DEVELOPMENT
    """``development`` or ``production``."""

    instance: str = ""
    """Name of this worker, unique within its service and stable across restarts. It makes the worker a static member of
    its consumer groups, which gets its partitions back at once after a restart. Empty: a dynamic member."""

    shutdown_grace_s: float = Field(default=10.0, ge=0, le=120)
    """How long calls in progress may take to complete after SIGTERM."""

    log_level: str = "INFO"
    """Minimum level of the structured log on standard error."""


class DatabaseConfig(ProcessConfig):
    """Settings of a process with a database."""

    database_url: str = Field(repr=False)
    """PostgreSQL URL, postgresql://…; the service uses only the schema named after it."""

    database_pool_size: int = Field(default=10, ge=2, le=200)
    """Connections of this worker. More than there are cores help little, and all workers share PostgreSQL's limit."""


class EventsConfig(ProcessConfig):
    """Settings of a process that emits or consumes events."""

    kafka_bootstrap: str
    """Kafka brokers, host:port, separated by commas."""

    topic_prefix: str = ""
    """Prefix of every topic and group, so that installations can share a cluster."""


class GrpcConfig(ProcessConfig):
    """Settings of a process that serves gRPC."""

    listen: str = "127.0.0.1:0"
    """Address of the gRPC server, host:port. Workers of one service share it (SO_REUSEPORT)."""

    token_jwks_url: str
    """URL of the public keys (JWKS) that tokens are verified with."""

    token_issuer: str
    """Required issuer of a token (``iss``)."""

    token_audience: str = "lowsky"
    """Required audience of a token (``aud``)."""

    reflection: bool | None = None
    """gRPC reflection; if unset, on except in production."""

    @property
    def serves_reflection(self) -> bool:
        """Whether reflection is on, with the default applied."""
        return self.env is not Environment.PRODUCTION if self.reflection is None else self.reflection


class ServiceConfig(DatabaseConfig, EventsConfig, GrpcConfig):
    """Settings of a service: gRPC over its own schema, whose changes are emitted as events."""
