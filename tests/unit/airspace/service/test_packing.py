"""Zones packed before their version is known, and the report of what became of them."""

from __future__ import annotations

import json

import pytest

from lowsky.airspace.admission import Admission, admit
from lowsky.airspace.codec.area import area_of
from lowsky.airspace.codec.reports import STATUS_REPORT_BYTES_MAX, refused_only, to_message
from lowsky.airspace.codec.zones import STAMP_BYTES_MAX, ZONE_BYTES_MAX, VersionStamp, pack
from lowsky.airspace.domain.deciding import Directory
from lowsky.airspace.reading import Outcome, read
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.events.v1 import events_pb2
from lowsky.api.geo.v1 import geo_pb2
from lowsky.errors import Invalid
from lowsky.geo.codec import geozone_from_message
from tests.support.zone_files import ed269_zone, ed318_zone, file_of, refused_zone

DATASET = "datasets/at"
DIRECTORY = Directory({}, "authorities/own", "Own")


def admission_of(*zones: object) -> Admission:
    return admit(read(file_of(zones)), DATASET, DIRECTORY)  # type: ignore[arg-type]  # what is no zone as well


def test_a_stamped_zone_is_the_zone_with_its_version() -> None:
    admission = admission_of(ed269_zone("A"))
    _, (packed,) = pack(admission, DATASET)
    stamp = VersionStamp.of(7)
    stored = pb.Geozone.FromString(packed.geozone + stamp.on_geozone)
    event = events_pb2.GeozoneEvent.FromString(packed.event + stamp.on_event)
    assert stored.dataset_version == event.geozone.dataset_version == 7
    assert geozone_from_message(stored) == admission.zones[0].geozone
    assert not stored.published_json
    assert json.loads(event.geozone.published_json) == json.loads(json.dumps(ed269_zone("A")))
    event.geozone.ClearField("published_json")
    assert event.geozone == stored


def test_the_box_holds_every_layer() -> None:
    west = ed269_zone("A")
    _, (packed,) = pack(admission_of(west), DATASET)
    assert (packed.box.west, packed.box.south) == pytest.approx((16.3, 48.2))
    assert (packed.box.east, packed.box.north) == pytest.approx((16.31, 48.21))


def test_a_zone_over_the_antimeridian_has_a_box_as_wide_as_the_world() -> None:
    ring = [(179.9, 1.0), (-179.9, 1.0), (-179.9, 2.0), (179.9, 2.0), (179.9, 1.0)]
    _, (packed,) = pack(admission_of(ed318_zone("A", ring)), DATASET)
    assert (packed.box.west, packed.box.east) == (-180.0, 180.0)


@pytest.mark.parametrize(("over", "outcome"), [(0, Outcome.TAKEN), (1, Outcome.REFUSED)])
def test_a_zone_is_refused_beyond_what_the_event_log_takes(over: int, outcome: Outcome) -> None:
    _, (small,) = pack(admission_of(ed318_zone("A", note="")), DATASET)
    # The lengths before the longer texts take up to six bytes more.
    text = "x" * (ZONE_BYTES_MAX - len(small.event) - 4 + over)
    admission, packed = pack(admission_of(ed318_zone("A", note=text), ed318_zone("B")), DATASET)
    assert [entry.outcome for entry in admission.entries] == [outcome, Outcome.TAKEN]
    assert len(packed) == len(admission.zones) == (2 if outcome is Outcome.TAKEN else 1)


@pytest.mark.parametrize("version", [1, 2**63 - 1])
def test_a_stamp_takes_no_more_than_is_kept_for_it(version: int) -> None:
    assert len(VersionStamp.of(version).on_event) <= STAMP_BYTES_MAX


def test_a_report_has_an_entry_for_each_zone_of_the_file_in_its_order() -> None:
    report = to_message(admission_of(ed269_zone("A"), refused_zone("X"), 7, ed269_zone("A")))
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
    whole = to_message(admission_of(ed269_zone("A"), *(refused_zone(f"X{n}") for n in range(500))))
    short = refused_only(whole)
    assert short.ByteSize() <= STATUS_REPORT_BYTES_MAX
    assert (short.taken, short.refused) == (1, 500)
    assert [entry.identifier for entry in short.entries] == [f"X{n}" for n in range(len(short.entries))]
    few = refused_only(to_message(admission_of(ed269_zone("A"), refused_zone("X"))))
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
