"""However many plans there are, each is checked again, and few are in memory at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from shapely import Polygon

from lowsky.errors import Unavailable
from lowsky.events.relay import Relay
from lowsky.flightplans.codec.plans import as_kept
from lowsky.flightplans.domain.plan import FlightPlan
from lowsky.flightplans.postgres.rechecks import PlansToRecheck, rechecks_begun
from lowsky.flightplans.projections.airspace import Airspace
from lowsky.flightplans.projections.areas import Areas, StatedAreas
from lowsky.flightplans.recheck import recheck
from lowsky.flightplans.recheck.recheck import Recheck
from lowsky.geo.heights.altitude import ANYWHERE
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from lowsky.geofence.areas import AreaIndex, StatedArea
from lowsky.health import Health
from tests.integration.flightplans.months import NOW, At, Months, plan_made_at, store
from tests.unit.flightplans.flights import TOWER, square, trajectory, zone

COUNT, PAGE, BATCH = 45, 4, 3


PLACE = (113.0, 22.0)
NO_AREAS = Areas().stated


def areas(read: int, digest: bytes, *grounds: Polygon) -> StatedAreas:
    """As they are after so much of the topic."""
    return StatedAreas(AreaIndex(StatedArea(TOWER, "The tower", ground) for ground in grounds), digest, read)


ELSEWHERE = areas(5, b"elsewhere", square((10.0, 50.0)))


class Relaying:
    def wake(self) -> None:
        pass


def plans() -> list[FlightPlan]:
    return [plan_made_at(NOW - timedelta(minutes=n % 5), n) for n in range(COUNT)]


async def no_ends() -> dict[int, int]:
    return {}


def rechecking(months: Months) -> Recheck:
    """Of a worker; all plans are of one flight."""
    flight = trajectory(PLACE, (113.01, 22.0), start=NOW + timedelta(hours=1))
    return Recheck(
        database=months.database,
        relay=cast(Relay, Relaying()),
        clock=At(NOW),
        airspace=Airspace(Health()),
        areas=Areas(),
        areas_topic_ends=no_ends,
        reference=ANYWHERE,
        health=Health(),
        is_caught_up=lambda: True,
        airspace_of=lambda _: flight,
        as_kept=as_kept,
        applications=lambda _plan, _areas: None,
    )


async def counts(months: Months) -> list[tuple[object, ...]]:
    """State, airspace revision and version of plans, and how many there are of each."""
    rows = await months.connection.fetch(
        "SELECT state, airspace_revision, version, count(*) AS plans FROM flight_plans GROUP BY 1, 2, 3 ORDER BY 1"
    )
    return [tuple(row) for row in rows]


async def test_every_plan_is_checked_again_a_page_at_a_time(months: Months, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recheck, "PAGE_SIZE", PAGE)
    monkeypatch.setattr(recheck, "BATCH", BATCH)
    read: list[int] = []
    contents = PlansToRecheck.contents

    async def counted(self: PlansToRecheck, ids: Sequence[str]) -> Sequence[tuple[str, bytes]]:
        read.append(len(ids))
        return await contents(self, ids)

    monkeypatch.setattr(PlansToRecheck, "contents", counted)
    subject = rechecking(months)
    assert await subject.catch_up(ZoneIndex([], 1), NO_AREAS)
    await store(months.connection, *plans())
    closed = zone(square(PLACE, 0.05))
    zones = ZoneIndex([IndexedZone(closed.name, closed.geozone, 2)], 2)
    assert await subject.catch_up(cast(ZoneIndex[Any], zones), NO_AREAS)
    rows = await months.connection.fetch(
        "SELECT state, airspace_revision, count(*) AS plans FROM flight_plans GROUP BY 1, 2"
    )
    assert [tuple(row) for row in rows] == [("REJECTED", 2, COUNT)]
    assert max(read) <= PAGE


async def test_other_areas_check_every_plan_again_a_page_at_a_time_and_once(
    months: Months, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recheck, "PAGE_SIZE", PAGE)
    monkeypatch.setattr(recheck, "BATCH", BATCH)
    zones: ZoneIndex[int] = ZoneIndex([], 1)
    subject = rechecking(months)
    await store(months.connection, *plans())
    assert await subject.catch_up(zones, NO_AREAS)
    assert await counts(months) == [("SUBMITTED", 1, 1, COUNT)]
    around = areas(3, b"around", square(PLACE, 1.0))
    assert await subject.catch_up(zones, around)
    assert await counts(months) == [("SUBMITTED", 1, 1, COUNT)]
    assert await subject.catch_up(zones, ELSEWHERE)  # of the same revision of the airspace
    assert await counts(months) == [("REJECTED", 1, 2, COUNT)]
    assert await subject.catch_up(zones, replace(ELSEWHERE, read=9))
    assert await counts(months) == [("REJECTED", 1, 2, COUNT)]
    assert not await subject.catch_up(zones, around)  # a worker that is behind leaves it to others


async def test_what_a_worker_that_died_left_undone_of_other_areas_is_done_by_the_next(
    months: Months, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recheck, "PAGE_SIZE", PAGE)
    zones: ZoneIndex[int] = ZoneIndex([], 1)
    assert await rechecking(months).catch_up(zones, NO_AREAS)
    await store(months.connection, *plans())
    dying, taken = rechecking(months), Recheck._apply

    async def take_in(*args: Any, **how: Any) -> int:
        await taken(*args, **how)
        raise Unavailable("DATABASE_UNAVAILABLE", "gone")

    with monkeypatch.context() as dies:
        dies.setattr(Recheck, "_apply", take_in)
        with pytest.raises(Unavailable):
            await dying.catch_up(zones, ELSEWHERE)
    assert [row[::3] for row in await counts(months)] == [("REJECTED", PAGE), ("SUBMITTED", COUNT - PAGE)]
    assert await rechecking(months).catch_up(zones, replace(ELSEWHERE, read=7))
    assert await counts(months) == [("REJECTED", 1, 2, COUNT)]


async def test_nothing_is_stored_that_was_checked_against_areas_of_before(months: Months) -> None:
    await rechecking(months).catch_up(ZoneIndex([], 1), ELSEWHERE)
    async with months.database.transaction() as connection:
        begun = await rechecks_begun(connection)
    assert begun.overtakes(1, NO_AREAS)
    assert begun.overtakes(1, areas(4, b"others"))
    assert not begun.overtakes(1, ELSEWHERE)
    assert not begun.overtakes(1, replace(ELSEWHERE, read=1))  # the same ones, whatever was compacted
    assert not begun.overtakes(1, areas(6, b"newer"))
    assert begun.overtakes(0, ELSEWHERE)


async def test_a_plan_that_was_checked_against_a_newer_airspace_is_left_to_who_knows_that(months: Months) -> None:
    subject = rechecking(months)
    (one, *_) = plans()
    one.airspace_revision = 2
    await store(months.connection, one)
    assert not await subject.catch_up(ZoneIndex([], 1), ELSEWHERE)
    assert await subject.catch_up(ZoneIndex([], 2), ELSEWHERE)
    assert await counts(months) == [("REJECTED", 2, 2, 1)]
