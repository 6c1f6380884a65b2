"""A flight that has been off its plan for more than a minute is contingent, whoever notices it, once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from uuid import uuid4

import pytest
import pytest_asyncio

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.events.kafka import Kafka
from lowsky.events.relay import Relay
from lowsky.flightplans.codec.plans import report_of
from lowsky.flightplans.domain.plan import FlightPlan, State
from lowsky.flightplans.life.contingency import Contingency
from lowsky.flightplans.life.off_nominal import OffNominal
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.geo.heights.altitude import ANYWHERE
from lowsky.health import Health
from lowsky.local.stack import Stack
from tests.integration.flightplans.held import START, Path, emptied, new_database, opened
from tests.integration.flightplans.test_aircraft_busy import ELSEWHERE, ONE, OTHER, accepted, circle, flight, take_off
from tests.integration.flightplans.test_off_nominal import flying, report, volumes
from tests.integration.flightplans.world import World, a_free_time

MINUTE = timedelta(seconds=60)
LEAST = timedelta(microseconds=1)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def opened_path(infrastructure: Stack) -> AsyncIterator[Path]:
    async with new_database(infrastructure.database_url) as url, opened(url, ANYWHERE, workers=2) as path:
        yield path


@pytest_asyncio.fixture(loop_scope="session")
async def path(opened_path: Path) -> AsyncIterator[Path]:
    await emptied(opened_path)
    yield opened_path
    await opened_path.check_what_is_held()


def clock_of(path: Path, after: timedelta = MINUTE) -> Contingency:
    """As each worker has one; it knows nothing but what is stored."""
    relay = Relay(path.database, Kafka("nowhere:1"), Health())
    return Contingency(database=path.database, relay=relay, clock=path.clock, after=after)


async def say(
    path: Path, name: str, state: pb.State.ValueType, off: assessment_pb2.Volumes | None = None
) -> FlightPlan:
    request = pb.ReportFlightPlanStateRequest(
        request_id=str(uuid4()), name=name, state=state, off_nominal_volumes=off, reason="wind"
    )
    async with path.database.transaction() as connection:
        return await OffNominal(path.workers[0]._holding, path.reference).report(
            connection, report_of(request), path.clock.now()
        )


async def off_plan(path: Path, off: assessment_pb2.Volumes | None = None) -> str:
    """A flight that left its plan just now."""
    (name,) = await accepted(path, flight(minute=0, minutes=30))
    await take_off(path, name)
    await say(path, name, pb.STATE_NONCONFORMING, off)
    return name


async def told(path: Path, name: str) -> Sequence[str]:
    rows = await path.connection.fetch("SELECT type FROM outbox WHERE key = $1 ORDER BY seq", name)
    return [row["type"].split(".")[2] for row in rows]


async def test_it_is_contingent_after_more_than_a_minute_and_keeps_what_it_may_need(path: Path) -> None:
    await accepted(path, flight(ELSEWHERE, 0, aircraft=OTHER))
    name = await off_plan(path, circle(ELSEWHERE, START, 20))
    before = await path.plan(name)
    path.clock.time = START + MINUTE
    assert await clock_of(path).move_some() == 0
    path.clock.time += LEAST
    assert await clock_of(path).move_some() == 1
    after = await path.plan(name)
    assert after.state is State.CONTINGENT
    assert (after.findings, after.off_nominal) == (before.findings, before.off_nominal)
    assert after.findings
    assert after.off_nominal
    assert "60 s" in after.state_reason
    assert (await told(path, name))[-1] == "made-contingent"
    assert await clock_of(path).move_some() == 0


async def test_another_report_that_it_is_off_its_plan_does_not_begin_anew(path: Path) -> None:
    name = await off_plan(path)
    path.clock.time = START + timedelta(seconds=50)
    await say(path, name, pb.STATE_NONCONFORMING, circle(ELSEWHERE, path.clock.time, 5))
    path.clock.time = START + MINUTE + LEAST
    assert await clock_of(path).move_some() == 1


async def test_a_flight_that_is_back_in_its_plan_has_a_minute_again(path: Path) -> None:
    name = await off_plan(path)
    path.clock.time = START + timedelta(seconds=50)
    await say(path, name, pb.STATE_ACTIVATED)
    path.clock.time = START + timedelta(seconds=100)
    assert await clock_of(path).move_some() == 0
    await say(path, name, pb.STATE_NONCONFORMING)
    path.clock.time = START + timedelta(seconds=160)
    assert await clock_of(path).move_some() == 0
    path.clock.time += LEAST
    assert await clock_of(path).move_some() == 1


async def test_a_flight_that_has_ended_is_left_alone(path: Path) -> None:
    name = await off_plan(path)
    await path.move(name, lambda plan: plan.end_flight(START))
    path.clock.time = START + 2 * MINUTE
    assert await clock_of(path).move_some() == 0


async def test_of_several_workers_each_flight_is_moved_by_one(path: Path) -> None:
    names = []
    for n in range(6):
        (name,) = await accepted(path, flight((122 + 0.1 * n, 31), 0, aircraft=ONE[:-1] + str(10 + n)))
        await take_off(path, name)
        await say(path, name, pb.STATE_NONCONFORMING)
        names.append(name)
    path.clock.time = START + 2 * MINUTE
    moved = await asyncio.gather(*(clock_of(path).move_some() for _ in range(4)))
    while more := await clock_of(path).move_some():
        moved.append(more)
    assert sum(moved) == len(names)
    for name in names:
        assert (await told(path, name)).count("made-contingent") == 1


async def test_a_flight_that_comes_back_at_the_last_moment_stays(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = await off_plan(path)
    path.clock.time = START + 2 * MINUTE
    lock_free = FlightPlanStore.lock_free

    async def back_before(store: FlightPlanStore, ids: list[str]) -> list[FlightPlan]:
        if ids:
            await asyncio.create_task(say(path, name, pb.STATE_ACTIVATED))
            await asyncio.create_task(say(path, name, pb.STATE_NONCONFORMING))
        return list(await lock_free(store, ids))

    monkeypatch.setattr(FlightPlanStore, "lock_free", back_before)
    assert await clock_of(path).move_some() == 0
    assert (await path.plan(name)).state is State.NONCONFORMING


async def test_a_worker_that_starts_later_moves_it_and_tells_it(world: World) -> None:
    plan = await flying(world)
    await report(world, plan, pb.STATE_NONCONFORMING, volumes((117.9, 20.5), a_free_time(), 1))
    await world.installation.start("flightplans", instance="strict", env={"LOWSKY_NONCONFORMING_MAX_S": "1"})
    contingent = await world.wait_state(plan.name, "CONTINGENT")
    assert contingent.HasField("off_nominal_volumes")
    assert "more than 1 s" in contingent.state_reason
    await world.wait_told(plan.name, "submitted", "approved", "activated", "found-nonconforming", "made-contingent")
