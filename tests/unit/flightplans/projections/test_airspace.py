import asyncio
import math
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import shapely
from shapely import Polygon

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.events.v1 import events_pb2
from lowsky.errors import Unavailable
from lowsky.events import topics
from lowsky.events.event import Event, from_record
from lowsky.flightplans.events.geozones import OnGeozones
from lowsky.flightplans.projections.airspace import PART, Airspace
from lowsky.geo.codec.zones import geozone_to_message
from lowsky.geo.zones.geozone import Geozone
from lowsky.geo.zones.index import ZoneIndex
from lowsky.health import Health
from lowsky.process import background
from lowsky.process.background import end, persistently
from tests.unit.flightplans.flights import square, zone

CITY, COAST = "datasets/city", "datasets/coast"


def a_zone() -> Geozone:
    return zone(square((113.0, 22.0))).geozone


@asynccontextmanager
async def kept() -> AsyncIterator[tuple[Airspace, Health]]:
    health = Health()
    await health.expect(PART)
    airspace = Airspace(health)
    task = asyncio.create_task(airspace.keep_index())
    await until(lambda: PART not in health.problems)
    yield airspace, health
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


async def settled(airspace: Airspace) -> set[str]:
    await until(lambda: airspace.is_settled)
    return {each.name for each in airspace.index.zones}


async def test_nothing_is_published_at_first() -> None:
    async with kept() as (airspace, _):
        assert (await settled(airspace), airspace.index.revision) == (set(), 0)


async def test_zones_come_into_force_together_with_their_import() -> None:
    async with kept() as (airspace, health):
        airspace.zone_published(CITY, "geozones/city.a", a_zone())
        airspace.zone_published(CITY, "geozones/city.b", a_zone())
        await asyncio.sleep(0)
        assert await settled(airspace) == set()
        airspace.dataset_imported(CITY, 3, 2)
        assert not airspace.is_settled
        assert await settled(airspace) == {"geozones/city.a", "geozones/city.b"}
        assert (airspace.index.revision, health.problems) == (3, {})


async def test_a_zone_goes_when_the_import_that_left_it_out_ends() -> None:
    async with kept() as (airspace, _):
        for name in "ab":
            airspace.zone_published(CITY, f"geozones/city.{name}", a_zone())
        airspace.dataset_imported(CITY, 1, 2)
        await settled(airspace)
        airspace.zone_removed(CITY, "geozones/city.a")
        assert len(await settled(airspace)) == 2
        airspace.dataset_imported(CITY, 2, 1)
        assert await settled(airspace) == {"geozones/city.b"}


async def test_datasets_do_not_disturb_each_other() -> None:
    async with kept() as (airspace, _):
        airspace.zone_published(CITY, "geozones/city.a", a_zone())
        airspace.zone_published(COAST, "geozones/coast.a", a_zone())
        airspace.dataset_imported(COAST, 1, 1)
        assert await settled(airspace) == {"geozones/coast.a"}
        airspace.dataset_imported(CITY, 2, 1)
        assert await settled(airspace) == {"geozones/city.a", "geozones/coast.a"}


async def test_an_import_counts_also_when_a_later_one_was_heard_of_first() -> None:
    async with kept() as (airspace, _):
        airspace.zone_published(CITY, "geozones/city.a", a_zone())
        airspace.dataset_imported(CITY, 5, 1)
        await settled(airspace)
        airspace.zone_published(COAST, "geozones/coast.a", a_zone())
        airspace.dataset_imported(COAST, 4, 1)
        assert await settled(airspace) == {"geozones/city.a", "geozones/coast.a"}
        assert airspace.index.revision == 5


async def test_with_a_zone_missing_nothing_is_decided_until_a_good_import() -> None:
    async with kept() as (airspace, health):
        airspace.zone_published(CITY, "geozones/city.a", a_zone())
        airspace.dataset_imported(CITY, 1, 2)
        await until(lambda: PART in health.problems)
        assert "1 zones were read of 2" in health.problems[PART]
        with pytest.raises(Unavailable):
            health.require(writes=True)
        airspace.zone_published(CITY, "geozones/city.b", a_zone())
        airspace.dataset_imported(CITY, 2, 2)
        await until(lambda: PART not in health.problems)
        assert len(await settled(airspace)) == 2


async def test_an_unreadable_zone_does_not_live_on_as_it_was() -> None:
    async with kept() as (airspace, health):
        airspace.zone_published(CITY, "geozones/city.a", a_zone())
        airspace.dataset_imported(CITY, 1, 1)
        await settled(airspace)
        airspace.zone_unreadable(CITY, "geozones/city.a", "not an area")
        airspace.dataset_imported(CITY, 2, 1)  # the count is right: of the zone as it was
        await until(lambda: PART in health.problems)
        assert "geozones/city.a cannot be read (not an area)" in health.problems[PART]
        airspace.zone_published(CITY, "geozones/city.a", a_zone())
        airspace.dataset_imported(CITY, 3, 1)
        await until(lambda: PART not in health.problems)


async def test_an_unreadable_zone_that_is_removed_hurts_no_more() -> None:
    async with kept() as (airspace, health):
        airspace.zone_unreadable(CITY, "geozones/city.a", "not an area")
        await until(lambda: PART in health.problems)
        airspace.zone_removed(CITY, "geozones/city.a")
        airspace.dataset_imported(CITY, 3, 0)
        await until(lambda: PART not in health.problems)


def _nan_outline(zone: pb.Geozone) -> None:
    zone.layers[0].outline_wkb = shapely.to_wkb(Polygon([(113.0, 22.0), (math.nan, 22.0), (113.1, 22.1)]))


def _nan_circle(zone: pb.Geozone) -> None:
    zone.layers[0].circle.radius_m = math.nan


def _endless_notice(zone: pb.Geozone) -> None:
    zone.authorities.add(purpose=pb.AUTHORITY_PURPOSE_AUTHORIZATION).interval_before.seconds = 10**15


async def test_zones_that_the_index_does_not_take_are_not_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    """The loop that keeps the index is begun again after a failure: it must not go on without what it failed on."""
    monkeypatch.setattr(background, "FAULT_RETRY_S", 0.0)
    health = Health()
    await health.expect(PART)
    airspace = Airspace(health)
    takes, failed = airspace._kept.change, 0

    async def change(*changes: Any) -> ZoneIndex[int]:
        nonlocal failed
        failed += 1
        if failed <= 2:
            raise KeyError("a fault")
        return await takes(*changes)

    monkeypatch.setattr(airspace._kept, "change", change)
    keeping = asyncio.create_task(persistently(airspace.keep_index))
    airspace.zone_published(CITY, "geozones/city.a", a_zone())
    airspace.dataset_imported(CITY, 1, 1)
    assert await settled(airspace) == {"geozones/city.a"}
    await end([keeping])


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of numpy and shapely, which the event is handed to
@pytest.mark.parametrize("spoil", [_nan_outline, _nan_circle, _endless_notice], ids=lambda spoil: spoil.__name__)
async def test_a_zone_that_cannot_be_one_is_not_passed_over(spoil: Callable[[pb.Geozone], None]) -> None:
    """Whatever it is that does not understand it: it would live on as it was, or be met by nobody."""
    async with kept() as (airspace, health):
        on_geozones = OnGeozones(airspace)
        airspace.zone_published(CITY, "geozones/city.a", a_zone())
        airspace.dataset_imported(CITY, 1, 1)
        await settled(airspace)
        message = geozone_to_message(a_zone(), name="geozones/city.a", dataset=CITY, dataset_version=2)
        spoil(message)
        value = events_pb2.GeozoneEvent(geozone=message).SerializeToString()
        on_geozones(told("geozone.updated", "geozones/city.a", value), {})
        await until(lambda: PART in health.problems)
        assert "geozones/city.a cannot be read" in health.problems[PART]


def told(kind: str, key: str, value: bytes | None) -> Event:
    return Event(topics.GEOZONES, key, f"lowsky.{kind}.v1", value, datetime.now(UTC))


@pytest.mark.parametrize("kind", ["geozone.published", "dataset.imported"])
async def test_garbage_on_the_topic_stops_decisions_and_not_the_worker(kind: str) -> None:
    async with kept() as (airspace, health):
        key = CITY if kind == "dataset.imported" else "geozones/city.a"
        OnGeozones(airspace)(told(kind, key, b"\xff\xff"), {})
        await until(lambda: PART in health.problems)


async def test_a_tombstone_removes_the_zone_of_its_key() -> None:
    async with kept() as (airspace, _):
        airspace.zone_published(CITY, "geozones/city.a.b", a_zone())
        airspace.dataset_imported(CITY, 1, 1)
        await settled(airspace)
        OnGeozones(airspace)(told("geozone.removed", "geozones/city.a.b", None), {})
        airspace.dataset_imported(CITY, 2, 0)
        assert await settled(airspace) == set()


async def test_a_tombstone_without_a_type_removes_too_and_that_of_a_dataset_all_its_zones_at_once() -> None:
    async with kept() as (airspace, health):
        on_geozones = OnGeozones(airspace)
        for name in "ab":
            airspace.zone_published(CITY, f"geozones/city.{name}", a_zone())
        airspace.zone_published(COAST, "geozones/coast.a", a_zone())
        airspace.dataset_imported(COAST, 1, 1)
        airspace.dataset_imported(CITY, 2, 2)
        await settled(airspace)
        on_geozones(by_hand("geozones/city.a"), {})
        airspace.dataset_imported(CITY, 3, 1)
        assert await settled(airspace) == {"geozones/city.b", "geozones/coast.a"}
        on_geozones(told("dataset.imported", COAST, b"\xff\xff"), {})
        await until(lambda: COAST in health.problems.get(PART, ""))
        assert "import it" in health.problems[PART]
        on_geozones(by_hand(COAST), {})
        await until(lambda: PART not in health.problems)
        assert await settled(airspace) == {"geozones/city.b"}


def by_hand(key: str) -> Event:
    return from_record(topics.GEOZONES, key.encode(), None, [])


async def test_a_zone_that_was_not_understood_is_not_what_it_was_until_an_import_ends_that_emits_it_anew() -> None:
    async with kept() as (airspace, health):
        airspace.zone_published(CITY, "geozones/city.a", a_zone())
        airspace.dataset_imported(CITY, 1, 1)
        airspace.zone_unreadable(CITY, "geozones/city.a", "not an area")
        await until(lambda: PART in health.problems)
        airspace.zone_published(CITY, "geozones/city.a", a_zone())
        airspace.import_unreadable(COAST, "no dataset")
        airspace.dataset_removed(COAST)
        await until(lambda: airspace.is_settled)
        assert "geozones/city.a" in health.problems[PART]
        airspace.dataset_imported(CITY, 2, 1)
        await until(lambda: PART not in health.problems)


async def test_an_event_of_a_zone_whose_type_is_of_a_later_version_counts_by_what_it_says() -> None:
    async with kept() as (airspace, _):
        message = geozone_to_message(a_zone(), name="geozones/city.a", dataset=CITY, dataset_version=1)
        event = events_pb2.GeozoneEvent(geozone=message).SerializeToString()
        OnGeozones(airspace)(told("geozone.amended", "geozones/city.a", event), {})
        OnGeozones(airspace)(told("dataset.praised", CITY, b"\xff"), {})
        airspace.dataset_imported(CITY, 1, 1)
        assert await settled(airspace) == {"geozones/city.a"}
