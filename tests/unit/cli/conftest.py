"""The command as a process of its own, against a real server whose answers are written down."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from lowsky.api.airspace.v1 import authorities_pb2_grpc, geozones_pb2_grpc
from lowsky.api.approvals.v1 import approvals_pb2_grpc
from lowsky.api.flightplans.v1 import flight_plans_pb2_grpc
from lowsky.api.registration.v1 import aircraft_pb2_grpc, identifiers_pb2_grpc, operators_pb2_grpc
from tests.support.forked_command import ForkedCommand

SERVICES = (
    (operators_pb2_grpc.OperatorsServiceServicer, operators_pb2_grpc.add_OperatorsServiceServicer_to_server),
    (aircraft_pb2_grpc.AircraftServiceServicer, aircraft_pb2_grpc.add_AircraftServiceServicer_to_server),
    (identifiers_pb2_grpc.IdentifiersServiceServicer, identifiers_pb2_grpc.add_IdentifiersServiceServicer_to_server),
    (authorities_pb2_grpc.AuthoritiesServiceServicer, authorities_pb2_grpc.add_AuthoritiesServiceServicer_to_server),
    (geozones_pb2_grpc.GeozonesServiceServicer, geozones_pb2_grpc.add_GeozonesServiceServicer_to_server),
    (flight_plans_pb2_grpc.FlightPlansServiceServicer, flight_plans_pb2_grpc.add_FlightPlansServiceServicer_to_server),
    (approvals_pb2_grpc.ApprovalsServiceServicer, approvals_pb2_grpc.add_ApprovalsServiceServicer_to_server),
)
STREAMS_IN, STREAMS_OUT = {"ImportGeozones"}, {"WatchFlightPlans"}


def refusal(code: grpc.StatusCode, reason: str, message: str, *details: Message, **metadata: str) -> Any:
    """A google.rpc.Status as the services send it."""
    packed = []
    for detail in (error_details_pb2.ErrorInfo(reason=reason, domain="lowsky", metadata=metadata), *details):
        packed.append(any_pb2.Any())
        packed[-1].Pack(detail)
    return rpc_status.to_status(status_pb2.Status(code=code.value[0], message=message, details=packed))


class Scripted:
    """All services; each answers a call with what `answers` holds for its name, the last one for ever."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Any]] = {}
        self.requests: dict[str, list[Any]] = {}
        self.metadata: dict[str, str] = {}

    def _next(self, method: str, request: Any, context: Any) -> Any:
        self.metadata = dict(context.invocation_metadata())
        self.requests.setdefault(method, []).append(request)
        lines = self.answers[method]
        return lines.pop(0) if len(lines) > 1 else lines[0]

    async def unary(self, method: str, request: Any, context: Any) -> Any:
        line = self._next(method, request, context)
        return line if isinstance(line, Message) else await context.abort_with_status(line)

    async def stream_in(self, method: str, requests: Any, context: Any) -> Any:
        return await self.unary(method, [request async for request in requests], context)

    async def stream_out(self, method: str, request: Any, context: Any) -> Any:
        for response in self._next(method, request, context):
            yield response
        await asyncio.Event().wait()

    def servicer(self, base: type) -> Any:
        """An instance of a generated servicer whose methods are answered here."""

        def bound(method: str) -> Any:
            if method in STREAMS_OUT:

                async def tell(_: Any, request: Any, context: Any) -> Any:
                    async for response in self.stream_out(method, request, context):
                        yield response

                return tell
            through = self.stream_in if method in STREAMS_IN else self.unary

            async def answer(_: Any, request: Any, context: Any) -> Any:
                return await through(method, request, context)

            return answer

        methods = {name: bound(name) for name in vars(base) if name[0].isupper()}
        return type(base.__name__, (base,), methods)()


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def error(self) -> Any:
        return json.loads(self.err.splitlines()[-1])["error"]


Run = Callable[..., Coroutine[Any, Any, Ended]]


@pytest.fixture
def services() -> Scripted:
    return Scripted()


@pytest.fixture
async def target(services: Scripted) -> AsyncIterator[str]:
    server = grpc.aio.server()
    for base, add in SERVICES:
        add(services.servicer(base), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(0)


@pytest.fixture(scope="session")
async def forked_command() -> AsyncIterator[ForkedCommand]:
    command = await ForkedCommand.start()
    yield command
    await command.stop()


@pytest.fixture
def run(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, forked_command: ForkedCommand) -> Run:
    """Runs `lowsky` in an empty folder with an environment of its own."""

    async def start(*arguments: str, at: str | None = None, **environment: str) -> Ended:
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("LOWSKY_")}
        where = {}
        if at is not None:
            names = ("REGISTRATION", "AIRSPACE", "FLIGHTPLANS", "APPROVALS")
            where = {f"LOWSKY_{name}": at for name in names} | {"LOWSKY_TOKEN": "secret"}
        printed = tmp_path_factory.mktemp("printed")
        code = await forked_command.run(
            arguments,
            {**inherited, "TZ": "Asia/Shanghai", **where, **environment},
            tmp_path,
            printed / "out",
            printed / "err",
        )
        encoding = environment.get("PYTHONIOENCODING", "utf-8")
        ended = Ended(code, (printed / "out").read_text(encoding), (printed / "err").read_text(encoding))
        assert "Traceback" not in ended.err, ended.err
        return ended

    return start
