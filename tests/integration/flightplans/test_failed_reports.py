"""Reports of flights off their plans that come to nothing, and flights that report at the moment of their closing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
import pytest_asyncio

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.errors import IllegalMove, StaleEtag
from lowsky.events.kafka import Kafka
from lowsky.events.relay import Relay
from lowsky.flightplans.codec.plans import report_of
from lowsky.flightplans.domain.plan import FlightPlan, State
from lowsky.flightplans.life.off_nominal import OffNominal
from lowsky.flightplans.life.overdue import Overdue
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.flightplans.postgres.reservations import Reservations
from lowsky.geo.heights.altitude import ANYWHERE
from lowsky.health import Health
from lowsky.local.stack import Stack
from tests.integration.flightplans.held import START, Path, a_drone, new_database, opened
from tests.integration.flightplans.world import AGL, timestamp
from tests.support.plan_contents import contents

HERE, ELSEWHERE = (121.0, 31.0), (121.1, 31.1)
ACME, RIVAL = "operators/acme", "operators/rival"


@pytest_asyncio.fixture(loop_scope="session")
async def path(infrastructure: Stack) -> AsyncIterator[Path]:
    async with new_database(infrastructure.database_url) as url, opened(url, ANYWHERE) as path:
        yield path


def circle(at: tuple[float, float], start: datetime, minutes: float = 10) -> assessment_pb2.Volumes:
    volume = geo_pb2.Volume4D(
        outline_circle=geo_pb2.Circle(center=geo_pb2.LatLng(longitude=at[0], latitude=at[1]), radius_m=300),
        altitude=geo_pb2.AltitudeBand(lower_m=0, lower_datum=AGL, upper_m=100, upper_datum=AGL),
        time_start=timestamp(start),
        time_end=timestamp(start + timedelta(minutes=minutes)),
    )
    return assessment_pb2.Volumes(volumes=[volume])


def flight(operator: str, at: tuple[float, float], start: datetime = START) -> tuple[str, pb.FlightPlan]:
    plan = pb.FlightPlan(
        aircraft=a_drone(operator),
        **contents(),
        volumes=circle(at, start),
    )
    return operator, plan


async def accepted(path: Path) -> str:
    (plan,) = await path.submit(flight(ACME, HERE))
    assert isinstance(plan, pb.FlightPlan)
    assert plan.state == pb.STATE_SUBMITTED
    return plan.name


async def fly(path: Path, name: str) -> None:
    await path.move(name, lambda plan: plan.approve("approvals/a", "n", "", START))
    await path.move(name, lambda plan: plan.activate(START))


async def report(path: Path, name: str, off: assessment_pb2.Volumes, etag: str = "") -> FlightPlan:
    request = pb.ReportFlightPlanStateRequest(
        request_id=str(uuid4()), name=name, etag=etag, state=pb.STATE_NONCONFORMING, off_nominal_volumes=off
    )
    worker = path.workers[0]
    async with path.database.transaction() as connection:
        return await OffNominal(worker._holding, path.reference).report(
            connection, report_of(request), path.clock.now()
        )


async def is_rejected(path: Path, at: tuple[float, float]) -> bool:
    (plan,) = await path.submit(flight(RIVAL, at))
    assert isinstance(plan, pb.FlightPlan)
    return bool(plan.state == pb.STATE_REJECTED)


async def test_a_report_that_is_refused_leaves_the_plan_its_airspace(path: Path) -> None:
    name = await accepted(path)
    with pytest.raises(IllegalMove):  # it does not fly yet
        await report(path, name, circle(ELSEWHERE, START))
    assert await is_rejected(path, HERE)
    assert not await is_rejected(path, ELSEWHERE)


async def test_a_report_of_an_earlier_version_leaves_the_plan_its_airspace(path: Path) -> None:
    name = await accepted(path)
    await fly(path, name)
    with pytest.raises(StaleEtag):
        await report(path, name, circle(ELSEWHERE, START), etag="1")
    assert await is_rejected(path, HERE)


async def test_a_plan_keeps_its_airspace_while_a_report_is_under_way(path: Path) -> None:
    name = await accepted(path)
    await fly(path, name)
    holding = path.workers[0]._holding
    async with path.database.transaction() as connection:
        request = pb.ReportFlightPlanStateRequest(
            request_id=str(uuid4()),
            name=name,
            state=pb.STATE_NONCONFORMING,
            off_nominal_volumes=circle(ELSEWHERE, START),
        )
        await OffNominal(holding, path.reference).report(connection, report_of(request), START)
        assert await is_rejected(path, HERE)  # its transaction has not ended
    assert await is_rejected(path, HERE)
    assert await is_rejected(path, ELSEWHERE)


async def test_a_flight_that_says_at_the_last_moment_that_it_still_flies_is_not_closed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = await accepted(path)
    await fly(path, name)
    path.clock.time = START + timedelta(minutes=20)
    overdue = Overdue(
        database=path.database, relay=Relay(path.database, Kafka("nowhere:1"), Health()), clock=path.clock,
        grace=timedelta(minutes=5),
    )  # fmt: skip
    lock_free = FlightPlanStore.lock_free

    async def reported_before(store: FlightPlanStore, ids: list[str]) -> list[FlightPlan]:
        if ids:
            await asyncio.create_task(report(path, name, circle(ELSEWHERE, path.clock.time)))
        return list(await lock_free(store, ids))

    monkeypatch.setattr(FlightPlanStore, "lock_free", reported_before)
    await overdue.close_some()
    assert (await path.plan(name)).state is State.NONCONFORMING
    async with path.database.connection() as connection:
        assert not await Reservations(connection).over(path.clock.time, 10)
