"""Configuration of a process: one frozen object, read from the environment once, in its main.

Each part has its own settings; a process combines those of its parts. Each field is an environment variable:
``LOWSKY_`` and its name in capitals. Its docstring is its help, and its line in deploy/README.md: see settings.py.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from lowsky.loopback import is_loopback


class Environment(StrEnum):
    """Where a process runs. Development-only features refuse to start in production."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class LogLevel(StrEnum):
    """The levels of a log."""

    DEBUG = "DEBUG"
    INFO = "INFO"
    WARNING = "WARNING"
    ERROR = "ERROR"


class ProcessConfig(BaseSettings):
    """Settings of every process."""

    # What is wrong is told without the values: among them is the database's password.
    model_config = SettingsConfigDict(
        env_prefix="LOWSKY_", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True
    )

    env: Environment = Environment.DEVELOPMENT
    """``development`` or ``production``."""

    instance: str = ""
    """Name of this worker, unique within its service and stable across restarts. It makes the worker a static member of
    its consumer groups, which gets its partitions back at once after a restart. Empty: a dynamic member."""

    shutdown_grace_s: float = Field(default=10.0, ge=0, le=120)
    """How long calls in progress may take to complete after SIGTERM."""

    log_level: LogLevel = LogLevel.INFO
    """Minimum level of the structured log on standard error: ``DEBUG``, ``INFO``, ``WARNING`` or ``ERROR``. Each call
    is logged at ``INFO``."""


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
    """URL of the public keys (JWKS) that tokens are verified with: https, or http on this machine. Whoever answers it
    says who everybody is; plain http from elsewhere is accepted in development only."""

    token_issuer: str
    """Required issuer of a token (``iss``)."""

    token_audience: str = "lowsky"
    """Required audience of a token (``aud``)."""

    reflection: bool | None = None
    """gRPC reflection; if unset, on except in production."""

    @model_validator(mode="after")
    def _keys_come_from_the_issuer(self) -> Self:
        scheme = urlsplit(self.token_jwks_url).scheme
        if scheme not in ("http", "https"):
            raise ValueError("LOWSKY_TOKEN_JWKS_URL must be an https URL, or an http URL of this machine")
        if self.fetches_keys_in_the_clear and self.env is not Environment.DEVELOPMENT:
            raise ValueError(
                "LOWSKY_TOKEN_JWKS_URL is plain http on another machine: whoever is between could put in keys of their "
                "own; use https (only LOWSKY_ENV=development accepts it)"
            )
        return self

    @property
    def fetches_keys_in_the_clear(self) -> bool:
        """Whether the keys travel unprotected from another machine."""
        url = urlsplit(self.token_jwks_url)
        return url.scheme == "http" and not is_loopback(url.hostname or "")

    @property
    def serves_reflection(self) -> bool:
        """Whether reflection is on, with the default applied."""
        return self.env is not Environment.PRODUCTION if self.reflection is None else self.reflection


class ServiceConfig(DatabaseConfig, EventsConfig, GrpcConfig):
    """Settings of a service: gRPC over its own schema, whose changes are emitted as events."""
