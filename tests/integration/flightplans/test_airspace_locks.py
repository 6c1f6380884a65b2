"""Locks on the airspace, taken by many sessions of a real PostgreSQL at once."""

from __future__ import annotations

import asyncio
import random

import numpy as np
import pytest
import shapely

from lowsky.db.database import Database
from lowsky.db.migrations import migrate
from lowsky.errors import Unavailable
from lowsky.flightplans.postgres import reservations as module
from lowsky.flightplans.postgres.airspace_locks import LOCKS_MAX, locks_of
from lowsky.flightplans.postgres.reservations import Reservations
from lowsky.geo.heights.altitude import ANYWHERE, AltitudeBand, Datum
from lowsky.geo.volumes.height_scales import on_both_scales
from lowsky.geo.volumes.nodes import Cover, cover
from lowsky.geo.volumes.volumes import Volume4D, Volumes
from tests.support.polling import eventually

PATIENT_S = 300.0
"""How long sessions wait here for a lock that they must get in the end, however busy the machine is. Who waits in a
circle does not wait so long: PostgreSQL finds it within a second, and ends one of them."""

SESSIONS = 24
ROUNDS = 30
START_S = 1_800_000_000.0


def covered(*volumes: Volume4D) -> Cover:
    columns = Volumes.of([list(volumes)])
    boxes = shapely.bounds(columns.outlines).reshape(-1, 4)
    return cover(columns, on_both_scales(columns.altitudes, boxes, ANYWHERE))


def square(draw: random.Random, half: float) -> Volume4D:
    """Somewhere in a few cells, bands and slices, so that everybody meets somebody."""
    lon, lat = 121 + draw.uniform(0, 0.06), 31 + draw.uniform(0, 0.06)
    floor, start = draw.choice([0.0, 60.0, 120.0, 180.0]), START_S + draw.choice([0, 300, 600])
    datum = draw.choice([Datum.AGL, Datum.AGL, Datum.AMSL])
    outline = shapely.box(lon - half, lat - half, lon + half, lat + half)
    return Volume4D(outline, AltitudeBand(floor, datum, floor + 50, datum), start, start + draw.choice([60, 400]))


@pytest.mark.parametrize("half", [0.003, 0.02, 0.8], ids=["leaves", "many leaves", "areas"])
async def test_sessions_that_lock_overlapping_sets_never_wait_in_a_circle(
    empty_database: str, half: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_WAIT_S_MAX", PATIENT_S)
    await migrate(empty_database, "flightplans")
    locked = 0

    async def session(database: Database, seed: int) -> None:
        nonlocal locked
        draw = random.Random(seed)
        for _ in range(ROUNDS):
            nodes = covered(*(square(draw, half * draw.choice([0.1, 1])) for _ in range(draw.randint(1, 6))))
            async with database.transaction(statement_s=PATIENT_S) as connection:
                await Reservations(connection).lock(nodes)
                locked += 1
                await asyncio.sleep(draw.choice([0, 0, 0.002]))

    async with Database.open(empty_database, schema="flightplans", pool_size=SESSIONS) as database:
        async with asyncio.TaskGroup() as sessions:  # a deadlock would be raised, and end them all
            for seed in range(SESSIONS):
                sessions.create_task(session(database, seed))
        async with database.connection() as connection:
            found = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
            assert await connection.fetchval(found) == 0
    assert locked == SESSIONS * ROUNDS


async def test_who_waits_too_long_hears_that_the_airspace_is_busy(
    empty_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await migrate(empty_database, "flightplans")
    monkeypatch.setattr(module, "LOCK_WAIT_S_MAX", 0.3)
    nodes = covered(square(random.Random(1), 0.003))
    async with Database.open(empty_database, schema="flightplans", pool_size=2) as database:
        async with database.transaction() as first:
            await Reservations(first).lock(nodes)
            with pytest.raises(Unavailable) as refused:
                async with database.transaction() as second:
                    await Reservations(second).lock(nodes)
        assert refused.value.reason == "AIRSPACE_BUSY"
        assert refused.value.retry_after_s is not None
        async with database.transaction() as third:
            await Reservations(third).lock(nodes)


@pytest.mark.parametrize(
    ("cell", "floor", "later_s", "waits"),
    [(0, 0, 0, True), (1, 0, 0, False), (0, 100, 0, False), (0, 0, 600, False)],
    ids=["the same", "another cell", "another band", "another slice"],
)
async def test_flights_over_one_hub_wait_only_for_those_in_their_cell_band_and_slice(
    empty_database: str, cell: int, floor: float, later_s: float, waits: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOCK_WAIT_S_MAX", PATIENT_S)
    await migrate(empty_database, "flightplans")

    def flight(lon: float, floor_m: float, start_s: float) -> Cover:
        band = AltitudeBand(floor_m, Datum.AGL, floor_m + 20, Datum.AGL)
        return covered(Volume4D(shapely.box(lon, 31.001, lon + 0.002, 31.003), band, start_s, start_s + 120))

    first, second = flight(121.001, 10, START_S), flight(121.001 + 0.02 * cell, 10 + floor, START_S + later_s)
    async with (
        Database.open(empty_database, schema="flightplans", pool_size=3) as database,
        database.connection() as looking,
        database.transaction(statement_s=PATIENT_S) as other,
    ):
        # Who waits for whom, the server says.
        session = await other.fetchval("SELECT pg_backend_pid()")

        async def held_up() -> bool:
            return bool(await looking.fetchval("SELECT cardinality(pg_blocking_pids($1))", session))

        async with database.transaction() as one:
            await Reservations(one).lock(first)
            locking = asyncio.create_task(Reservations(other).lock(second))
            if waits:
                await eventually(held_up, within_s=60, what="one waiting for the other")
                assert not locking.done()
            else:
                await locking  # while the first one still holds what it has locked
        await locking


def test_the_locks_of_the_largest_plans_fit_into_one_transaction() -> None:
    draw = random.Random(3)
    for half in (0.01, 0.1, 1.0, 3.0):
        keys, _ = locks_of(covered(*(square(draw, half) for _ in range(4))))
        assert len(keys) <= LOCKS_MAX
        assert (np.diff(keys) > 0).all()
