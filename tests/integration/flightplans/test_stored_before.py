"""What was stored by an earlier version counts after its migration: its aircraft is busy, its minute has begun."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest

from lowsky.db import migrations
from lowsky.db.migrations import Migration, migrate, migrations_in
from lowsky.flightplans.domain.plan import State
from lowsky.flightplans.postgres.plans import FlightPlanStore
from lowsky.geo.heights.altitude import ANYWHERE
from tests.integration.flightplans.held import START, opened
from tests.integration.flightplans.months import connect
from tests.integration.flightplans.test_aircraft_busy import ONE, flight, is_busy

PLAN = """
INSERT INTO flight_plans
    (id, operator, aircraft, state, state_reason, version, create_time, update_time, time_start, time_end,
     airspace_revision, authorities, approval, approval_number, content, assessment)
VALUES ($1, 'operators/acme', $2, 'NONCONFORMING', '', 4, $3, $3, $4, $5, 1, '{}', '', '', '', '')
"""
RESERVATION = """
INSERT INTO reservations (plan, priority, revision, off_nominal, time_end, nodes, volumes)
VALUES ($1, 0, 2, 0, $2, '{}', '')
"""


async def test_an_aircraft_is_busy_with_a_plan_of_before(empty_database: str) -> None:
    def earlier(package: str) -> list[Migration]:
        return [migration for migration in migrations_in(package) if migration.name < "0009"]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(migrations, "migrations_in", earlier)
        await migrate(empty_database, "flightplans")
    connection, plan = await connect(empty_database), uuid4()
    reported, start, end = (START + timedelta(minutes=minute) for minute in (-1, 10, 20))
    await connection.execute(PLAN, str(plan), ONE, reported, start, end)
    await connection.execute(RESERVATION, plan, end)
    await connection.close()
    assert len(await migrate(empty_database, "flightplans")) == 5
    async with opened(empty_database, ANYWHERE) as path:
        stored = await path.plan(f"operators/acme/flightPlans/{plan}")
        assert (stored.state, stored.nonconforming_since) == (State.NONCONFORMING, reported)
        async with path.database.connection() as reading:
            assert await FlightPlanStore(reading).nonconforming_since_before(START, 10) == [str(plan)]
        assert not await is_busy(path, flight(minute=0))
        assert await is_busy(path, flight(minute=19))
        assert not await is_busy(path, flight(minute=20))
