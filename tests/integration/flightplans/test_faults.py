"""Crashes and absences: nothing acknowledged is lost, nothing is doubled, and all mends itself.

A PostgreSQL and a Kafka of their own, since they are killed.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
import pytest_asyncio

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.events import topics
from lowsky.local.stack import Stack
from lowsky.local.stack import infrastructure as local_infrastructure
from tests.integration.flightplans.world import OPERATOR, SERVICE, World, state, submission
from tests.support.errors import refusal
from tests.support.installation import Installation, new_installation
from tests.support.polling import eventually
from tests.support.tokens import TokenIssuer

MANY = 300


@pytest.fixture(scope="module")
def doomed() -> Iterator[Stack]:
    """Not beneath pytest's own folder: every pytest that starts closes that one to the database's user."""
    if "LOWSKY_KAFKA_BOOTSTRAP" in os.environ or "LOWSKY_DATABASE_URL" in os.environ:
        pytest.skip("the servers of the environment are not ours to kill")
    with (
        tempfile.TemporaryDirectory(prefix="lowsky-") as folder,
        local_infrastructure(Path(folder) / "state") as stack,
    ):
        yield stack


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def installation(
    doomed: Stack, issuer: TokenIssuer, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Installation]:
    async with new_installation(doomed, issuer, tmp_path_factory.mktemp("services")) as new:
        yield new


async def stored_and_told_once(world: World, names: set[str]) -> None:
    async with world.installation.connection() as connection:
        ids = [name.rpartition("/")[2] for name in names]
        rows = await connection.fetch("SELECT id FROM flightplans.flight_plans WHERE id = ANY($1)", ids)
        assert len(rows) == len(names)

        async def drained() -> bool:
            return bool(await connection.fetchval("SELECT count(*) FROM flightplans.outbox") == 0)

        await eventually(drained, within_s=30, what="the outbox drained")
    events = await world.installation.events(topics.FLIGHT_PLANS)
    told = Counter(key for key, _ in {(event.key, event.id) for event, _ in events if event.key in names})
    assert told == Counter(names)


async def until_acknowledged(world: World, request: pb.SubmitFlightPlanRequest) -> str:
    """As a client does: the same request until there is an answer."""
    while True:
        try:
            return (await world.stub().SubmitFlightPlan(request, timeout=10)).flight_plan.name
        except grpc.aio.AioRpcError as error:
            assert error.code() in (  # which failures may be tried again
                grpc.StatusCode.UNAVAILABLE,
                grpc.StatusCode.DEADLINE_EXCEEDED,
                grpc.StatusCode.RESOURCE_EXHAUSTED,
            ), error
            await asyncio.sleep(0.2)


async def test_a_worker_killed_amid_submissions_loses_and_doubles_nothing(world: World) -> None:
    requests = [submission() for _ in range(MANY)]
    first_try: dict[int, str] = {}

    async def submit(number: int) -> None:
        answer = await world.stub().SubmitFlightPlan(requests[number])
        first_try[number] = answer.flight_plan.name

    tasks = [asyncio.create_task(submit(number)) for number in range(MANY)]

    async def some() -> bool:
        return len(first_try) >= 30

    await eventually(some, what="the first answers")
    await world.installation.kill(SERVICE)
    await asyncio.gather(*tasks, return_exceptions=True)
    acknowledged = dict(first_try)
    await world.installation.restart(SERVICE)
    await world.wait_for_revision()
    names = await asyncio.gather(*(until_acknowledged(world, request) for request in requests))
    assert {number: names[number] for number in acknowledged} == acknowledged
    assert len(set(names)) == MANY
    await stored_and_told_once(world, set(names))
    async with world.installation.connection() as connection:
        count = "SELECT count(*) FROM flightplans.flight_plans WHERE operator = $1"
        assert await connection.fetchval(count, OPERATOR) == MANY


async def test_sessions_that_the_database_ends_cost_a_retry_at_most(world: World) -> None:
    requests = [submission() for _ in range(MANY)]
    tasks = [asyncio.create_task(until_acknowledged(world, request)) for request in requests]
    async with world.installation.connection() as connection:
        for _ in range(5):
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'lowsky-flightplans'"
            )
            await asyncio.sleep(0.1)  # spread over the submissions
    names = await asyncio.gather(*tasks)
    assert len(set(names)) == MANY
    await stored_and_told_once(world, set(names))


async def test_without_the_database_callers_are_told_when_to_come_back(world: World) -> None:
    async with world.installation.database_away():

        async def lost() -> bool:
            return await world.installation.health(SERVICE, part="database") == "NOT_SERVING"

        await eventually(lost)
        failure = await refusal(world.submit())
        assert (failure.code.name, failure.reason) == ("UNAVAILABLE", "DATABASE_UNAVAILABLE")
        assert failure.retry_delay_s
    await world.installation.wait_serving(SERVICE)
    assert state((await world.submit()).flight_plan) == "SUBMITTED"


async def test_a_broker_killed_and_back_is_told_of_and_mended_by_itself(world: World, doomed: Stack) -> None:
    loop = asyncio.get_running_loop()
    before = (await world.submit()).flight_plan.name
    await asyncio.to_thread(doomed.kill, "kafka")
    killed_at = loop.time()
    racing = [asyncio.create_task(until_acknowledged(world, submission())) for _ in range(20)]

    async def lost() -> bool:
        return await world.installation.health(SERVICE) == "NOT_SERVING"

    await eventually(lost, within_s=20, what="the loss of the broker told")
    print(f"loss of the broker told after {loop.time() - killed_at:.1f} s")
    failure = await refusal(world.submit())
    assert failure.code.name == "UNAVAILABLE"
    assert failure.retry_delay_s
    await asyncio.to_thread(doomed.start_service, "kafka")
    back_at = loop.time()
    await world.installation.wait_serving(SERVICE)
    print(f"serving {loop.time() - back_at:.1f} s after the broker came back")
    names = {before, *await asyncio.gather(*racing)}
    await stored_and_told_once(world, names)
    plan = (await world.submit()).flight_plan
    await world.verdict(plan, "granted", automatic=True)
    await world.wait_state(plan.name, "APPROVED")
