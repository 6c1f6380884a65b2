"""Asks processes whether they serve."""

import time
from pathlib import Path
from typing import Literal

import grpc
import httpx
from grpc_health.v1 import health_pb2, health_pb2_grpc

from lowsky.local.errors import StackError
from lowsky.local.running import processes
from lowsky.local.running.processes import Identity

READY_S_MAX = 60
"""A service loads its zones and projections before it serves; on a busy small machine imports alone take seconds."""

ASK_S_MAX = 2


def serves(address: str, kind: Literal["grpc", "http"]) -> bool:
    """One question, one answer; no answer is a no."""
    return _serves_http(address) if kind == "http" else _serves_grpc(address)


def _serves_grpc(address: str) -> bool:
    # A proxy of the environment is not asked for loopback addresses.
    with grpc.insecure_channel(address, options=[("grpc.enable_http_proxy", 0)]) as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(service=""), timeout=ASK_S_MAX
            )
        except grpc.RpcError:
            return False
    return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


def _serves_http(address: str) -> bool:
    try:
        return httpx.get(f"http://{address}/healthz", timeout=ASK_S_MAX, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def wait_serving(
    name: str,
    address: str,
    kind: Literal["grpc", "http"],
    identity: Identity,
    log_file: Path,
    timeout_s: float = READY_S_MAX,
) -> None:
    """Waits until the service says that it serves; StackError with the end of its log if it dies or takes too long."""
    deadline = time.monotonic() + timeout_s
    while not serves(address, kind):
        if not processes.is_alive(identity):
            raise StackError(f"{name} ended while starting; the end of {log_file}:\n{processes.tail(log_file)}")
        if time.monotonic() > deadline:
            text = processes.tail(log_file)
            raise StackError(f"{name} is not healthy after {timeout_s:.0f} s; the end of {log_file}:\n{text}")
        time.sleep(0.1)
