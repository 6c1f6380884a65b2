"""Who is let in, before anything of a request is read; and how much of a worker calls may occupy."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.flightplans.v1 import flight_plans_pb2_grpc
from lowsky.auth.caller import Caller, Role
from lowsky.auth.tokens import TokenVerifier
from lowsky.errors import Overloaded, Unauthenticated
from lowsky.health import Health
from lowsky.process.load_limits import InFlight
from lowsky.rpc.limits import request_bytes_max
from lowsky.rpc.pipeline import Pipeline
from lowsky.rpc.server import build_server
from tests.support.errors import refusal

SERVICE = "/lowsky.api.flightplans.v1.FlightPlansService/"
TOKEN = (("authorization", "Bearer pilot"),)


class Known(TokenVerifier):
    """Takes the token `pilot` for an operator's, and no other."""

    def __init__(self) -> None:
        pass

    async def verify(self, token: str) -> Caller:
        if token != "pilot":
            raise Unauthenticated("TOKEN_INVALID", "nobody")
        return Caller("pilot", frozenset({Role.OPERATOR}), operator="operators/acme")


class Waiting(flight_plans_pb2_grpc.FlightPlansServiceServicer):
    """Answers when it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()
        self.begun = asyncio.Semaphore(0)

    async def GetFlightPlan(self, request: pb.GetFlightPlanRequest, context: Any) -> pb.GetFlightPlanResponse:
        self.begun.release()
        await self.let.wait()
        return pb.GetFlightPlanResponse()


@asynccontextmanager
async def serving(pipeline: Pipeline | None = None) -> AsyncIterator[tuple[Waiting, grpc.aio.Channel]]:
    health, servicer = Health(), Waiting()
    server = build_server(pipeline or Pipeline(verifier=Known(), health=health), health, services=(), reflect=False)
    flight_plans_pb2_grpc.add_FlightPlansServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            yield servicer, channel
    finally:
        await server.stop(None)


def call(channel: grpc.aio.Channel, method: str, raw: bytes, metadata: Any = TOKEN) -> Any:
    unary: Any = channel.unary_unary(SERVICE + method)
    return unary(raw, metadata=metadata, timeout=30)


GET = pb.GetFlightPlanRequest(name="operators/acme/flightPlans/x").SerializeToString()


async def test_nothing_is_deserialised_for_a_caller_who_is_not_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    original = pb.SubmitFlightPlanRequest.FromString

    def counted(raw: bytes) -> pb.SubmitFlightPlanRequest:
        read.append(len(raw))
        return original(raw)

    monkeypatch.setattr(pb.SubmitFlightPlanRequest, "FromString", counted, raising=False)
    async with serving() as (_, channel):
        large = pb.SubmitFlightPlanRequest(parent="x" * 400_000).SerializeToString()
        for metadata in ((), (("authorization", "Bearer somebody"),)):
            refused = await asyncio.gather(
                *(refusal(call(channel, "SubmitFlightPlan", large, metadata)) for _ in range(24))
            )
            assert {error.code for error in refused} == {grpc.StatusCode.UNAUTHENTICATED}
        assert read == []
        assert (await refusal(call(channel, "SubmitFlightPlan", large))).reason == "INVALID_FIELD"
        assert read == [len(large)]


@pytest.mark.parametrize("kind", ["unary_unary", "stream_unary", "unary_stream", "stream_stream"])
async def test_however_a_caller_calls_the_refusal_says_why(kind: str) -> None:
    async with serving() as (_, channel):
        multicallable = getattr(channel, kind)(SERVICE + "SubmitFlightPlans")
        request = iter([b"x" * 1000] * 3) if kind.startswith("stream") else b"x" * 300_000
        answering = multicallable(request, timeout=10)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            if kind.endswith("_stream"):
                async for _ in answering:
                    pass
            else:
                await answering
        assert refused.value.code() is grpc.StatusCode.UNAUTHENTICATED


async def test_bytes_that_are_no_message_are_the_callers_fault() -> None:
    async with serving() as (_, channel):
        error = await refusal(call(channel, "GetFlightPlan", b"\xff\xff\xff"))
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "MALFORMED_MESSAGE")


async def test_a_request_that_is_too_large_hears_the_limit() -> None:
    async with serving() as (_, channel):
        limit = request_bytes_max(SERVICE + "GetFlightPlan")
        error = await refusal(call(channel, "GetFlightPlan", b"x" * (limit + 1)))
        assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "TOO_LARGE")
        assert error.metadata["limit"] == str(limit)


async def test_a_caller_with_as_many_calls_as_it_may_have_is_told_when_to_come_back() -> None:
    pipeline = Pipeline(verifier=Known(), health=Health())
    pipeline._calls = InFlight("calls", calls_max=10, calls_per_caller_max=3, bytes_max=1_000_000)
    async with serving(pipeline) as (servicer, channel):
        under_way = [asyncio.ensure_future(call(channel, "GetFlightPlan", GET)) for _ in range(3)]
        for _ in under_way:
            await asyncio.wait_for(servicer.begun.acquire(), 10)
        error = await refusal(call(channel, "GetFlightPlan", GET))
        assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        assert (error.retry_delay_s or 0) > 0
        servicer.let.set()
        await asyncio.gather(*under_way)
        await call(channel, "GetFlightPlan", GET)


async def test_requests_of_more_bytes_than_a_worker_holds_at_once_are_told_when_to_come_back() -> None:
    pipeline = Pipeline(verifier=Known(), health=Health())
    pipeline._calls = InFlight("calls", calls_max=3, calls_per_caller_max=3, bytes_max=len(GET) + 1)
    async with serving(pipeline) as (servicer, channel):
        under_way = asyncio.ensure_future(call(channel, "GetFlightPlan", GET))
        async with asyncio.timeout(10):
            await servicer.begun.acquire()
        error = await refusal(call(channel, "GetFlightPlan", GET))
        assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
        assert (error.retry_delay_s or 0) > 0
        servicer.let.set()
        await under_way
        await call(channel, "GetFlightPlan", GET)


def test_what_is_under_way_is_counted_and_given_back() -> None:
    held = InFlight("calls", calls_max=3, calls_per_caller_max=2, bytes_max=100)
    with held.call("a"), held.call("a"):
        with pytest.raises(Overloaded), held.call("a"):
            pass
        with held.call("b"), pytest.raises(Overloaded), held.call("c"):
            pass
        with held.call("c"):
            pass
    with held.request(60), held.request(40), pytest.raises(Overloaded), held.request(1):
        pass
    with pytest.raises(ZeroDivisionError), held.call("a"), held.request(100):
        _ = 1 / 0
    assert (held._calls, held._bytes, held._by_caller) == (0, 0, {})
