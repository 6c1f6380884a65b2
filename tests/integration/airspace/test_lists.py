"""Lists of geozones and datasets: by area, by dataset, page by page."""

from __future__ import annotations

from typing import Any

import grpc
import pytest

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.airspace.v1 import geozones_pb2_grpc
from lowsky.api.geo.v1 import geo_pb2
from tests.integration.airspace.publishing import Publisher, new_dataset
from tests.support.errors import refusal
from tests.support.installation import Installation
from tests.support.zone_files import ed318_zone, file_of, square


def area(west: float, south: float, east: float, north: float) -> geo_pb2.BoundingBox:
    return geo_pb2.BoundingBox(
        south_west=geo_pb2.LatLng(latitude=south, longitude=west),
        north_east=geo_pb2.LatLng(latitude=north, longitude=east),
    )


async def identifiers(publisher: Publisher, **request: Any) -> list[str]:
    return [name.rpartition(".")[2] for name in await publisher.names(**request)]


@pytest.mark.parametrize(
    ("box", "found"),
    [
        (area(10.0, 40.0, 10.005, 40.005), ["HERE"]),
        (area(10.01, 40.01, 10.3, 40.3), ["HERE"]),  # a corner
        (area(10.010001, 40.01, 10.3, 40.3), []),
        (area(9.0, 39.0, 11.0, 41.0), ["HERE", "TRIANGLE"]),
        (area(10.005, 40.005, 10.005, 40.005), ["HERE"]),  # a point
        (area(9.0, 40.005, 11.0, 40.005), ["HERE"]),  # a line
        (area(10.551, 40.551, 10.6, 40.6), []),  # in the triangle's box, not in it
        (area(10.5, 40.5, 10.52, 40.52), ["TRIANGLE"]),
    ],
)
async def test_an_area_finds_the_zones_that_touch_it_exactly(
    publisher: Publisher, box: geo_pb2.BoundingBox, found: list[str]
) -> None:
    dataset = new_dataset()
    triangle = [(10.5, 40.5), (10.6, 40.5), (10.5, 40.6), (10.5, 40.5)]
    zones = [ed318_zone("HERE", square(10.0, 40.0)), ed318_zone("TRIANGLE", triangle)]
    await publisher.publish(dataset, file_of(zones))
    assert await identifiers(publisher, dataset=dataset, area=box) == found


@pytest.mark.parametrize(
    ("box", "found"),
    [
        (area(179.0, -20.0, -179.0, -10.0), ["ACROSS", "EAST", "WEST"]),
        (area(179.995, -20.0, 180.0, -10.0), ["ACROSS", "WEST"]),
        (area(-180.0, -20.0, -179.995, -10.0), ["ACROSS", "EAST"]),
        (area(-180.0, -20.0, 180.0, -10.0), ["ACROSS", "EAST", "WEST"]),
        (area(-170.0, -20.0, 170.0, -10.0), []),
        (area(170.0, -20.0, -179.95, -10.0), ["ACROSS", "EAST", "WEST"]),
        (area(179.96, -20.0, -179.999, -10.0), ["ACROSS", "WEST"]),
        (area(0.0, -20.0, 1.0, -10.0), []),
    ],
)
async def test_an_area_may_span_the_antimeridian(
    publisher: Publisher, box: geo_pb2.BoundingBox, found: list[str]
) -> None:
    dataset = new_dataset()
    across = [(179.97, -16.0), (-179.97, -16.0), (-179.97, -15.9), (179.97, -15.9), (179.97, -16.0)]
    zones = [
        ed318_zone("ACROSS", across),
        ed318_zone("WEST", square(179.985, -16.5)),
        ed318_zone("EAST", square(-179.998, -16.5)),
    ]
    await publisher.publish(dataset, file_of(zones))
    assert await identifiers(publisher, dataset=dataset, area=box) == found


async def test_what_ends_at_the_antimeridian_touches_what_begins_there(publisher: Publisher) -> None:
    dataset = new_dataset()
    await publisher.publish(
        dataset, file_of([ed318_zone("W", square(179.99, 5.0)), ed318_zone("E", square(-180.0, 6.0))])
    )
    assert await identifiers(publisher, dataset=dataset, area=area(-180.0, 4.0, -179.0, 7.0)) == ["E", "W"]
    assert await identifiers(publisher, dataset=dataset, area=area(179.0, 4.0, 180.0, 7.0)) == ["E", "W"]


async def test_an_area_upside_down_is_refused(publisher: Publisher) -> None:
    call = publisher.geozones.ListGeozones(pb.ListGeozonesRequest(area=area(10.0, 41.0, 11.0, 40.0)))
    failure = await refusal(call)
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "INTERVAL_REVERSED")
    assert list(failure.fields) == ["area.north_east.latitude"]
    call = publisher.geozones.ListGeozones(pb.ListGeozonesRequest(area=geo_pb2.BoundingBox()))
    assert set((await refusal(call)).fields) == {"area.south_west", "area.north_east"}


async def test_pages_are_full_although_boxes_find_more_than_the_area(publisher: Publisher) -> None:
    """Every other zone lies in the area's box range only by its own box, not by its outline."""
    dataset = new_dataset()
    touching = [(20.0, 50.0), (20.1, 50.0), (20.0, 50.1), (20.0, 50.0)]
    missing = [(20.0, 50.1), (20.1, 50.0), (20.1, 50.1), (20.0, 50.1)]
    zones = [ed318_zone(f"{n:03}", touching if n % 3 == 0 else missing) for n in range(60)]
    await publisher.publish(dataset, file_of(zones))
    pages = await publisher.pages(dataset=dataset, area=area(20.0, 50.0, 20.01, 50.01), page_size=7)
    assert [len(page.geozones) for page in pages] == [7, 7, 6]
    found = [zone.identifier for page in pages for zone in page.geozones]
    assert found == [f"{n:03}" for n in range(0, 60, 3)]


async def test_a_list_leaves_out_the_published_text_and_nothing_else(publisher: Publisher) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of([ed318_zone("A")]))
    (page,) = await publisher.pages(dataset=dataset)
    got = (await publisher.geozones.GetGeozone(pb.GetGeozoneRequest(name=page.geozones[0].name))).geozone
    assert got.published_json
    got.ClearField("published_json")
    assert page.geozones[0] == got


async def test_a_page_ends_before_it_is_too_large_for_a_client(publisher: Publisher) -> None:
    dataset = new_dataset()
    messages = [{"text": letter * 9_000, "lang": "en"} for letter in "abcdefghijklmnopqrst"]
    await publisher.publish(dataset, file_of([ed318_zone(f"{n:02}", message=messages) for n in range(30)]))
    pages = await publisher.pages(dataset=dataset, page_size=1_000)
    assert len(pages) > 1
    assert all(page.ByteSize() < 4 * 1024 * 1024 for page in pages)
    assert [zone.identifier for page in pages for zone in page.geozones] == [f"{n:02}" for n in range(30)]


async def test_a_page_token_belongs_to_its_filter(publisher: Publisher) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of([ed318_zone("A"), ed318_zone("B")]))
    token = (await publisher.pages(dataset=dataset, page_size=1))[0].next_page_token
    call = publisher.geozones.ListGeozones(pb.ListGeozonesRequest(dataset=new_dataset(), page_token=token))
    assert (await refusal(call)).reason == "INVALID_PAGE_TOKEN"


async def test_datasets_are_listed_as_they_are_now(airspace: Installation, publisher: Publisher) -> None:
    names = sorted(new_dataset() for _ in range(3))
    answers = [await publisher.publish(name, file_of([ed318_zone("A")]), title=name) for name in names]
    reader = airspace.stub(
        geozones_pb2_grpc.GeozonesServiceStub, "airspace", airspace.token(roles=["operator"], operator="x")
    )
    found: list[pb.Dataset] = []
    token = ""
    while True:
        page = await reader.ListDatasets(pb.ListDatasetsRequest(page_size=2, page_token=token))
        found += page.datasets
        token = page.next_page_token
        if not token:
            break
    assert [dataset for dataset in found if dataset.name in names] == [answer.dataset for answer in answers]
    assert [dataset.name for dataset in found] == sorted(dataset.name for dataset in found)


async def test_a_zone_that_is_not_there_is_not_found(publisher: Publisher) -> None:
    failure = await refusal(publisher.geozones.GetGeozone(pb.GetGeozoneRequest(name="geozones/no.where")))
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
