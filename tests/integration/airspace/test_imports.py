"""Imports of zone files: what comes into force, what is told of it, and what is refused."""

from __future__ import annotations

import asyncio
import json
from typing import Any
from uuid import uuid4

import grpc
import pytest

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.airspace.v1 import geozones_pb2_grpc
from lowsky.events import topics
from lowsky.events.event import Event
from lowsky.geo.codec.zones import geozone_from_message
from lowsky.geo.zones.geozone import Purpose
from tests.integration.airspace.publishing import (
    Publisher,
    create_authority,
    messages,
    new_dataset,
    new_publisher,
    outcomes,
    reasons,
)
from tests.support.errors import Failure, refusal
from tests.support.installation import Installation
from tests.support.zone_files import ed269_zone, ed318_zone, file_of, refused_zone, square


def report_in(failure: Failure) -> pb.ImportReport:
    """The report that came with a refusal."""
    report = pb.ImportReport()
    assert any(detail.Unpack(report) for detail in failure.status.details)
    return report


def kinds(events: list[tuple[Event, Any]]) -> list[tuple[str, str]]:
    """What happened to what, in short."""
    return [(event.type.split(".")[2], event.key.rpartition(".")[2]) for event, _ in events]


@pytest.mark.parametrize(("make", "name"), [(ed269_zone, "ED-269"), (ed318_zone, "ED-318")])
async def test_a_file_comes_into_force_and_reads_back_as_published(publisher: Publisher, make: Any, name: str) -> None:
    dataset = new_dataset()
    published = make("LOX-1")
    answer = await publisher.publish(dataset, file_of([published, make("LOX-2", square(16.5, 48.2))]), title="Vienna")
    assert (answer.report.format, answer.report.taken, answer.report.refused) == (name, 2, 0)
    assert (answer.dataset.name, answer.dataset.version, answer.dataset.geozone_count) == (dataset, 1, 2)
    assert (answer.dataset.title, answer.dataset.authority) == ("Vienna", publisher.authority)
    zone_name = answer.report.entries[0].geozone
    assert zone_name == f"geozones/{dataset.removeprefix('datasets/')}.LOX-1"
    zone = (await publisher.geozones.GetGeozone(pb.GetGeozoneRequest(name=zone_name))).geozone
    assert (zone.name, zone.dataset, zone.dataset_version, zone.identifier) == (zone_name, dataset, 1, "LOX-1")
    assert json.loads(zone.published_json) == json.loads(json.dumps(published))
    domain = geozone_from_message(zone)
    assert domain.layers[0].outline.bounds == pytest.approx((16.3, 48.2, 16.31, 48.21))
    assert (domain.layers[0].altitude.lower_m, domain.layers[0].altitude.upper_m) == (0.0, 120.0)


async def test_the_next_import_replaces_the_dataset_and_tells_in_order(publisher: Publisher) -> None:
    dataset = new_dataset()
    first = await publisher.publish(dataset, file_of([ed318_zone("A"), ed318_zone("B"), ed318_zone("C")]), title="One")
    second = await publisher.replace(
        dataset, file_of([ed318_zone("A"), ed318_zone("B", square(10.0, 47.0)), ed318_zone("D")])
    )
    assert second.dataset.version == 2
    assert second.dataset.title == "One"
    assert second.dataset.airspace_revision > first.dataset.airspace_revision
    assert [name.rpartition(".")[2] for name in await publisher.names(dataset=dataset)] == ["A", "B", "D"]
    events = await publisher.events(dataset, 2)
    assert kinds(events) == [
        *[("published", "A"), ("published", "B"), ("published", "C"), ("imported", dataset)],
        *[("published", "A"), ("published", "B"), ("published", "D"), ("removed", "C"), ("imported", dataset)],
    ]
    removed, value = events[7]
    assert value is None
    imports = [event for event, _ in events if event.type == "lowsky.dataset.imported.v1"]
    assert {event.causation_id for event, _ in events[:3]} == {imports[0].id}
    assert {event.causation_id for event, _ in events[4:8]} == {imports[1].id}
    assert removed.causation_id == imports[1].id
    assert [value.dataset for _, value in (events[3], events[8])] == [first.dataset, second.dataset]
    versions = [value.geozone.dataset_version for event, value in events if event.type == "lowsky.geozone.published.v1"]
    assert versions == [1, 1, 1, 2, 2, 2]
    got = (await publisher.geozones.GetGeozone(pb.GetGeozoneRequest(name=events[5][0].key))).geozone
    assert events[5][1].geozone == got
    failure = await refusal(publisher.geozones.GetGeozone(pb.GetGeozoneRequest(name=removed.key)))
    assert failure.code is grpc.StatusCode.NOT_FOUND


async def test_a_file_with_a_refused_zone_leaves_everything_as_it_was(publisher: Publisher) -> None:
    dataset = new_dataset()
    before = await publisher.publish(dataset, file_of([ed269_zone("A"), ed269_zone("B")]))
    failure = await refusal(publisher.publish(dataset, file_of([ed269_zone("A"), refused_zone("X"), ed269_zone("C")])))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ZONES_REFUSED")
    report = report_in(failure)
    assert (report.taken, report.refused) == (2, 1)
    assert [(entry.position, entry.identifier) for entry in report.entries] == [(1, "X")]
    assert reasons(report.entries[0]) == {"RESTRICTION_UNKNOWN"}
    assert len(await publisher.names(dataset=dataset)) == 2
    after = await publisher.replace(dataset, file_of([ed269_zone("A")]))
    assert after.dataset.version == 2
    assert after.dataset.airspace_revision == before.dataset.airspace_revision + 1


async def test_a_refusal_of_very_many_zones_still_reaches_the_caller(publisher: Publisher) -> None:
    data = file_of([ed269_zone("A"), *(refused_zone(f"X{n}") for n in range(2_000))])
    failure = await refusal(publisher.publish(new_dataset(), data))
    assert (failure.reason, failure.metadata["refused"]) == ("ZONES_REFUSED", "2000")
    report = report_in(failure)
    assert report.refused == 2_000
    assert 10 < len(report.entries) == int(failure.metadata["named"])
    assert failure.status.ByteSize() < 6_000


async def test_accept_valid_takes_the_zones_that_can_be_read_and_names_the_others(
    publisher: Publisher,
) -> None:
    dataset = new_dataset()
    data = file_of([ed269_zone("A"), refused_zone("X"), 7, ed269_zone("C")])  # type: ignore[list-item]
    answer = await publisher.publish(dataset, data, on_error=pb.ON_ERROR_ACCEPT_VALID)
    assert outcomes(answer.report) == {"A": "TAKEN", "X": "REFUSED", "": "REFUSED", "C": "TAKEN"}
    assert [entry.position for entry in answer.report.entries] == [0, 1, 2, 3]
    assert [bool(entry.geozone) for entry in answer.report.entries] == [True, False, False, True]
    assert await publisher.names(dataset=dataset) == [e.geozone for e in answer.report.entries if e.geozone]


async def test_the_deprecated_accept_valid_counts_only_where_on_error_is_not_said(publisher: Publisher) -> None:
    data = file_of([ed269_zone("A"), refused_zone("X")])
    answer = await publisher.publish(new_dataset(), data, accept_valid=True)
    assert answer.dataset.geozone_count == 1
    said = {"accept_valid": True, "on_error": pb.ON_ERROR_REJECT}
    assert (await refusal(publisher.publish(new_dataset(), data, **said))).reason == "ZONES_REFUSED"


async def test_a_file_of_nothing_but_refused_zones_never_clears_a_dataset(publisher: Publisher) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of([ed269_zone("A")]))
    failure = await refusal(publisher.publish(dataset, file_of([refused_zone("X")]), on_error=pb.ON_ERROR_ACCEPT_VALID))
    assert failure.reason == "ZONES_REFUSED"
    assert len(await publisher.names(dataset=dataset)) == 1


async def test_an_empty_file_clears_a_dataset_only_where_that_is_confirmed(publisher: Publisher) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of([ed269_zone("A")]))
    failure = await refusal(publisher.publish(dataset, file_of([])))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "REMOVAL_NOT_CONFIRMED")
    assert (failure.metadata["removed"], failure.metadata["of"]) == ("1", "1")
    assert len(await publisher.names(dataset=dataset)) == 1
    answer = await publisher.publish(dataset, file_of([]), confirm_difference=failure.metadata["digest"])
    assert (answer.dataset.version, answer.dataset.geozone_count) == (2, 0)
    assert kinds(await publisher.events(dataset, 2))[2:] == [("removed", "A"), ("imported", dataset)]


async def test_validate_only_reports_everything_and_changes_nothing(publisher: Publisher) -> None:
    dataset = new_dataset()
    data = file_of([ed269_zone("A"), refused_zone("X")])
    answer = await publisher.publish(dataset, data, validate_only=True)
    assert outcomes(answer.report) == {"A": "TAKEN", "X": "REFUSED"}
    assert not answer.HasField("dataset")
    await publisher.publish(dataset, file_of([ed269_zone("B")]))
    answer = await publisher.publish(dataset, data, validate_only=True)
    assert answer.dataset.version == 1
    assert [name.rpartition(".")[2] for name in await publisher.names(dataset=dataset)] == ["B"]
    assert kinds(await publisher.events(dataset, 1)) == [("published", "B"), ("imported", dataset)]


@pytest.mark.parametrize(
    ("data", "position"),
    [
        (b'{"features": [\n  {"identifier": }\n]}', "line 2 column 18 (byte 32)"),
        (b'{"features": [\xff]}', "line 1 column 15 (byte 14)"),
        (b'{"zones": []}', None),
    ],
)
async def test_a_file_that_cannot_be_read_is_named_with_the_place(
    publisher: Publisher, data: bytes, position: str | None
) -> None:
    failure = await refusal(publisher.publish(new_dataset(), data, on_error=pb.ON_ERROR_ACCEPT_VALID))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "UNREADABLE_FILE")
    assert failure.metadata.get("position") == position


async def test_the_same_request_again_gets_the_same_answer_and_imports_nothing(publisher: Publisher) -> None:
    dataset = new_dataset()
    header = publisher.header(dataset)
    data = file_of([ed269_zone("A")])
    first = await publisher.send(messages(header, data))
    assert await publisher.send(messages(header, data)) == first
    failure = await refusal(publisher.send(messages(header, file_of([ed269_zone("B")]))))
    assert (failure.code, failure.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    other = pb.ImportHeader(dataset=new_dataset())
    header.MergeFrom(other)
    assert (await refusal(publisher.send(messages(header, data)))).reason == "REQUEST_ID_REUSED"
    assert kinds(await publisher.events(dataset, 1)) == [("published", "A"), ("imported", dataset)]


async def test_the_same_request_sent_many_times_at_once_imports_once(publisher: Publisher) -> None:
    dataset = new_dataset()
    header = publisher.header(dataset)
    data = file_of([ed269_zone("A")])
    answers = await asyncio.gather(*(publisher.send(messages(header, data)) for _ in range(6)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0].dataset.version == 1


async def test_imports_at_once_are_versions_in_order_and_never_mixed(airspace: Installation) -> None:
    one, two = await new_publisher(airspace), await new_publisher(airspace)
    mine, theirs = new_dataset(), new_dataset()
    files = [file_of([ed269_zone(f"{n}-{i}") for i in range(30)]) for n in range(6)]
    answers = await asyncio.gather(
        *(one.replace(mine, data) for data in files), *(two.replace(theirs, data) for data in files)
    )
    for dataset in (mine, theirs):
        assert sorted(a.dataset.version for a in answers if a.dataset.name == dataset) == [1, 2, 3, 4, 5, 6]
    revisions = [answer.dataset.airspace_revision for answer in answers]
    assert len(set(revisions)) == 12
    assert max(revisions) - min(revisions) == 11
    events = await one.events(mine, 6)
    own = {event.id for event, _ in (*events, *await two.events(theirs, 6))}
    run: list[tuple[Event, Any]] = []
    seen: list[int] = []
    for event, value in await airspace.events(topics.GEOZONES):
        if event.id not in own:
            continue
        run.append((event, value))
        if event.type == "lowsky.dataset.imported.v1":
            version = value.dataset.version
            dataset = event.key.removeprefix("datasets/")
            assert {e.key.removeprefix("geozones/").split(".")[0] for e, _ in run[:-1]} == {dataset}
            assert {v.geozone.dataset_version for _, v in run[:-1] if v is not None} == {version}
            assert sum(v is None for _, v in run[:-1]) == (30 if version > 1 else 0)
            seen.append(value.dataset.airspace_revision)
            run = []
    assert seen == sorted(revisions)


async def test_only_a_publisher_of_the_authority_itself_imports(airspace: Installation, publisher: Publisher) -> None:
    data = file_of([ed269_zone("A")])
    officer = airspace.token(roles=["officer", "administrator"], authority=publisher.authority)
    stub = airspace.stub(geozones_pb2_grpc.GeozonesServiceStub, "airspace", officer)
    as_officer = Publisher(airspace, publisher.authority, stub)
    assert (await refusal(as_officer.publish(new_dataset(), data))).reason == "ROLE_MISSING"
    other = await new_publisher(airspace)
    failure = await refusal(publisher.publish(new_dataset(), data, authority=other.authority))
    assert (failure.code, failure.metadata["resource"]) == (grpc.StatusCode.NOT_FOUND, other.authority)


@pytest.mark.parametrize("validate_only", [False, True])
async def test_a_dataset_belongs_to_the_authority_that_imported_it_first(
    airspace: Installation, publisher: Publisher, validate_only: bool
) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of([ed269_zone("A")]))
    other = await new_publisher(airspace)
    failure = await refusal(other.publish(dataset, file_of([]), validate_only=validate_only))
    assert (failure.code, failure.metadata["resource"]) == (grpc.StatusCode.NOT_FOUND, dataset)
    assert len(await publisher.names(dataset=dataset)) == 1


async def test_an_authority_that_is_not_registered_is_named(airspace: Installation, publisher: Publisher) -> None:
    data = file_of([ed269_zone("A")])
    token = airspace.token(roles=["publisher"], authority="nobody")
    stub = airspace.stub(geozones_pb2_grpc.GeozonesServiceStub, "airspace", token)
    failure = await refusal(Publisher(airspace, "authorities/nobody", stub).publish(new_dataset(), data))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "AUTHORITY_UNKNOWN")
    named = publisher.publish(new_dataset(), data, authority_names={"Tower": "authorities/missing"})
    failure = await refusal(named)
    assert failure.precondition == {"AUTHORITY_UNKNOWN": "authorities/missing"}


async def test_published_names_become_registered_authorities(airspace: Installation, publisher: Publisher) -> None:
    tower = await create_authority(airspace, f"t{uuid4().hex[:8]}", display_name=f"Tower {uuid4()}")
    dataset = new_dataset()
    zones = [
        ed269_zone("MAPPED", zoneAuthority=[{"name": "the  TOWER", "purpose": "AUTHORIZATION"}]),
        ed269_zone("DISPLAYED", zoneAuthority=[{"name": tower.display_name.upper(), "purpose": "AUTHORIZATION"}]),
        ed269_zone("UNKNOWN", zoneAuthority=[{"name": "Club", "purpose": "AUTHORIZATION"}]),
        ed269_zone("TOLD", zoneAuthority=[{"name": "The Tower", "purpose": "NOTIFICATION"}]),
        ed269_zone("CLOSED", restriction="PROHIBITED", zoneAuthority=[]),
    ]
    answer = await publisher.publish(dataset, file_of(zones), authority_names={"The Tower": tower.name})
    deciding = {}
    for entry in answer.report.entries:
        message = (await publisher.geozones.GetGeozone(pb.GetGeozoneRequest(name=entry.geozone))).geozone
        assert message.notes == entry.notes
        zone = geozone_from_message(message)
        deciding[entry.identifier] = [named.authority for named in zone.authorities_for(Purpose.AUTHORIZATION)]
    assert deciding == {
        "MAPPED": [tower.name],
        "DISPLAYED": [tower.name],
        "UNKNOWN": [None, publisher.authority],
        "TOLD": [publisher.authority],
        "CLOSED": [],
    }
    assert {e.identifier for e in answer.report.entries if "AUTHORITY_DEFAULTED" in reasons(e)} == {"UNKNOWN", "TOLD"}


async def test_a_zone_too_large_for_the_event_log_is_refused_with_the_reason(publisher: Publisher) -> None:
    dataset = new_dataset()
    data = file_of([ed269_zone("A"), ed269_zone("HUGE", extendedProperties={"text": "x" * (4 * 1024 * 1024)})])
    failure = await refusal(publisher.publish(dataset, data))
    assert reasons(report_in(failure).entries[0]) == {"ZONE_TOO_LARGE"}
    answer = await publisher.publish(dataset, data, on_error=pb.ON_ERROR_ACCEPT_VALID)
    assert outcomes(answer.report) == {"A": "TAKEN", "HUGE": "REFUSED"}


async def test_the_largest_zone_that_is_taken_is_published_and_read(publisher: Publisher) -> None:
    dataset = new_dataset()
    zone = ed269_zone("LARGE", extendedProperties={"text": "x" * (4 * 1024 * 1024 - 72 * 1024)})
    answer = await publisher.publish(dataset, file_of([zone]))
    events = await publisher.events(dataset, 1)
    got = (await publisher.geozones.GetGeozone(pb.GetGeozoneRequest(name=answer.report.entries[0].geozone))).geozone
    assert events[0][1].geozone == got
    assert len(got.published_json) > 4_000_000


async def test_each_import_is_kept_in_a_log(airspace: Installation, publisher: Publisher) -> None:
    dataset = new_dataset()
    data = file_of([ed269_zone("A"), refused_zone("X")])
    header = publisher.header(dataset, on_error=pb.ON_ERROR_ACCEPT_VALID)
    await publisher.send(messages(header, data))
    await publisher.replace(dataset, file_of([]))
    async with airspace.connection() as connection:
        rows = await connection.fetch(
            "SELECT * FROM airspace.dataset_versions WHERE dataset = $1 ORDER BY version", dataset
        )
    assert [(r["version"], r["taken"], r["refused"]) for r in rows] == [(1, 1, 1), (2, 0, 0)]
    assert rows[0]["publisher"] == f"publisher of {publisher.authority.removeprefix('authorities/')}"
    assert (str(rows[0]["request_id"]), rows[0]["file_bytes"]) == (header.request_id, len(data))
