"""While all shared threads are busy, what holds locks on airspace does not wait for one."""

from __future__ import annotations

import asyncio
import threading
from datetime import timedelta
from typing import Any

import pytest

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.db.migrations import migrate
from lowsky.flightplans.holding import reserving
from lowsky.flightplans.submission import submit as path_module
from lowsky.geo.heights.altitude import ANYWHERE
from lowsky.geo.thread_locks import locked
from lowsky.geofence.assessing import Surroundings, survey
from tests.integration.flightplans.held import OPERATORS, START, a_drone, opened
from tests.integration.flightplans.world import flight_plan

SHARED_THREADS = 64
"""More than asyncio gives its shared executor (32 at most)."""


async def test_submissions_that_conflict_commit_while_all_shared_threads_are_busy(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reserving, "PAIRS_ON_LOOP_MAX", -1)
    monkeypatch.setattr(reserving, "DESCRIBED_ON_LOOP_MAX", -1)
    await migrate(empty_database, "flightplans")
    at = (113.0, 22.0)
    async with opened(empty_database, ANYWHERE) as path:
        flights = [
            (operator, flight_plan(at, START + timedelta(hours=1), aircraft=a_drone(operator)))
            for operator in OPERATORS[:2]
        ]
        release = threading.Event()
        loop = asyncio.get_running_loop()
        busy = [loop.run_in_executor(None, release.wait) for _ in range(SHARED_THREADS)]
        try:
            async with asyncio.timeout(30):
                plans = [one for flight in flights for one in await path.submit(flight)]
        finally:
            release.set()
            await asyncio.gather(*busy)
    assert all(isinstance(one, pb.FlightPlan) for one in plans)
    assert [one.state for one in plans if isinstance(one, pb.FlightPlan)] == [pb.STATE_SUBMITTED, pb.STATE_REJECTED]


async def test_a_submission_does_not_stop_the_loop_while_a_thread_looks_at_many_flights(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock = threading.Lock()

    def looking(*arguments: Any) -> Surroundings:
        with locked(lock):
            return survey(*arguments)

    monkeypatch.setattr(path_module, "survey", looking)
    await migrate(empty_database, "flightplans")
    async with opened(empty_database, ANYWHERE) as path:
        flight = flight_plan((113.0, 22.0), START + timedelta(hours=1), aircraft=a_drone(OPERATORS[0]))
        lock.acquire()
        submitted = asyncio.create_task(path.submit((OPERATORS[0], flight)))
        for _ in range(20):  # the loop goes on
            await asyncio.sleep(0.01)
        assert not submitted.done()
        lock.release()
        (plan,) = await submitted
    assert isinstance(plan, pb.FlightPlan)
    assert plan.state == pb.STATE_SUBMITTED
