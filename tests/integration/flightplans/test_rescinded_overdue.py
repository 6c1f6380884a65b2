"""The timer that releases the airspace of flights which were rescinded in the air and never reported down."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.events.kafka import Kafka
from lowsky.events.relay import Relay
from lowsky.flightplans.codec.plans import report_of
from lowsky.flightplans.domain.plan import FlightPlan, State
from lowsky.flightplans.holding.reserving import Holding
from lowsky.flightplans.life.off_nominal import OffNominal
from lowsky.flightplans.life.overdue import Overdue
from lowsky.geo.heights.vertical_reference import ANYWHERE
from lowsky.health import Health
from lowsky.local.stack import Stack
from tests.integration.flightplans.held import AIRBORNE, OPERATORS, START, Path, a_drone, new_database, opened
from tests.integration.flightplans.test_off_nominal import BESIDE, volumes
from tests.integration.flightplans.world import flight_plan

GRACE = timedelta(minutes=10)
AT = (113.2, 22.8)


@pytest_asyncio.fixture(loop_scope="session")
async def path(infrastructure: Stack) -> AsyncIterator[Path]:
    async with new_database(infrastructure.database_url) as url, opened(url, ANYWHERE) as path:
        yield path


async def rescinded(path: Path) -> FlightPlan:
    """A flight that is rescinded in the air."""
    message = flight_plan(AT, START + timedelta(minutes=5), aircraft=a_drone(OPERATORS[0]))
    (answer,) = await path.submit((OPERATORS[0], message))
    assert isinstance(answer, pb.FlightPlan)
    assert answer.state == pb.STATE_SUBMITTED
    path.clock.time = START + timedelta(minutes=5)
    await path.move(answer.name, lambda plan: plan.approve("approvals/a", "n", "", path.clock.time))
    await path.move(answer.name, lambda plan: plan.activate(path.clock.time))
    plan = await path.move(answer.name, lambda plan: plan.rescind("a procession", path.clock.time))
    assert plan.airborne
    return plan


async def sweep(path: Path, at: datetime) -> int:
    path.clock.time = at
    relay = Relay(path.database, Kafka("nowhere:1"), Health())
    return await Overdue(database=path.database, relay=relay, clock=path.clock, grace=GRACE).close_some()


@pytest.mark.parametrize("reported", [False, True])
async def test_the_end_of_its_window_releases_it_and_not_a_moment_before(path: Path, reported: bool) -> None:
    """With off-nominal volumes, the end of the last of them."""
    plan = await rescinded(path)
    until = plan.end
    if reported:
        request = pb.ReportFlightPlanStateRequest(
            name=plan.name, state=pb.STATE_NONCONFORMING, off_nominal_volumes=volumes(BESIDE[0], path.clock.time, 60)
        )
        until = request.off_nominal_volumes.volumes[0].time_end.ToDatetime(tzinfo=UTC)
        assert until > plan.end
        reports = OffNominal(Holding(path.reference), path.reference)
        async with path.database.transaction() as connection:
            await reports.report(connection, report_of(request), path.clock.time)
    assert await sweep(path, until + GRACE) == 0
    assert (await path.states())[plan.name] == AIRBORNE
    await path.check_what_is_held()
    assert await sweep(path, until + GRACE + timedelta(milliseconds=1)) == 1
    assert (await path.states())[plan.name] is State.RESCINDED
    assert (await path.plan(plan.name)).state_reason == "a procession"
    await path.check_what_is_held()
    assert await sweep(path, until + GRACE + timedelta(days=1)) == 0
