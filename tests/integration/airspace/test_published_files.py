"""Files as national publishers put them out, and samples as odd as them, imported as they are: every zone is accounted
for."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.geo.codec.zones import geozone_from_message
from lowsky.geo.zones.geozone import Purpose, Restriction
from tests.integration.airspace.publishing import Publisher, messages, new_dataset, outcomes
from tests.support.errors import refusal
from tests.support.samples import PUBLIC, SAMPLES, expected

ZONES = PUBLIC / "zones"

LIST, AUSTRIA = "ed269-bare-list.json", "ed269/AT_austrocontrol_uas-zones_20260729.json"

needs_files = pytest.mark.skipif(not ZONES.is_dir(), reason=f"published zone files are not at {ZONES}")

Counts = tuple[int, int, int]
"""Taken, repaired, refused."""

COUNTS: dict[str, Counts] = {
    AUSTRIA: (288, 0, 0),
    "ed269/interuss/geo-awareness-che-1.json": (5, 1, 0),
    "ed269/interuss/test_eurocae_ed269.json": (5, 1, 0),
    "ed269/interuss/cis_source_sample_ed269.json": (1, 0, 0),
    "ed269/feed-samples/eans-ee.json": (3, 0, 2),
    "ed269/feed-samples/ed269-ch.json": (4, 0, 0),
    "ed318/feed-samples/ed318-se.json": (3, 0, 0),
    "ed318/feed-samples/ed318-ie.json": (4, 0, 0),
    "ed318/reference/Example_Collection.json": (2, 0, 0),
}


def counts_of_samples() -> dict[str, Counts]:
    """Of those that are read as they are, and hold any zone that is taken."""
    found = {}
    for name, row in expected("zones").items():
        counts = Counter(zone.get("outcome", "TAKEN") for zone in row.get("zones", []))
        if "declared" not in row and counts["TAKEN"] + counts["REPAIRED"]:
            found[name] = (counts["TAKEN"], counts["REPAIRED"], counts["REFUSED"])
    return found


def published(name: str, *more: object) -> object:
    """Parameters of a test, which is skipped where the file is not there."""
    return pytest.param(name, *more, id=name, marks=needs_files)


def content(name: str) -> bytes:
    """Of a sample, or of a published file."""
    own = SAMPLES / "zones" / name
    return (own if own.exists() else ZONES / name).read_bytes()


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        *counts_of_samples().items(),
        *(published(name, counts) for name, counts in COUNTS.items()),
    ],
)
async def test_every_zone_of_a_file_is_accounted_for(publisher: Publisher, name: str, counts: Counts) -> None:
    data = content(name)
    dataset = new_dataset()
    answer = await publisher.publish(dataset, data, on_error=pb.ON_ERROR_ACCEPT_VALID)
    report = answer.report
    taken, repaired, refused = counts
    assert (report.taken, report.repaired, report.refused) == (taken, repaired, refused)
    assert [entry.position for entry in report.entries] == list(range(taken + repaired + refused))
    assert answer.dataset.geozone_count == taken + repaired
    listed = {zone.name: zone for page in await publisher.pages(dataset=dataset) for zone in page.geozones}
    assert set(listed) == {entry.geozone for entry in report.entries if entry.geozone}
    for entry in report.entries:
        assert bool(entry.geozone) == (entry.outcome != pb.ReportEntry.OUTCOME_REFUSED)
        assert entry.outcome != pb.ReportEntry.OUTCOME_REFUSED or entry.notes[-1].message
        if entry.geozone:
            assert listed[entry.geozone].identifier == entry.identifier
    events = await publisher.events(dataset, 1)
    assert {event.key for event, _ in events[:-1]} == set(listed)
    assert events[-1][1].dataset == answer.dataset


@pytest.mark.parametrize(
    ("name", "authority", "count"),
    [
        (LIST, "Drohnenstelle Grauwinkel", 3),
        published(AUSTRIA, "Austro Control GmbH - Drone Competence Center", 288),
    ],
)
async def test_every_zone_of_a_country_that_needs_a_decision_has_somebody_who_decides(
    publisher: Publisher, name: str, authority: str, count: int
) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, content(name), authority_names={authority: publisher.authority}, title="Austria")
    zones = [geozone_from_message(z) for page in await publisher.pages(dataset=dataset) for z in page.geozones]
    assert len(zones) == count
    needing = [z for z in zones if z.restriction in (Restriction.REQ_AUTHORIZATION, Restriction.CONDITIONAL)]
    assert needing
    for zone in needing:
        assert any(a.authority == publisher.authority for a in zone.authorities_for(Purpose.AUTHORIZATION))


@pytest.mark.parametrize(
    ("name", "taken"), [("ed269-in-map-features.json", 1), published("ed269/feed-samples/eans-ee.json", 3)]
)
async def test_a_map_is_imported_only_by_who_says_that_refused_zones_may_be_missing(
    publisher: Publisher, name: str, taken: int
) -> None:
    data = content(name)
    dataset = new_dataset()
    assert (await refusal(publisher.publish(dataset, data))).reason == "ZONES_REFUSED"
    answer = await publisher.publish(dataset, data, on_error=pb.ON_ERROR_ACCEPT_VALID)
    assert sorted(outcomes(answer.report).values()) == ["REFUSED", "REFUSED", *["TAKEN"] * taken]


@pytest.mark.parametrize("name", [LIST, published(AUSTRIA)])
async def test_a_file_again_is_the_same_but_for_its_version(publisher: Publisher, name: str) -> None:
    data = content(name)
    dataset = new_dataset()
    first = await publisher.send(messages(publisher.header(dataset), data))
    second = await publisher.send(messages(publisher.header(dataset), data))
    assert second.report == first.report
    assert (first.dataset.version, second.dataset.version) == (1, 2)
    zone = second.report.entries[0].geozone
    got = (await publisher.geozones.GetGeozone(pb.GetGeozoneRequest(name=zone))).geozone
    assert got.dataset_version == 2
    assert json.loads(got.published_json)["identifier"] == got.identifier
