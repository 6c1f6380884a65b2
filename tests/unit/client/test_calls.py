"""Calls end in an answer or a typed error; what may safely be sent again is, and nothing else."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from google.rpc import error_details_pb2

from lowsky.api.airspace.v1 import geozones_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.client import (
    Client,
    DeadlineExceeded,
    Endpoints,
    FailedPrecondition,
    InvalidArgument,
    LowskyApiError,
    ResourceExhausted,
    RetryPolicy,
    StaleEtag,
    Unauthenticated,
    Unavailable,
)

from .conftest import QUICK, ScriptedPlans, refusal, retry_info

NAME = "operators/acme/flightPlans/p1"
FOUND = pb.GetFlightPlanResponse(flight_plan=pb.FlightPlan(name=NAME))
WITHDRAWN = pb.WithdrawFlightPlanResponse(flight_plan=pb.FlightPlan(name=NAME, state=pb.STATE_WITHDRAWN))
AWAY = refusal(grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE")


@pytest.fixture
async def client(target: str) -> AsyncIterator[Client]:
    async with Client(Endpoints.everything_at(target), "secret", tls=False, retry=QUICK) as made:
        yield made


async def test_a_call_carries_token_trace_and_correlation_id(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [FOUND]
    assert (await client.get_flight_plan(NAME)).name == NAME
    sent = plans.metadata[0]
    assert sent["authorization"] == "Bearer secret"
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", sent["traceparent"])
    assert uuid.UUID(sent["x-correlation-id"]).int
    assert sent["user-agent"].startswith("lowsky-python/")


async def test_reads_are_tried_again_while_a_server_is_away_within_one_trace(
    client: Client, plans: ScriptedPlans
) -> None:
    plans.script = [AWAY, AWAY, FOUND]
    assert (await client.get_flight_plan(NAME)).name == NAME
    assert len(plans.requests) == 3
    assert len({sent["traceparent"] for sent in plans.metadata}) == 1
    assert len({sent["x-correlation-id"] for sent in plans.metadata}) == 1


async def test_a_change_is_sent_again_with_the_same_request_id(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [AWAY, WITHDRAWN]
    await client.withdraw_flight_plan(NAME)
    first, second = (request.request_id for request in plans.requests)
    assert uuid.UUID(first).version == 4
    assert first == second


async def test_a_given_request_id_is_kept(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [pb.SubmitFlightPlanResponse()]
    request_id = str(uuid.uuid4())
    await client.submit_flight_plan("operators/acme", pb.FlightPlan(), request_id=request_id)
    assert plans.requests[0].request_id == request_id


async def test_a_torn_connection_counts_as_away(client: Client, plans: ScriptedPlans) -> None:
    async def tear(_: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.UNKNOWN, "Stream removed")

    plans.script = [tear, FOUND]
    assert (await client.get_flight_plan(NAME)).name == NAME


async def test_a_cancellation_by_the_server_counts_as_away(client: Client, plans: ScriptedPlans) -> None:
    async def cancel(_: Any, context: Any) -> Any:
        await context.abort(grpc.StatusCode.CANCELLED, "going down")

    plans.script = [cancel, FOUND]
    assert (await client.get_flight_plan(NAME)).name == NAME


async def test_ones_own_cancellation_stays_one(client: Client, plans: ScriptedPlans) -> None:
    arrived = asyncio.Event()

    async def hang(_: Any, __: Any) -> Any:
        arrived.set()
        await asyncio.Event().wait()

    plans.script = [hang]
    calling = asyncio.create_task(client.get_flight_plan(NAME))
    await arrived.wait()
    calling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await calling
    assert len(plans.requests) == 1


async def test_a_stale_etag_is_never_tried_again(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [refusal(grpc.StatusCode.ABORTED, "STALE_ETAG", "changed meanwhile")]
    with pytest.raises(StaleEtag, match="changed meanwhile"):
        await client.withdraw_flight_plan(NAME, etag="old")
    assert len(plans.requests) == 1


@pytest.mark.parametrize(
    ("code", "reason"), [("NOT_FOUND", "NOT_FOUND"), ("FAILED_PRECONDITION", "ILLEGAL_MOVE"), ("INTERNAL", "INTERNAL")]
)
async def test_what_time_does_not_mend_is_not_tried_again(
    client: Client, plans: ScriptedPlans, code: str, reason: str
) -> None:
    plans.script = [refusal(grpc.StatusCode[code], reason)]
    with pytest.raises(LowskyApiError) as raised:
        await client.get_flight_plan(NAME)
    assert (raised.value.code, raised.value.reason) == (code, reason)
    assert len(plans.requests) == 1


async def test_overload_is_tried_again_no_sooner_than_the_server_says(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", "full", retry_info(0.2)), FOUND]
    loop = asyncio.get_running_loop()
    began = loop.time()
    await client.get_flight_plan(NAME)
    assert loop.time() - began >= 0.2


async def test_overload_without_a_time_is_final(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED")]
    with pytest.raises(ResourceExhausted):
        await client.get_flight_plan(NAME)


async def test_tries_end_within_the_policy(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [AWAY] * 20
    with pytest.raises(Unavailable) as raised:
        await client.get_flight_plan(NAME)
    assert raised.value.reason == "DATABASE_UNAVAILABLE"
    assert len(plans.requests) == QUICK.tries_max


async def test_no_try_begins_that_the_deadline_would_cut_off(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [refusal(grpc.StatusCode.UNAVAILABLE, "NOT_CAUGHT_UP", "later", retry_info(30))]
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(Unavailable):
        await client.get_flight_plan(NAME)
    assert loop.time() - began < 5


async def test_a_deadline_ends_a_call_that_is_not_answered(client: Client, plans: ScriptedPlans) -> None:
    async def hang(_: Any, context: Any) -> Any:
        assert context.time_remaining() < 1
        await asyncio.Event().wait()

    plans.script = [hang]
    with pytest.raises(DeadlineExceeded):
        await client.call(client.flight_plans.GetFlightPlan, pb.GetFlightPlanRequest(name=NAME), timeout_s=0.3)


async def test_nobody_listening_is_unavailable() -> None:
    retry = RetryPolicy(tries_max=2, first_pause_s=0.01)
    async with Client(Endpoints(flightplans="127.0.0.1:1"), "t", tls=False, retry=retry) as client:
        with pytest.raises(Unavailable, match="UNAVAILABLE"):
            await client.get_flight_plan(NAME)


async def test_an_error_tells_fields_metadata_and_details(client: Client, plans: ScriptedPlans) -> None:
    bad = error_details_pb2.BadRequest()
    bad.field_violations.add(field="flight_plan.purpose", description="must be set", reason="enum.not_in")
    report = geozones_pb2.ImportReport(format="ED-269", refused=2)
    plans.script = [refusal(grpc.StatusCode.INVALID_ARGUMENT, "INVALID_FIELD", "broken", bad, report, limit="5")]
    with pytest.raises(InvalidArgument) as raised:
        await client.get_flight_plan(NAME)
    error = raised.value
    assert (error.fields[0].field, error.fields[0].message) == ("flight_plan.purpose", "must be set")
    assert error.metadata == {"limit": "5"}
    assert error.detail(geozones_pb2.ImportReport) == report
    assert error.detail(geozones_pb2.Dataset) is None
    assert error.correlation_id == plans.metadata[0]["x-correlation-id"]
    assert str(error) == "INVALID_FIELD: broken; flight_plan.purpose: must be set"


async def test_a_report_of_thousands_of_zones_fits_into_an_error(client: Client, plans: ScriptedPlans) -> None:
    report = geozones_pb2.ImportReport(refused=5_000)
    for position in range(5_000):
        report.entries.add(position=position, identifier=f"ZONE{position}").notes.add(reason="SELF_CROSSING")
    plans.script = [refusal(grpc.StatusCode.FAILED_PRECONDITION, "ZONES_REFUSED", "5 000 zones refused", report)]
    with pytest.raises(FailedPrecondition) as raised:
        await client.get_flight_plan(NAME)
    assert raised.value.detail(geozones_pb2.ImportReport) == report


async def test_lists_are_read_to_their_end(client: Client, plans: ScriptedPlans) -> None:
    page = pb.ListFlightPlansResponse
    plans.script = [
        page(flight_plans=[pb.FlightPlan(name="a"), pb.FlightPlan(name="b")], next_page_token="more"),
        page(flight_plans=[pb.FlightPlan(name="c")]),
    ]
    assert [plan.name async for plan in client.list_flight_plans("operators/acme")] == ["a", "b", "c"]
    assert [request.page_token for request in plans.requests] == ["", "more"]


async def test_a_service_without_an_endpoint_is_said_so() -> None:
    async with Client(Endpoints(), "t") as client:
        with pytest.raises(LookupError, match="no endpoint for approvals"):
            _ = client.approvals


class Renewing:
    """Gives numbered tokens, another one each time that one is discarded."""

    def __init__(self) -> None:
        self.number = 1

    async def token(self) -> str:
        return f"t{self.number}"

    def discard(self, token: str) -> None:
        assert token == f"t{self.number}"
        self.number += 1


EXPIRED = refusal(grpc.StatusCode.UNAUTHENTICATED, "TOKEN_EXPIRED")


async def test_an_expired_token_is_replaced_once(target: str, plans: ScriptedPlans) -> None:
    async with Client(Endpoints.everything_at(target), Renewing(), tls=False, retry=QUICK) as client:
        plans.script = [EXPIRED, FOUND, EXPIRED, EXPIRED]
        await client.get_flight_plan(NAME)
        assert [sent["authorization"] for sent in plans.metadata] == ["Bearer t1", "Bearer t2"]
        with pytest.raises(Unauthenticated):
            await client.get_flight_plan(NAME)
    assert len(plans.requests) == 4


async def test_a_static_token_that_has_expired_is_final(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [EXPIRED]
    with pytest.raises(Unauthenticated):
        await client.get_flight_plan(NAME)
