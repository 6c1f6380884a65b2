"""Answers that stream, through the whole pipeline, to callers that go away."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
import structlog

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.flightplans.v1 import flight_plans_pb2_grpc
from lowsky.auth.caller import Caller, Role
from lowsky.auth.tokens import TokenVerifier
from lowsky.health import Health
from lowsky.process.load_limits import InFlight
from lowsky.rpc import pipeline
from lowsky.rpc.pipeline import Pipeline
from tests.support.errors import error_of, refusal
from tests.support.polling import eventually

WITHIN_S = 10


class Everybody(TokenVerifier):
    """Takes any token for an operator's."""

    def __init__(self, lasts_s: float = math.inf) -> None:
        self._lasts_s = lasts_s

    async def verify(self, token: str) -> Caller:
        return Caller(
            "pilot", frozenset({Role.OPERATOR}), operator="operators/acme", expires_s=time.time() + self._lasts_s
        )


class Endless(flight_plans_pb2_grpc.FlightPlansServiceServicer):
    """Answers for as long as it is let, with more than a connection holds, and says when it was ended."""

    def __init__(self) -> None:
        self.sent = self.sent_before = 0
        self.ended = asyncio.Event()

    async def waits(self) -> bool:
        """Whether nothing more went out since the last look."""
        before, self.sent_before = self.sent_before, self.sent
        return 0 < self.sent == before

    async def WatchFlightPlans(
        self, request: pb.WatchFlightPlansRequest, context: Any
    ) -> AsyncIterator[pb.WatchFlightPlansResponse]:
        try:
            while True:
                self.sent += 1
                yield pb.WatchFlightPlansResponse(resume_token="x" * 100_000)
        finally:
            self.ended.set()


async def test_a_watcher_that_goes_away_while_it_is_written_to_leaves_nothing_behind(
    caplog: pytest.LogCaptureFixture,
) -> None:
    servicer, server = Endless(), grpc.aio.server(interceptors=[Pipeline(verifier=Everybody(), health=Health())])
    flight_plans_pb2_grpc.add_FlightPlansServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = flight_plans_pb2_grpc.FlightPlansServiceStub(channel)
            call = stub.WatchFlightPlans(
                pb.WatchFlightPlansRequest(parent="operators/acme"), metadata=[("authorization", "Bearer x")]
            )
            await call.read()
            await eventually(servicer.waits, what="a message that does not fit any more")
            with caplog.at_level(logging.ERROR), structlog.testing.capture_logs() as logged:
                call.cancel()
                async with asyncio.timeout(WITHIN_S):
                    await servicer.ended.wait()
                await asyncio.sleep(0)
        assert caplog.records == []
        assert [line for line in logged if line["log_level"] == "error"] == [], "that a caller leaves is no incident"
    finally:
        await server.stop(0)


class Talking(Endless):
    """The same, little by little, so that callers may leave at any point of a message's way."""

    async def WatchFlightPlans(
        self, request: pb.WatchFlightPlansRequest, context: Any
    ) -> AsyncIterator[pb.WatchFlightPlansResponse]:
        while True:
            self.sent += 1
            yield pb.WatchFlightPlansResponse(resume_token="x")
            await asyncio.sleep(0)


async def test_watchers_that_leave_at_any_moment_are_no_incidents(caplog: pytest.LogCaptureFixture) -> None:
    servicer, server = Talking(), grpc.aio.server(interceptors=[Pipeline(verifier=Everybody(), health=Health())])
    flight_plans_pb2_grpc.add_FlightPlansServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    metadata = [("authorization", "Bearer x")]
    try:
        with caplog.at_level(logging.ERROR), structlog.testing.capture_logs() as logged:
            for round_ in range(20):
                async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
                    stub = flight_plans_pb2_grpc.FlightPlansServiceStub(channel)
                    request = pb.WatchFlightPlansRequest(parent="operators/acme")
                    calls = [stub.WatchFlightPlans(request, metadata=metadata) for _ in range(5)]
                    for call in calls:
                        await call.read()
                    if round_ % 2:
                        for call in calls:
                            call.cancel()
                # Else the connection goes with them.
        await server.stop(WITHIN_S)
        assert caplog.records == []
        assert [line for line in logged if line["log_level"] == "error"] == []
    finally:
        await server.stop(0)


class Quiet(flight_plans_pb2_grpc.FlightPlansServiceServicer):
    """A watch on which nothing happens."""

    async def WatchFlightPlans(
        self, request: pb.WatchFlightPlansRequest, context: Any
    ) -> AsyncIterator[pb.WatchFlightPlansResponse]:
        yield pb.WatchFlightPlansResponse(resume_token="1")
        await asyncio.Event().wait()


async def test_a_stream_ends_when_the_token_of_its_caller_does() -> None:
    server = grpc.aio.server(interceptors=[Pipeline(verifier=Everybody(lasts_s=0.3), health=Health())])
    flight_plans_pb2_grpc.add_FlightPlansServiceServicer_to_server(Quiet(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = flight_plans_pb2_grpc.FlightPlansServiceStub(channel)
            call = stub.WatchFlightPlans(
                pb.WatchFlightPlansRequest(parent="operators/acme"), metadata=[("authorization", "Bearer x")]
            )
            first = await call.read()
            assert isinstance(first, pb.WatchFlightPlansResponse)
            assert first.resume_token == "1"
            with pytest.raises(grpc.aio.AioRpcError) as ended:
                async with asyncio.timeout(WITHIN_S):
                    await call.read()
            failure = error_of(ended.value)
            assert (failure.code, failure.reason) == (grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED")
    finally:
        await server.stop(0)


class Party(Everybody):
    """Takes the token for the name of the caller's operator; each call has a subject of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.calls = 0

    async def verify(self, token: str) -> Caller:
        self.calls += 1
        return Caller(f"pilot-{self.calls}", frozenset({Role.OPERATOR}), operator=f"operators/{token}")


async def test_one_party_leaves_room_for_the_watches_of_others_however_many_subjects_it_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pipeline, "WATCHES_PER_PARTY_MAX", 3)
    server = grpc.aio.server(interceptors=[Pipeline(verifier=Party(), health=Health())])
    flight_plans_pb2_grpc.add_FlightPlansServiceServicer_to_server(Quiet(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = flight_plans_pb2_grpc.FlightPlansServiceStub(channel)

            def begin(operator: str) -> Any:
                request = pb.WatchFlightPlansRequest(parent=f"operators/{operator}")
                return stub.WatchFlightPlans(request, metadata=[("authorization", f"Bearer {operator}")], timeout=30)

            watches = [begin("acme") for _ in range(3)]
            for call in watches:
                first = await call.read()
            assert isinstance(first, pb.WatchFlightPlansResponse)
            assert first.resume_token == "1"
            failure = await refusal(begin("acme").read())
            assert (failure.code, failure.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
            assert "3 watches" in failure.message
            assert failure.retry_delay_s
            assert (await begin("rival").read()).resume_token == "1"
            watches[0].cancel()

            async def there_is_room() -> bool:
                return bool((await begin("acme").read()).resume_token == "1")

            await eventually(there_is_room, what="the place of the watch that ended")
    finally:
        await server.stop(0)


class Listening(flight_plans_pb2_grpc.FlightPlansServiceServicer):
    """Takes fleets and answers nothing until they end."""

    def __init__(self) -> None:
        self.under_way = 0

    async def SubmitFlightPlans(
        self, requests: AsyncIterator[pb.SubmitFlightPlansRequest], context: Any
    ) -> AsyncIterator[pb.SubmitFlightPlansResponse]:
        self.under_way += 1
        try:
            async for _ in requests:
                yield pb.SubmitFlightPlansResponse()
        finally:
            self.under_way -= 1


async def test_one_caller_has_so_many_fleets_under_way_and_no_more() -> None:
    limited = Pipeline(verifier=Everybody(), health=Health())
    limited._streams = InFlight("streams of requests", calls_max=10, calls_per_caller_max=2)
    servicer, server = Listening(), grpc.aio.server(interceptors=[limited])
    flight_plans_pb2_grpc.add_FlightPlansServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    metadata = [("authorization", "Bearer x")]
    try:
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = flight_plans_pb2_grpc.FlightPlansServiceStub(channel)
            fleets = [stub.SubmitFlightPlans(metadata=metadata) for _ in range(2)]

            async def both() -> bool:
                return servicer.under_way == 2

            await eventually(both, what="two fleets under way")
            async with asyncio.timeout(WITHIN_S):
                error = await refusal(stub.SubmitFlightPlans(metadata=metadata).read())
            assert (error.code, error.reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")
            for fleet in fleets:
                await fleet.done_writing()
                assert await fleet.read() is grpc.aio.EOF
            again = stub.SubmitFlightPlans(metadata=metadata)
            await again.done_writing()
            assert await again.read() is grpc.aio.EOF
    finally:
        await server.stop(0)
