"""WatchFlightPlans: from now, from a token, until the worker stops."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any

import psutil
import pytest

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.events.watching.catching_up import READERS_MAX
from tests.integration.flightplans.world import (
    EAST,
    NORTH,
    OPERATOR,
    SERVICE,
    TOWER,
    Stub,
    World,
    state,
)
from tests.support.errors import refusal

WITHIN_S = 15


async def _to_its_end(call: Any) -> None:
    while True:
        await read(call)


async def read(call: Any) -> pb.WatchFlightPlansResponse:
    async with asyncio.timeout(WITHIN_S):
        response = await call.read()
    assert isinstance(response, pb.WatchFlightPlansResponse), "the watch ended"
    return response


async def watch(stub: Stub, token: str = "", parent: str = OPERATOR) -> Any:
    """A watch that is known to have begun."""
    call = stub.WatchFlightPlans(pb.WatchFlightPlansRequest(parent=parent, resume_token=token))
    if not token:
        assert (await read(call)).HasField("checkpoint")
    return call


async def plans(call: Any, count: int) -> tuple[list[tuple[str, str]], str]:
    """So many changes as (name, state), and the token after the last."""
    found: list[tuple[str, str]] = []
    token = ""
    while len(found) < count:
        response = await read(call)
        token = response.resume_token
        if response.HasField("flight_plan"):
            found.append((response.flight_plan.name, state(response.flight_plan)))
    return found, token


async def test_a_watch_tells_each_change_from_now_on(world: World) -> None:
    earlier = (await world.submit()).flight_plan
    await world.wait_told(earlier.name, "submitted")
    call = await watch(world.stub())
    plan = (await world.submit()).flight_plan
    await world.verdict(plan, "granted", automatic=True)
    found, _ = await plans(call, 2)
    assert found == [(plan.name, "SUBMITTED"), (plan.name, "APPROVED")]


async def test_a_watch_that_resumes_misses_nothing_and_hears_nothing_twice(world: World) -> None:
    call = await watch(world.stub())
    first = [(await world.submit()).flight_plan.name for _ in range(5)]
    heard, token = await plans(call, 3)
    call.cancel()
    second = [(await world.submit()).flight_plan.name for _ in range(20)]
    resumed = await watch(world.stub(), token)
    third = asyncio.gather(*(world.submit() for _ in range(20)))
    rest, _ = await plans(resumed, 42)
    names = [name for name, _ in heard + rest]
    assert sorted(names) == sorted([*first, *second, *(answer.flight_plan.name for answer in await third)])


async def test_officers_hear_what_touches_their_authority(world: World) -> None:
    call = await watch(world.officer(TOWER), parent="operators/-")
    await world.submit()
    await world.submit(NORTH)
    east = (await world.submit(EAST)).flight_plan.name
    found, _ = await plans(call, 1)
    assert found == [(east, "SUBMITTED")]


def token_of(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


@pytest.mark.parametrize(
    "token",
    [
        "nonsense",
        token_of("[[0,0]]"),
        token_of("[[0,Infinity]]"),
        token_of("[[0,-1]]"),
        token_of(json.dumps([[partition, 999_999_999_999] for partition in range(6)])),
    ],
)
async def test_a_token_that_is_none_of_ours_is_out_of_range(world: World, token: str) -> None:
    call = world.stub().WatchFlightPlans(pb.WatchFlightPlansRequest(parent=OPERATOR, resume_token=token))
    failure = await refusal(call.read())
    assert (failure.code.name, failure.reason) == ("OUT_OF_RANGE", "RESUME_TOKEN_EXPIRED")


async def test_any_worker_goes_on_from_another_ones_token_and_a_stopping_one_says_so(world: World) -> None:
    await world.installation.start(SERVICE, instance="2")
    call = await watch(world.stub(instance="2"))
    plan = (await world.submit()).flight_plan
    (found, token) = await plans(call, 1)
    assert found == [(plan.name, "SUBMITTED")]
    stopping = asyncio.create_task(world.installation.stop(SERVICE, instance="2"))
    failure = await refusal(_to_its_end(call))
    assert failure.code.name == "UNAVAILABLE"
    assert failure.retry_delay_s is not None
    await stopping
    later = (await world.submit()).flight_plan
    resumed = await watch(world.stub(), token)
    found, _ = await plans(resumed, 1)
    assert found == [(later.name, "SUBMITTED")]


def _clients_of(world: World) -> int:
    """Connections of the worker to the brokers."""
    port = int(world.installation.kafka.bootstrap.rpartition(":")[2])
    pid = world.installation.workers[SERVICE, "1"].identity.pid
    return sum(bool(one.raddr) and one.raddr.port == port for one in psutil.Process(pid).net_connections("tcp"))


async def test_a_fleet_that_reconnects_takes_few_connections_and_gets_all_that_it_missed(world: World) -> None:
    call = await watch(world.stub())
    await world.submit()
    _, token = await plans(call, 1)
    before = _clients_of(world)
    missed = sorted([(await world.submit()).flight_plan.name for _ in range(30)])
    await plans(call, 30)
    calls = [await watch(world.stub(), token) for _ in range(60)]
    caught_up = asyncio.gather(*(plans(one, 30) for one in calls))
    most = before
    while not caught_up.done():
        most = max(most, _clients_of(world))
        await asyncio.sleep(0.02)
    for found, _ in await caught_up:
        assert sorted(name for name, _ in found) == missed
    assert most <= before + 3 * READERS_MAX, "each reader has a few connections, however many watch"
