"""Connections: the addresses of the services, and channel options that match the servers'."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import grpc

from lowsky.loopback import is_loopback_target

KEEPALIVE_MS = 30_000
"""Interval of pings on an idle connection. The servers allow one per 10 s (lowsky.rpc.server) and close connections
that ping more often, so this must stay longer."""

KEEPALIVE_TIMEOUT_MS = 10_000
"""The reply to a ping takes milliseconds; without one for this long the connection is dead."""

MESSAGE_BYTES_MAX = 64 * 1024 * 1024
"""The largest message that the servers send: the report on a national zone file."""

METADATA_BYTES_MAX = 4 * 1024 * 1024
"""A refused import has its report in the trailing metadata, where gRPC's default allows 8 KiB."""


def _version() -> str:
    try:
        return version("lowsky")
    except PackageNotFoundError:
        return "0"


OPTIONS: Sequence[tuple[str, int | str]] = (
    ("grpc.keepalive_time_ms", KEEPALIVE_MS),
    ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", MESSAGE_BYTES_MAX),
    ("grpc.max_metadata_size", METADATA_BYTES_MAX),
    ("grpc.absolute_max_metadata_size", METADATA_BYTES_MAX),
    # Reconnects within two seconds after a restart of the server; gRPC's default backoff grows up to two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 1_000),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    # Only lowsky.client.retries decides which calls are retried.
    ("grpc.enable_retries", 0),
    ("grpc.primary_user_agent", f"lowsky-python/{_version()}"),
)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """``host:port`` of each service; that of a service that is never called may be empty."""

    registration: str = ""
    airspace: str = ""
    flightplans: str = ""
    approvals: str = ""

    @classmethod
    def everything_at(cls, target: str) -> Endpoints:
        """All services behind one address, as a gateway has them."""
        return cls(target, target, target, target)


class MissingEndpoint(LookupError):
    """A service was called whose endpoint the client was not given."""

    def __init__(self, service: str) -> None:
        super().__init__(f"the client was given no endpoint for {service}")
        self.service = service


def open_channel(target: str, tls: bool | grpc.ChannelCredentials) -> grpc.aio.Channel:
    """A connection with TLS (the system's root certificates, or the given credentials), or in plaintext if tls is
    False.

    A proxy of the environment (``https_proxy``, ``no_proxy``, …) is used as gRPC does, but never for loopback
    addresses.
    """
    options = [*OPTIONS, ("grpc.enable_http_proxy", 0)] if is_loopback_target(target) else list(OPTIONS)
    if tls is False:
        return grpc.aio.insecure_channel(target, options=options)
    credentials = grpc.ssl_channel_credentials() if tls is True else tls
    return grpc.aio.secure_channel(target, credentials, options=options)
