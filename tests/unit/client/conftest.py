"""A real server on a real port, and servicers whose answers are written down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2, duration_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from lowsky.api.flightplans.v1 import flight_plans_pb2_grpc
from lowsky.client import RetryPolicy

QUICK = RetryPolicy(first_pause_s=0.01, pause_max_s=0.02, tries_max=5, stream_tries_max=5)


def refusal(code: grpc.StatusCode, reason: str, message: str = "no", *details: Message, **metadata: str) -> Any:
    """A google.rpc.Status as the services send it."""
    packed = []
    for detail in (error_details_pb2.ErrorInfo(reason=reason, domain="lowsky", metadata=metadata), *details):
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    return rpc_status.to_status(status_pb2.Status(code=code.value[0], message=message, details=packed))


def retry_info(seconds: float) -> Message:
    """When another try makes sense."""
    delay = duration_pb2.Duration()
    delay.FromMilliseconds(round(seconds * 1000))
    info: Message = error_details_pb2.RetryInfo(retry_delay=delay)
    return info


class ScriptedPlans(flight_plans_pb2_grpc.FlightPlansServiceServicer):
    """Answers each call with the next line of its script: a message, a refusal, or something to run."""

    def __init__(self) -> None:
        self.script: list[Any] = []
        self.requests: list[Any] = []
        self.metadata: list[dict[str, str]] = []

    async def _next(self, request: Any, context: Any) -> Any:
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        line = self.script.pop(0)
        if callable(line):
            return await line(request, context)
        if isinstance(line, Message):
            return line
        return await context.abort_with_status(line)

    async def SubmitFlightPlan(self, request: Any, context: Any) -> Any:
        return await self._next(request, context)

    async def GetFlightPlan(self, request: Any, context: Any) -> Any:
        return await self._next(request, context)

    async def ListFlightPlans(self, request: Any, context: Any) -> Any:
        return await self._next(request, context)

    async def WithdrawFlightPlan(self, request: Any, context: Any) -> Any:
        return await self._next(request, context)

    async def WatchFlightPlans(self, request: Any, context: Any) -> Any:
        responses = await self._next(request, context)
        async for response in responses:
            yield response

    async def SubmitFlightPlans(self, requests: Any, context: Any) -> Any:
        answers = await self._next(requests, context)
        async for response in answers:
            yield response


Serve = Callable[..., Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server, given functions that add servicers to it; returns host:port."""
    servers = []

    async def start(*add: Callable[[grpc.aio.Server], None]) -> str:
        server = grpc.aio.server()
        for one in add:
            one(server)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        servers.append(server)
        return f"127.0.0.1:{port}"

    yield start
    for server in servers:
        await server.stop(0)


@pytest.fixture
def plans() -> ScriptedPlans:
    return ScriptedPlans()


@pytest.fixture
async def target(serve: Serve, plans: ScriptedPlans) -> str:
    return await serve(lambda server: flight_plans_pb2_grpc.add_FlightPlansServiceServicer_to_server(plans, server))
