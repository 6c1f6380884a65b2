"""Rollbacks: an earlier version's zones come back as a new version."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any
from uuid import uuid4

import grpc

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from tests.integration.airspace.publishing import Publisher, confirming, new_dataset, new_publisher
from tests.support.errors import refusal
from tests.support.installation import Installation
from tests.support.zone_files import ed269_zone, file_of, square

KEPT = 20


async def rollback(publisher: Publisher, dataset: str, version: int, **fields: Any) -> pb.RollbackDatasetResponse:
    """Confirms what it takes away."""
    usual: dict[str, Any] = {"request_id": str(uuid4()), "dataset": dataset, "version": version}

    def call(digest: str) -> Awaitable[pb.RollbackDatasetResponse]:
        request = pb.RollbackDatasetRequest(**(usual | {"confirm_difference": digest} | fields))
        return publisher.geozones.RollbackDataset(request)

    return await confirming(call)


async def zones_of(publisher: Publisher, dataset: str) -> list[pb.Geozone]:
    """As GetGeozone gives them, but for the version."""
    zones = []
    for name in await publisher.names(dataset=dataset):
        zone = (await publisher.geozones.GetGeozone(pb.GetGeozoneRequest(name=name))).geozone
        zone.ClearField("dataset_version")
        zones.append(zone)
    return zones


async def test_an_earlier_version_comes_back_whole_as_a_new_one(publisher: Publisher) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of([ed269_zone("A"), ed269_zone("B", message="é 中")]), title="One")
    first = await zones_of(publisher, dataset)
    await publisher.replace(dataset, file_of([ed269_zone("A", square(16.4, 48.2)), ed269_zone("C")]), title="Two")
    dry = await rollback(publisher, dataset, 1, validate_only=True)
    assert dry.dataset.version == 2
    assert (dry.difference.from_version, dry.difference.added, dry.difference.changed) == (2, 1, 1)
    assert dry.difference.removed == 1
    assert len(await publisher.names(dataset=dataset)) == 2
    done = await rollback(publisher, dataset, 1)
    assert done.difference == dry.difference
    assert (done.dataset.version, done.dataset.geozone_count, done.dataset.title) == (3, 2, "Two")
    assert done.dataset.airspace_revision > dry.dataset.airspace_revision
    assert await zones_of(publisher, dataset) == first
    listed = (await publisher.pages(dataset=dataset))[0].geozones
    assert {zone.dataset_version for zone in listed} == {3}
    box = {
        "south_west": {"longitude": 16.305, "latitude": 48.205},
        "north_east": {"longitude": 16.306, "latitude": 48.206},
    }
    assert len(await publisher.names(dataset=dataset, area=box)) == 2


async def test_a_rollback_is_told_like_an_import(publisher: Publisher) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of([ed269_zone("A")]))
    await publisher.replace(dataset, file_of([ed269_zone("B")]))
    await rollback(publisher, dataset, 1)
    told = (await publisher.events(dataset, 3))[-3:]
    assert [(event.type.split(".")[2], event.key.rpartition(".")[2]) for event, _ in told] == [
        ("published", "A"),
        ("removed", "B"),
        ("imported", dataset),
    ]
    assert told[0][1].geozone.dataset_version == 3
    assert told[0][1].geozone.published_json


async def test_a_rollback_can_itself_be_rolled_back(publisher: Publisher) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of([ed269_zone("A")]))
    await publisher.replace(dataset, file_of([ed269_zone("B")]))
    await rollback(publisher, dataset, 1)
    await rollback(publisher, dataset, 2)
    await rollback(publisher, dataset, 3)
    assert [name.rpartition(".")[2] for name in await publisher.names(dataset=dataset)] == ["A"]
    await rollback(publisher, dataset, 5)
    assert (await publisher.pages(dataset=dataset))[0].geozones[0].dataset_version == 6


async def test_a_rollback_that_takes_much_away_is_confirmed_by_its_difference(publisher: Publisher) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of([ed269_zone("A")]))
    await publisher.publish(dataset, file_of([ed269_zone(name) for name in "ABC"]))
    failure = await refusal(
        publisher.geozones.RollbackDataset(
            pb.RollbackDatasetRequest(request_id=str(uuid4()), dataset=dataset, version=1)
        )
    )
    assert (failure.reason, failure.metadata["removed"]) == ("REMOVAL_NOT_CONFIRMED", "2")
    done = await rollback(publisher, dataset, 1, confirm_difference=failure.metadata["digest"])
    assert done.dataset.geozone_count == 1


async def test_the_same_request_again_rolls_back_once(publisher: Publisher) -> None:
    dataset, request_id = new_dataset(), str(uuid4())
    await publisher.publish(dataset, file_of([ed269_zone("A")]))
    await publisher.replace(dataset, file_of([]))
    first = await rollback(publisher, dataset, 1, request_id=request_id)
    assert await rollback(publisher, dataset, 1, request_id=request_id) == first
    assert first.dataset.version == 3
    failure = await refusal(rollback(publisher, dataset, 2, request_id=request_id))
    assert failure.code == grpc.StatusCode.INVALID_ARGUMENT


async def test_only_publishers_of_its_authority_roll_a_dataset_back(
    airspace: Installation, publisher: Publisher
) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of([ed269_zone("A")]))
    for validate_only in (False, True):
        failure = await refusal(rollback(await new_publisher(airspace), dataset, 1, validate_only=validate_only))
        assert (failure.code, failure.metadata["resource"]) == (grpc.StatusCode.NOT_FOUND, dataset)
    failure = await refusal(rollback(publisher, new_dataset(), 1))
    assert failure.code == grpc.StatusCode.NOT_FOUND


async def test_versions_are_kept_so_far_and_no_further(publisher: Publisher) -> None:
    dataset = new_dataset()
    for version in range(1, KEPT + 2):
        await publisher.replace(dataset, file_of([ed269_zone(f"V{version}")]))
    failure = await refusal(rollback(publisher, dataset, 1))
    assert (failure.code, failure.metadata["resource"]) == (grpc.StatusCode.NOT_FOUND, f"{dataset}/versions/1")
    failure = await refusal(rollback(publisher, dataset, KEPT + 2))
    assert failure.code == grpc.StatusCode.NOT_FOUND
    assert (await rollback(publisher, dataset, 2)).dataset.version == KEPT + 2
    assert [name.rpartition(".")[2] for name in await publisher.names(dataset=dataset)] == ["V2"]
