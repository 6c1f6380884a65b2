"""Zones packed before their version is known, and the report of what became of them."""

from __future__ import annotations

import json

import pytest

from lowsky.airspace.admission import admit
from lowsky.airspace.codec.imports import packed_zones, reports
from lowsky.airspace.codec.imports.reports import STATUS_REPORT_BYTES_MAX, refused_only
from lowsky.airspace.codec.query_area import area_of
from lowsky.airspace.codec.zones import STAMP_BYTES_MAX, ZONE_BYTES_MAX, Box, PackedZone, VersionStamp
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.events.v1 import events_pb2
from lowsky.api.geo.v1 import geo_pb2
from lowsky.errors import Invalid
from lowsky.geo.codec.zones import geozone_from_message
from tests.support.packed_zones import DATASET, DIRECTORY, packed, prepared, spooled
from tests.support.whole_reading import read
from tests.support.zone_files import ed269_zone, ed318_zone, file_of, refused_zone


def report_of(*zones: object) -> pb.ImportReport:
    with prepared(file_of(zones)) as found:  # type: ignore[arg-type]  # what is no zone as well
        return found.report.message


def test_a_stamped_zone_is_the_zone_with_its_version() -> None:
    data = file_of([ed269_zone("A")])
    (packed_zone,) = packed(data)
    stamp = VersionStamp.of(7)
    stored = pb.Geozone.FromString(packed_zone.geozone + stamp.on_geozone)
    event = events_pb2.GeozoneEvent.FromString(packed_zone.event + stamp.on_event)
    assert stored.dataset_version == event.geozone.dataset_version == 7
    assert geozone_from_message(stored) == admit(read(data).zones[0], DATASET, DIRECTORY).geozone
    assert not stored.published_json
    assert json.loads(event.geozone.published_json) == json.loads(json.dumps(ed269_zone("A")))
    event.geozone.ClearField("published_json")
    assert event.geozone == stored


@pytest.mark.parametrize("length", [0, 1, 127, 128, 20_000])
def test_an_event_is_what_protobuf_would_have_written(length: int) -> None:
    geozone = pb.Geozone(name="geozones/at.A", identifier="x" * length)
    zone = PackedZone(geozone.name, Box(0, 0, 1, 1), geozone.SerializeToString(), b"y" * length)
    geozone.published_json = "y" * length
    assert events_pb2.GeozoneEvent.FromString(zone.event) == events_pb2.GeozoneEvent(geozone=geozone)


def test_packed_zones_are_read_as_often_as_wanted_and_by_name() -> None:
    zones = packed(file_of([ed269_zone(f"Z{n}", note="x" * (n % 7) * 100_000) for n in range(50)]))
    with spooled(zones) as found:
        assert list(found) == list(found) == zones
        assert (len(found), found.names) == (50, [zone.name for zone in zones])
        assert all(found.geozone(zone.name) == zone.geozone for zone in reversed(zones))
        assert "geozones/at.Z7" in found
        assert "geozones/at.Z70" not in found


def test_zones_take_no_more_room_than_a_version_may(monkeypatch: pytest.MonkeyPatch) -> None:
    zones = packed(file_of([ed269_zone("A"), ed269_zone("B")]))
    size = sum(len(zone.geozone) + len(zone.published_json) for zone in zones)
    monkeypatch.setattr(packed_zones, "PACKED_BYTES_MAX", size)
    with spooled(zones) as found, pytest.raises(Invalid) as refused:
        found.append(packed(file_of([ed269_zone("C")]))[0])
    assert refused.value.reason == "TOO_LARGE"


def test_a_report_is_no_larger_than_an_answer_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    size = report_of(refused_zone("A")).ByteSize()
    monkeypatch.setattr(reports, "REPORT_BYTES_MAX", size)
    report_of(refused_zone("A"))
    with pytest.raises(Invalid) as refused:
        report_of(refused_zone("A"), refused_zone("B"))
    assert refused.value.reason == "TOO_LARGE"


def test_the_box_holds_every_layer() -> None:
    (zone,) = packed(file_of([ed269_zone("A")]))
    assert (zone.box.west, zone.box.south) == pytest.approx((16.3, 48.2))
    assert (zone.box.east, zone.box.north) == pytest.approx((16.31, 48.21))


def test_a_zone_over_the_antimeridian_has_a_box_as_wide_as_the_world() -> None:
    ring = [(179.9, 1.0), (-179.9, 1.0), (-179.9, 2.0), (179.9, 2.0), (179.9, 1.0)]
    (zone,) = packed(file_of([ed318_zone("A", ring)]))
    assert (zone.box.west, zone.box.east) == (-180.0, 180.0)


@pytest.mark.parametrize(("over", "outcome"), [(0, "TAKEN"), (1, "REFUSED")])
def test_a_zone_is_refused_beyond_what_the_event_log_takes(over: int, outcome: str) -> None:
    (small,) = packed(file_of([ed318_zone("A", note="")]))
    # The lengths before the longer texts take up to six bytes more.
    text = "x" * (ZONE_BYTES_MAX - len(small.event) - 4 + over)
    with prepared(file_of([ed318_zone("A", note=text), ed318_zone("B")])) as found:
        outcomes = [pb.ReportEntry.Outcome.Name(entry.outcome) for entry in found.report.message.entries]
        assert outcomes == [f"OUTCOME_{outcome}", "OUTCOME_TAKEN"]
        assert found.report.message.refused == (outcome == "REFUSED")
        assert len(found.zones) == (2 if outcome == "TAKEN" else 1)


@pytest.mark.parametrize("version", [1, 2**63 - 1])
def test_a_stamp_takes_no_more_than_is_kept_for_it(version: int) -> None:
    assert len(VersionStamp.of(version).on_event) <= STAMP_BYTES_MAX


def test_a_report_has_an_entry_for_each_zone_of_the_file_in_its_order() -> None:
    report = report_of(ed269_zone("A"), refused_zone("X"), 7, ed269_zone("A"))
    assert (report.format, report.taken, report.repaired, report.refused) == ("ED-269", 1, 1, 2)
    names = [(entry.position, entry.identifier, entry.geozone) for entry in report.entries]
    assert names == [
        (0, "A", "geozones/at.A"),
        (1, "X", ""),
        (2, "", ""),
        (3, "A~2", "geozones/at.A~7E2"),
    ]
    assert all(entry.notes for entry in report.entries)


def test_a_status_names_as_many_refused_zones_as_fit() -> None:
    whole = report_of(ed269_zone("A"), *(refused_zone(f"X{n}") for n in range(500)))
    short = refused_only(whole)
    assert short.ByteSize() <= STATUS_REPORT_BYTES_MAX
    assert (short.taken, short.refused) == (1, 500)
    assert [entry.identifier for entry in short.entries] == [f"X{n}" for n in range(len(short.entries))]
    few = refused_only(report_of(ed269_zone("A"), refused_zone("X")))
    assert [entry.identifier for entry in few.entries] == ["X"]


def box(west: float, south: float, east: float, north: float) -> geo_pb2.BoundingBox:
    return geo_pb2.BoundingBox(
        south_west=geo_pb2.LatLng(latitude=south, longitude=west),
        north_east=geo_pb2.LatLng(latitude=north, longitude=east),
    )


@pytest.mark.parametrize(
    ("message", "spans"),
    [
        (box(1, 2, 3, 4), [(1, 3)]),
        (box(170, 2, -170, 4), [(170, 180), (-180, -170)]),
        (box(170, 2, 180, 4), [(170, 180), (-180, -180)]),
        (box(-180, 2, -170, 4), [(-180, -170), (180, 180)]),
        (box(-180, 2, 180, 4), [(-180, 180)]),
        (box(180, 2, -180, 4), [(180, 180), (-180, -180)]),
        (box(5, 2, 5, 2), [(5, 5)]),
    ],
)
def test_an_area_is_boxes_within_the_world(message: geo_pb2.BoundingBox, spans: list[tuple[float, float]]) -> None:
    area = area_of(message)
    assert [(b.west, b.east) for b in area.boxes] == spans
    assert not area.outline.is_empty


def test_an_area_upside_down_is_refused() -> None:
    assert area_of(box(1, 4, 3, 4)).boxes
    with pytest.raises(Invalid) as refused:
        area_of(box(1, 4.0001, 3, 4))
    assert refused.value.reason == "INTERVAL_REVERSED"
