"""The gRPC server: options, health, reflection, and graceful shutdown."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from lowsky.health import Health
from lowsky.rpc.limits import RECEIVED_BYTES_MAX
from lowsky.rpc.pipeline import Pipeline

ANSWER_BYTES_MAX = 64 * 1024 * 1024
"""Our clients accept as much (lowsky.client). Responses with lists have limits of their own."""

KEEPALIVE_MIN_MS = 10_000
"""Our clients ping every 30 s (lowsky.client): the server's minimum must be lower, or it sends GOAWAY."""

CONCURRENT_STREAMS_MAX = 1_000
"""Concurrent calls on one connection."""

METADATA_BYTES_MAX = 32 * 1024
"""Maximum size of a call's metadata: twice the longest token. gRPC's own default refuses calls between 8 and 16 KiB at
random."""

OPTIONS: Sequence[tuple[str, int]] = (
    ("grpc.max_receive_message_length", RECEIVED_BYTES_MAX),
    ("grpc.max_send_message_length", ANSWER_BYTES_MAX),
    ("grpc.max_metadata_size", METADATA_BYTES_MAX),
    ("grpc.absolute_max_metadata_size", METADATA_BYTES_MAX),
    ("grpc.max_concurrent_streams", CONCURRENT_STREAMS_MAX),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", KEEPALIVE_MIN_MS),
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.so_reuseport", 1),
)


def build_server(pipeline: Pipeline, health: Health, *, services: Sequence[str], reflect: bool) -> grpc.aio.Server:
    """A server with health and, if reflect, reflection; the caller adds the services named."""
    server = grpc.aio.server(interceptors=[pipeline], options=list(OPTIONS))
    health_pb2_grpc.add_HealthServicer_to_server(health.servicer, server)
    if reflect:
        health_name = health_pb2.DESCRIPTOR.services_by_name["Health"].full_name
        reflection.enable_server_reflection([*services, health_name, reflection.SERVICE_NAME], server)
    return server
