"""Each call is one line of the log: who called what, how it ended, how long it took."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, MutableMapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import grpc
import pytest
import structlog
from google.protobuf.message import Message
from grpc_health.v1 import health_pb2, health_pb2_grpc

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.flightplans.v1 import flight_plans_pb2_grpc
from lowsky.auth.caller import Caller, Role
from lowsky.auth.tokens import TokenVerifier
from lowsky.errors import NotFound, Unauthenticated
from lowsky.health import Health
from lowsky.process import tracing
from lowsky.process.logs import add_trace
from lowsky.rpc.incoming import Incoming
from lowsky.rpc.pipeline import Pipeline
from lowsky.rpc.server import build_server
from tests.support.polling import eventually

PLANS = "/lowsky.api.flightplans.v1.FlightPlansService/"
TOKEN = (("authorization", "Bearer pilot"),)
TRACE = "0af7651916cd43dd8448eb211c80319c"
TRACED = (*TOKEN, ("traceparent", f"00-{TRACE}-b7ad6b7169203331-01"))
Line = MutableMapping[str, Any]


class Known(TokenVerifier):
    def __init__(self) -> None:
        pass

    async def verify(self, token: str) -> Caller:
        if token == "officer":
            return Caller("li", frozenset({Role.OFFICER}), authority="authorities/cn-shanghai")
        if token != "pilot":
            raise Unauthenticated("TOKEN_INVALID", "nobody")
        return Caller("pilot", frozenset({Role.OPERATOR}), operator="operators/acme")


class Plans(flight_plans_pb2_grpc.FlightPlansServiceServicer):
    """Knows one plan; its watch ends after three changes, or never."""

    async def GetFlightPlan(self, request: pb.GetFlightPlanRequest, context: Any) -> pb.GetFlightPlanResponse:
        if request.name.endswith("/broken"):
            raise RuntimeError("a fault of ours")
        if not request.name.endswith("/known"):
            raise NotFound(request.name)
        return pb.GetFlightPlanResponse()

    async def WatchFlightPlans(
        self, request: pb.WatchFlightPlansRequest, context: Any
    ) -> AsyncIterator[pb.WatchFlightPlansResponse]:
        for _ in range(3):
            yield pb.WatchFlightPlansResponse()
        if request.resume_token:
            await asyncio.Event().wait()

    async def SubmitFlightPlans(  # type: ignore[override]  # the pipeline passes messages unread
        self, requests: AsyncIterator[Incoming[Message]], context: Any
    ) -> AsyncIterator[pb.SubmitFlightPlansResponse]:
        async for _ in requests:
            yield pb.SubmitFlightPlansResponse()
            yield pb.SubmitFlightPlansResponse()


@asynccontextmanager
async def serving() -> AsyncIterator[grpc.aio.Channel]:
    tracing.configure()
    health = Health()
    server = build_server(Pipeline(verifier=Known(), health=health), health, services=(), reflect=False)
    flight_plans_pb2_grpc.add_FlightPlansServiceServicer_to_server(Plans(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield channel
    finally:
        await server.stop(0)


@contextmanager
def capturing() -> Iterator[list[Line]]:
    """The lines as the log has them, traces included."""
    with structlog.testing.capture_logs(processors=[add_trace]) as lines:
        yield lines


async def calls_in(lines: list[Line], count: int = 1) -> list[Line]:
    """Once so many calls were logged: a caller may have its answer before."""
    logged = [line for line in lines if line["event"] == "call"]

    async def are_there() -> bool:
        logged[:] = [line for line in lines if line["event"] == "call"]
        return len(logged) >= count

    await eventually(are_there, what="the line of the call")
    assert len(logged) == count
    return logged


def plan(name: str) -> pb.GetFlightPlanRequest:
    return pb.GetFlightPlanRequest(name=f"operators/acme/flightPlans/{name}")


KNOWN, UNKNOWN, BROKEN = "known", "unknown", "broken"


async def test_a_call_is_logged_once_with_who_called_and_its_trace() -> None:
    async with serving() as channel:
        with capturing() as lines:
            await flight_plans_pb2_grpc.FlightPlansServiceStub(channel).GetFlightPlan(plan(KNOWN), metadata=TRACED)
            (line,) = await calls_in(lines)
    assert line.pop("duration_ms") >= 0
    assert line.pop("span_id")
    assert line == {
        "event": "call",
        "log_level": "info",
        "method": PLANS + "GetFlightPlan",
        "subject": "pilot",
        "operator": "operators/acme",
        "code": "OK",
        "trace_id": TRACE,
    }


@pytest.mark.parametrize(
    ("name", "token", "told"),
    [
        (UNKNOWN, "pilot", {"subject": "pilot", "code": "NOT_FOUND", "reason": "NOT_FOUND"}),
        (UNKNOWN, "officer", {"subject": "li", "authority": "authorities/cn-shanghai", "code": "NOT_FOUND"}),
        (BROKEN, "pilot", {"subject": "pilot", "code": "INTERNAL", "reason": "INTERNAL"}),
        ("not a name", "pilot", {"subject": "pilot", "code": "INVALID_ARGUMENT", "reason": "INVALID_FIELD"}),
        (KNOWN, "stolen", {"code": "UNAUTHENTICATED", "reason": "TOKEN_INVALID"}),
    ],
)
async def test_a_refused_call_is_logged_with_its_code_and_reason(name: str, token: str, told: dict[str, str]) -> None:
    async with serving() as channel:
        stub = flight_plans_pb2_grpc.FlightPlansServiceStub(channel)
        with capturing() as lines:
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.GetFlightPlan(plan(name), metadata=(("authorization", f"Bearer {token}"),))
            (line,) = await calls_in(lines)
    assert told.items() <= line.items()
    assert ("subject" in line) == ("subject" in told), "who calls is known from a valid token alone"
    assert name not in str(line), "nothing of the request is logged"
    assert token not in str(line) or token == line.get("subject"), "no token is logged"


async def test_a_call_that_its_role_does_not_allow_names_who_tried() -> None:
    async with serving() as channel:
        stub = flight_plans_pb2_grpc.FlightPlansServiceStub(channel)
        with capturing() as lines:
            with pytest.raises(grpc.aio.AioRpcError):
                await stub.SubmitFlightPlan(
                    pb.SubmitFlightPlanRequest(), metadata=(("authorization", "Bearer officer"),)
                )
            (line,) = await calls_in(lines)
    assert (line["subject"], line["code"], line["reason"]) == ("li", "PERMISSION_DENIED", "ROLE_MISSING")


async def test_streams_are_logged_once_at_their_end_with_their_messages() -> None:
    async with serving() as channel:
        stub = flight_plans_pb2_grpc.FlightPlansServiceStub(channel)
        with capturing() as lines:
            watch = stub.WatchFlightPlans(pb.WatchFlightPlansRequest(parent="operators/acme"), metadata=TOKEN)
            assert len([change async for change in watch]) == 3
            await calls_in(lines)
            submitted = stub.SubmitFlightPlans(iter([pb.SubmitFlightPlansRequest()] * 2), metadata=TOKEN)
            assert len([answer async for answer in submitted]) == 4
            watched, submitted_line = await calls_in(lines, 2)
    assert (watched["code"], watched["sent"]) == ("OK", 3)
    assert "received" not in watched
    assert (submitted_line["received"], submitted_line["sent"]) == (2, 4)


async def test_a_watch_whose_caller_goes_away_is_logged_as_cancelled() -> None:
    async with serving() as channel:
        stub = flight_plans_pb2_grpc.FlightPlansServiceStub(channel)
        with capturing() as lines:
            request = pb.WatchFlightPlansRequest(parent="operators/acme", resume_token="x")
            watch = stub.WatchFlightPlans(request, metadata=TOKEN)
            for _ in range(3):
                await watch.read()
            assert not [line for line in lines if line["event"] == "call"], "it has not ended"
            watch.cancel()
            (line,) = await calls_in(lines)
    assert (line["code"], line["sent"]) == ("CANCELLED", 3)


async def test_health_is_asked_too_often_to_be_logged() -> None:
    async with serving() as channel:
        with capturing() as lines:
            await health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest())
            await flight_plans_pb2_grpc.FlightPlansServiceStub(channel).GetFlightPlan(plan(KNOWN), metadata=TOKEN)
            (line,) = await calls_in(lines)
    assert line["method"] == PLANS + "GetFlightPlan"
