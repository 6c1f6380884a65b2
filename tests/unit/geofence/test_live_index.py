"""The index that a worker keeps: what changes while it is merged is not lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from shapely import box

from lowsky.geo.heights.altitude import AltitudeBand, Datum
from lowsky.geo.zones.geozone import Geozone, Layer, Restriction
from lowsky.geo.zones.index import SCATTERED_MIN, IndexedZone
from lowsky.geofence.live_index import KeptIndex

AREA = box(8, 47, 8.01, 47.01)
LAYERS = (Layer(AREA, AltitudeBand(0, Datum.AGL, 120, Datum.AGL)),)


def zone(name: str) -> IndexedZone[None]:
    return IndexedZone(name, Geozone(name, "CHE", (), Restriction.PROHIBITED, LAYERS), None)


@pytest.fixture
async def kept() -> AsyncIterator[KeptIndex[None]]:
    """Of a thousand zones; merged from now on."""
    index: KeptIndex[None] = KeptIndex()
    await index.change([zone(f"old{n}") for n in range(1_000)], [], 1)
    task = asyncio.create_task(index.keep_merged())
    yield index
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until_merged(kept: KeptIndex[None]) -> None:
    async with asyncio.timeout(5):
        while kept.index.is_scattered:
            await asyncio.sleep(0.001)


async def test_a_change_is_in_force_when_it_has_been_made(kept: KeptIndex[None]) -> None:
    index = await kept.change([zone("new")], ["old7"], 2)
    assert kept.index is index
    assert (index.revision, len(index), index.get("old7")) == (2, 1_000, None)
    assert index.get("new") in index.at(AREA)


async def test_what_changes_while_the_index_is_merged_is_in_force_then_and_after(kept: KeptIndex[None]) -> None:
    await kept.change([zone(f"new{n}") for n in range(SCATTERED_MIN + 1)], [], 2)
    scattered = kept.index
    assert scattered.is_scattered
    await asyncio.sleep(0)  # the merge begins
    for revision in range(3, 10):
        await kept.change([zone(f"late{revision}")], [f"new{revision}", f"old{revision}"], revision)
        assert kept.index.revision == revision
    await until_merged(kept)
    names = {each.name for each in scattered.zones} | {f"late{n}" for n in range(3, 10)}
    names -= {f"{kind}{n}" for kind in ("new", "old") for n in range(3, 10)}
    assert kept.index.revision == 9
    assert {each.name for each in kept.index.zones} == names == {each.name for each in kept.index.at(AREA)}


async def test_an_index_is_merged_as_often_as_it_is_scattered(kept: KeptIndex[None]) -> None:
    for revision in (2, 3):
        await kept.change([zone(f"new{revision}-{n}") for n in range(SCATTERED_MIN + 1)], [], revision)
        await until_merged(kept)
    assert len(kept.index) == 1_000 + 2 * (SCATTERED_MIN + 1)
