"""The difference that an import tells, ahead of it and after it."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

import pytest

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from tests.integration.airspace.publishing import Publisher, new_dataset
from tests.support.errors import refusal
from tests.support.zone_files import ed269_zone, ed318_zone, file_of, refused_zone, square

BEFORE = [ed269_zone("SAME"), ed269_zone("MOVED"), ed269_zone("GONE")]
AFTER = [ed269_zone("SAME"), ed269_zone("MOVED", square(16.305, 48.2)), ed269_zone("NEW", square(10.0, 47.0))]


def changes(difference: pb.ImportDifference) -> dict[str, str]:
    """What becomes of each zone that is named."""
    kind = pb.ZoneChange.Kind
    return {zone.identifier: kind.Name(zone.kind).removeprefix("KIND_") for zone in difference.zones}


async def test_a_dry_run_tells_the_difference_that_the_import_then_makes(publisher: Publisher) -> None:
    dataset = new_dataset()
    first = await publisher.publish(dataset, file_of(BEFORE))
    assert (first.difference.from_version, first.difference.added) == (0, 3)
    dry = await publisher.publish(dataset, file_of(AFTER), validate_only=True)
    assert changes(dry.difference) == {"NEW": "ADDED", "MOVED": "CHANGED", "GONE": "REMOVED"}
    assert (dry.difference.from_version, dry.difference.unchanged) == (1, 1)
    assert dry.difference.area_gained_m2 == pytest.approx(0.5 * 8.25e5 + 8.45e5, rel=1e-2)
    assert dry.difference.area_lost_m2 == pytest.approx(1.5 * 8.25e5, rel=1e-2)
    assert (await publisher.pages(dataset=dataset))[0].geozones[0].dataset_version == 1
    assert [name.rpartition(".")[2] for name in await publisher.names(dataset=dataset)] == ["GONE", "MOVED", "SAME"]
    made = await publisher.publish(dataset, file_of(AFTER), confirm_difference=dry.difference.digest)
    assert made.difference == dry.difference
    assert made.dataset.version == 2
    again = await publisher.publish(dataset, file_of(AFTER[::-1]), validate_only=True)
    assert again.difference.unchanged == 3
    assert not again.difference.zones


async def test_a_refused_zone_counts_as_removed_where_the_dataset_had_it(publisher: Publisher) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of([ed269_zone("A"), ed269_zone("X")]))
    data = file_of([ed269_zone("A"), refused_zone("X")])
    dry = await publisher.publish(dataset, data, validate_only=True)
    assert changes(dry.difference) == {"X": "REMOVED"}
    assert (await publisher.replace(dataset, data, on_error=pb.ON_ERROR_ACCEPT_VALID)).difference == dry.difference


async def test_the_same_request_again_tells_the_same_difference(publisher: Publisher) -> None:
    dataset, request_id = new_dataset(), str(uuid4())
    first = await publisher.publish(dataset, file_of(BEFORE), request_id=request_id)
    assert await publisher.publish(dataset, file_of(BEFORE), request_id=request_id) == first


async def test_imports_at_once_each_tell_the_difference_to_the_version_they_replaced(publisher: Publisher) -> None:
    dataset = new_dataset()
    files = [[ed269_zone(f"Z{zone}") for zone in range(count + 1)] for count in range(6)]
    answers = await asyncio.gather(*(publisher.replace(dataset, file_of(zones)) for zones in files))
    present = 0
    for answer in sorted(answers, key=lambda answer: answer.dataset.version):
        difference, count = answer.difference, answer.dataset.geozone_count
        assert difference.from_version == answer.dataset.version - 1
        assert (difference.added, difference.removed) == (max(0, count - present), max(0, present - count))
        present = count


TEN = [ed269_zone(f"Z{one}", square(10.0 + one / 10, 47.0)) for one in range(10)]


async def test_a_tenth_of_the_zones_goes_without_a_word_and_more_only_where_it_is_confirmed(
    publisher: Publisher,
) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of(TEN))
    dry = await publisher.publish(dataset, file_of(TEN[2:]), validate_only=True)
    assert (dry.difference.needs_confirmation, dry.difference.taken_away) == (True, 2)
    failure = await refusal(publisher.publish(dataset, file_of(TEN[2:])))
    assert failure.reason == "REMOVAL_NOT_CONFIRMED"
    names = sorted(change.geozone for change in dry.difference.zones)
    lost = f"REMOVED 2: {', '.join(names)}"
    assert failure.metadata == {"removed": "2", "of": "10", "losses": lost, "digest": dry.difference.digest}
    assert lost in failure.message
    # About as large as the others, and exactly a tenth of their number.
    smallest = min(dry.difference.zones, key=lambda change: change.area_lost_m2 or 1e12)
    assert smallest.area_lost_m2 > 0
    one_less = [zone for zone in TEN if zone["identifier"] != "Z9"]
    assert (await publisher.publish(dataset, file_of(one_less))).dataset.geozone_count == 9


async def test_an_import_that_weakens_zones_is_confirmed_as_one_that_removes_them_and_so_is_its_way_back(
    publisher: Publisher,
) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of(TEN))
    free = ed269_zone("Z0", square(10.0, 47.0), applicability=[{"endDateTime": "2040-01-01T00:00:00Z"}])
    weaker = file_of([free, ed269_zone("Z1", square(10.1, 47.0), restriction="CONDITIONAL"), *TEN[2:]])
    dry = await publisher.publish(dataset, weaker, validate_only=True)
    assert {pb.ProtectionLost.Loss.Name(lost.loss): list(lost.first) for lost in dry.difference.losses} == {
        "LOSS_TIMES": [f"geozones/{dataset.removeprefix('datasets/')}.Z0"],
        "LOSS_RESTRICTION": [f"geozones/{dataset.removeprefix('datasets/')}.Z1"],
    }
    failure = await refusal(publisher.publish(dataset, weaker))
    assert (failure.reason, failure.metadata["removed"]) == ("REMOVAL_NOT_CONFIRMED", "2")
    for said in ("TIMES 1", ".Z0", "RESTRICTION 1", ".Z1"):
        assert said in failure.message
    await publisher.publish(dataset, weaker, confirm_difference=dry.difference.digest)
    await publisher.publish(dataset, file_of(TEN))  # what adds protection asks for nothing
    one = file_of([free, *TEN[1:]])
    assert (await publisher.publish(dataset, one)).difference.taken_away == 1


async def test_the_digest_of_another_difference_confirms_nothing(publisher: Publisher) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of(TEN))
    empty = (await publisher.publish(dataset, file_of([]), validate_only=True)).difference.digest
    other = await refusal(publisher.publish(dataset, file_of(TEN[5:]), confirm_difference=empty))
    assert other.reason == "REMOVAL_NOT_CONFIRMED"
    await publisher.publish(dataset, file_of([*TEN, ed269_zone("NEW")]))  # it changes meanwhile
    failure = await refusal(publisher.publish(dataset, file_of([]), confirm_difference=empty))
    assert failure.metadata["of"] == "11"
    assert failure.metadata["digest"] != empty
    assert len(await publisher.names(dataset=dataset)) == 11
    await publisher.publish(dataset, file_of([]), confirm_difference=failure.metadata["digest"])
    assert await publisher.names(dataset=dataset) == []


async def test_others_are_answered_while_a_large_difference_is_worked_out(publisher: Publisher) -> None:
    dataset = new_dataset()
    before = [ed318_zone(f"Z{one}", square(10 + one % 50 * 0.02, 45 + one // 50 * 0.02)) for one in range(2_000)]
    after = [ed318_zone(f"Z{one}", square(10.001 + one % 50 * 0.02, 45 + one // 50 * 0.02)) for one in range(2_000)]
    await publisher.publish(dataset, file_of(before))
    dry = asyncio.create_task(publisher.publish(dataset, file_of(after), validate_only=True))
    waits_s = []
    while not dry.done():
        began = time.perf_counter()
        await publisher.geozones.ListDatasets(pb.ListDatasetsRequest(page_size=1))
        waits_s.append(time.perf_counter() - began)
    difference = (await dry).difference
    assert (difference.changed, len(difference.zones), difference.unnamed) == (2_000, 1_000, 1_000)
    assert len(waits_s) > 3
    assert max(waits_s) < sum(waits_s) / 2, "nobody waits for most of it, however slow the machine is"
