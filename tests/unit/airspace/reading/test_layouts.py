"""Every layout of a file and of a zone that publishers use, and what a file that is none of them says."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from lowsky.airspace.reading import Format, UnreadableZones, ZoneOutcome
from lowsky.geo.heights.altitude import Datum
from lowsky.geo.zones.geozone import LocalizedText, Purpose, Restriction
from tests.support.whole_reading import WholeReading, read

RING = [[8.0, 47.0], [8.1, 47.0], [8.1, 47.1], [8.0, 47.1], [8.0, 47.0]]
VOLUME = {
    "uomDimensions": "M",
    "lowerLimit": 0,
    "lowerVerticalReference": "AGL",
    "upperLimit": 120,
    "upperVerticalReference": "AGL",
    "horizontalProjection": {"type": "Polygon", "coordinates": [RING]},
}
LAYER = {"upper": 120, "upperReference": "AGL", "lower": 0, "lowerReference": "AGL", "uom": "m"}
AUTHORITY = {"name": "Tower", "purpose": "AUTHORIZATION"}


def ed269(**changes: object) -> dict[str, object]:
    zone: dict[str, object] = {
        "identifier": "Z1",
        "country": "CHE",
        "name": "Zone",
        "type": "COMMON",
        "restriction": "PROHIBITED",
        "reason": ["AIR_TRAFFIC"],
        "applicability": [{"permanent": "YES"}],
        "zoneAuthority": [AUTHORITY],
        "geometry": [VOLUME],
    }
    return {key: value for key, value in (zone | changes).items() if value is not ...}


def ed318(geometry: object = None, **changes: object) -> dict[str, object]:
    properties: dict[str, object] = {
        "identifier": "Z1",
        "country": "CHE",
        "name": [{"text": "Zone", "lang": "en"}],
        "type": "PROHIBITED",
        "variant": "COMMON",
        "zoneAuthority": [AUTHORITY],
    }
    shape = geometry or {"type": "Polygon", "coordinates": [RING], "layer": LAYER}
    kept = {key: value for key, value in (properties | changes).items() if value is not ...}
    return {"type": "Feature", "geometry": shape, "properties": kept}


def reading(document: object) -> WholeReading:
    return read(json.dumps(document).encode())


def reasons(found: WholeReading, position: int = 0) -> list[str]:
    return [note.reason for note in found.entries[position].notes]


FLATTENED = {
    "type": "Feature",
    "geometry": {"type": "Polygon", "coordinates": [RING]},
    "properties": ed269(geometry={key: value for key, value in VOLUME.items() if key != "horizontalProjection"}),
}
BESIDE = ed269(geometry=[{**VOLUME, "horizontalProjection": None, "type": "Polygon", "coordinates": [RING]}])


@pytest.mark.parametrize(
    ("document", "dialect"),
    [
        ([ed269()], Format.ED_269),
        ({"UASZoneList": [ed269()]}, Format.ED_269),
        ({"title": "T", "features": [ed269()]}, Format.ED_269),
        (ed269(), Format.ED_269),
        ({"type": "FeatureCollection", "features": [FLATTENED]}, Format.ED_269),
        ([BESIDE], Format.ED_269),
        ({"type": "FeatureCollection", "features": [ed318()]}, Format.ED_318),
        ([ed318()], Format.ED_318),
        (ed318(), Format.ED_318),
        ([{"type": "FeatureCollection", "features": [ed318()]}], Format.ED_318),
        (
            {"type": "FeatureCollection", "features": [ed318({"type": "Polygon", "coordinates": [RING]}, layer=LAYER)]},
            Format.ED_318,
        ),
    ],
)
def test_the_same_zone_is_read_from_every_layout(document: object, dialect: Format) -> None:
    found = reading(document)
    (zone,) = found.zones
    assert found.format is dialect
    assert found.entries[0].outcome is ZoneOutcome.TAKEN
    assert not found.entries[0].notes
    (layer,) = zone.geozone.layers
    assert layer.outline.bounds == (8.0, 47.0, 8.1, 47.1)
    assert (layer.altitude.lower_m, layer.altitude.upper_m, layer.altitude.upper_datum) == (0.0, 120.0, Datum.AGL)
    assert zone.geozone.restriction is Restriction.PROHIBITED
    assert zone.geozone.country == "CHE"
    assert [name.text for name in zone.geozone.names] == ["Zone"]
    assert zone.geozone.applicability.permanent
    assert zone.geozone.authorities[0].purpose is Purpose.AUTHORIZATION


def test_a_byte_order_mark_and_utf_8_texts_are_read() -> None:
    found = read(b"\xef\xbb\xbf" + json.dumps([ed269(name="Völtendorf")], ensure_ascii=False).encode())
    assert found.zones[0].geozone.names[0].text == "Völtendorf"
    assert json.loads(found.zones[0].published_json)["name"] == "Völtendorf"


def test_both_dialects_in_one_file_are_read_as_mixed() -> None:
    found = reading({"features": [ed269(), ed318(identifier="Z2")]})
    assert found.format is Format.MIXED
    assert len(found.zones) == 2


def test_both_lists_of_a_file_are_read() -> None:
    assert len(reading({"features": [ed269()], "UASZoneList": [ed269(identifier="Z2")]}).zones) == 2


def test_a_zone_that_also_holds_zones_is_not_lost() -> None:
    outer = {**ed269(identifier="outer"), "features": [ed269(identifier="inner")]}
    for document in (outer, [outer]):
        assert {zone.geozone.identifier for zone in reading(document).zones} == {"outer", "inner"}


def test_metadata_are_read_and_unread_members_kept() -> None:
    metadata = {"issued": "2026-01-02T00:00:00Z", "validFrom": {"bad": 1}, "provider": [{"text": "P", "lang": "en"}]}
    found = reading(
        {"type": "FeatureCollection", "name": "N", "metadata": metadata, "features": [], "more": 1}
    ).metadata
    assert found.title == "N"
    assert found.issued == datetime(2026, 1, 2, tzinfo=UTC)
    assert found.valid_from is None
    assert found.provider == (LocalizedText("P", "en"),)
    assert found.other is not None
    assert found.other["more"] == 1


def test_what_a_file_states_of_itself_and_nothing_keeps_is_named() -> None:
    metadata = {
        "provider": [{"text": "P", "lang": "en"}],
        "issued": "2026-01-02T00:00:00Z",
        "validTo": "2026-02-02T00:00:00Z",
        "otherGeoid": "Local",
        "technicalLimitation": [],
    }
    stated = {"type": "FeatureCollection", "name": "N", "metadata": metadata, "features": [ed318()], "edition": 3}
    found = reading(stated)
    assert [(note.reason, note.field) for note in found.notes] == [
        ("NOT_TAKEN_OVER", field)
        for field in ("metadata.provider", "metadata.issued", "metadata.validTo", "metadata.otherGeoid", "edition")
    ]
    assert "changes no zone" in found.notes[0].message
    assert reading({"features": [ed318()], "title": "T", "metadata": {}, "x": None}).notes == ()
    assert reading(ed269()).notes == reading({**ed318(), "id": 7}).notes == ()


def test_every_entry_of_a_list_ends_in_one_report_entry() -> None:
    found = reading([ed269(), None, 7, "x", [], {}, ed269(identifier="Z2", restriction="CLOSED")])
    assert [entry.position for entry in found.entries] == list(range(7))
    assert [entry.outcome for entry in found.entries] == [ZoneOutcome.TAKEN] + [ZoneOutcome.REFUSED] * 6
    assert reasons(found, 1) == ["ZONE_UNREADABLE"]
    assert reasons(found, 6) == ["RESTRICTION_UNKNOWN"]
    assert found.entries[6].identifier == "Z2"


def test_repeated_identifiers_are_kept_apart_without_taking_anothers() -> None:
    found = reading([ed269(), ed269(), ed269(identifier="Z1~2"), ed269()])
    assert [zone.geozone.identifier for zone in found.zones] == ["Z1", "Z1~3", "Z1~2", "Z1~4"]
    assert [entry.identifier for entry in found.entries] == ["Z1", "Z1~3", "Z1~2", "Z1~4"]
    assert found.entries[1].outcome is ZoneOutcome.REPAIRED
    assert reasons(found, 1) == ["IDENTIFIER_REPEATED"]


@pytest.mark.parametrize(
    ("zone", "identifier", "reason"),
    [
        (ed269(identifier=" Z 1 "), "Z 1", "IDENTIFIER_CHANGED"),
        (ed269(identifier=17), "17", "IDENTIFIER_CHANGED"),
        (ed269(identifier=..., zoneId="uuid"), "uuid", None),
        (ed269(identifier="A" * 250), "A" * 200, "IDENTIFIER_CHANGED"),
        (ed269(identifier="a\x00b"), "a\ufffdb", "IDENTIFIER_CHANGED"),
    ],
)
def test_odd_identifiers_are_made_usable(zone: object, identifier: str, reason: str | None) -> None:
    found = reading([zone])
    assert found.zones[0].geozone.identifier == identifier
    assert reasons(found) == ([reason] if reason else [])


def test_a_zone_without_identifier_is_named_after_its_content() -> None:
    first, again, other = (reading([ed269(identifier=..., name=name)]).zones[0].geozone for name in ("a", "a", "b"))
    assert first.identifier == again.identifier != other.identifier
    assert first.identifier.startswith("unnamed-")


@pytest.mark.parametrize(
    ("zone", "restriction", "noted"),
    [
        (ed269(restriction="REQ_AUTHORISATION"), Restriction.REQ_AUTHORIZATION, []),
        (ed269(restriction="req_authorization"), Restriction.REQ_AUTHORIZATION, ["RESTRICTION_SPELLING"]),
        (ed318(type="REQ_AUTHORISATION"), Restriction.REQ_AUTHORIZATION, ["RESTRICTION_SPELLING"]),
        (ed318(type="REQ_AUTHORIZATION"), Restriction.REQ_AUTHORIZATION, []),
        (ed318(type="USPACE"), Restriction.USPACE, []),
        (ed269(restriction="NO_RESTRICTION"), Restriction.NO_RESTRICTION, []),
        (ed269(restriction="CONDITIONAL"), Restriction.CONDITIONAL, []),
    ],
)
def test_both_spellings_of_a_restriction_are_one(zone: object, restriction: Restriction, noted: list[str]) -> None:
    found = reading([zone])
    assert found.zones[0].geozone.restriction is restriction
    assert reasons(found) == noted


@pytest.mark.parametrize(
    ("zone", "reason"),
    [
        (ed269(restriction=...), "RESTRICTION_ABSENT"),
        (ed269(restriction=None), "RESTRICTION_ABSENT"),
        (ed269(restriction=["PROHIBITED"]), "RESTRICTION_UNKNOWN"),
        (ed318(type="FORBIDDEN"), "RESTRICTION_UNKNOWN"),
        (ed269(geometry=[]), "GEOMETRY_ABSENT"),
        (ed269(geometry=...), "GEOMETRY_ABSENT"),
        (ed318({"type": "GeometryCollection", "geometries": []}), "GEOMETRY_ABSENT"),
        (ed318({"type": "GeometryCollection", "geometries": "x"}), "GEOMETRY_UNREADABLE"),
        (ed318({"type": "LineString", "coordinates": RING}), "GEOMETRY_TYPE"),
        (ed318({"type": "Point", "coordinates": [8, 47], "layer": LAYER}), "EXTENT_ABSENT"),
        (ed269(geometry=[VOLUME, {**VOLUME, "horizontalProjection": None}]), "GEOMETRY_UNREADABLE"),
        (ed269(geometry=[VOLUME] * 201), "TOO_MANY_LAYERS"),
        (ed269(hidden=True), "DISPLAY_ONLY"),
        (ed318(hidden=True), "DISPLAY_ONLY"),
    ],
)
def test_a_zone_that_cannot_be_stood_behind_is_refused_with_the_reason(zone: object, reason: str) -> None:
    found = reading([zone])
    assert not found.zones
    assert found.entries[0].outcome is ZoneOutcome.REFUSED
    assert reasons(found)[-1] == reason
    assert found.entries[0].notes[-1].message


def test_one_bad_geometry_of_a_collection_refuses_the_zone_and_not_a_part_of_it() -> None:
    good = {"type": "Polygon", "coordinates": [RING], "layer": LAYER}
    assert (
        len(reading([ed318({"type": "GeometryCollection", "geometries": [good, good]})]).zones[0].geozone.layers) == 2
    )
    bad = {"type": "Polygon", "coordinates": [[[8, 47], [8, "x"]]], "layer": LAYER}
    assert not reading([ed318({"type": "GeometryCollection", "geometries": [good, bad]})]).zones


def test_the_layer_of_a_collection_serves_geometries_that_have_none() -> None:
    inner = {"type": "Polygon", "coordinates": [RING]}
    found = reading([ed318({"type": "GeometryCollection", "layer": LAYER, "geometries": [inner]})])
    assert found.zones[0].geozone.layers[0].altitude.upper_m == 120.0


def test_authorities_are_read_in_every_shape() -> None:
    several = [
        {
            "name": [{"text": "A", "lang": "en"}],
            "purpose": "NOTIFICATION",
            "intervalBefore": "P05DT00H00M",
            "email": "a@b",
        },
        {"name": "B", "purpose": "information", "intervalBefore": "soon"},
        {"name": "C"},
        "D",
    ]
    found = reading([ed269(zoneAuthority=several)])
    a, b, c = found.zones[0].geozone.authorities
    assert (a.purpose, a.interval_before, a.email) == (Purpose.NOTIFICATION, timedelta(days=5), "a@b")
    assert (b.purpose, b.interval_before) == (Purpose.INFORMATION, None)
    assert c.purpose is Purpose.AUTHORIZATION
    assert reasons(found) == ["INTERVAL_UNREADABLE", "PURPOSE_UNKNOWN", "AUTHORITY_UNREADABLE"]
    assert len(reading([ed269(zoneAuthority=AUTHORITY)]).zones[0].geozone.authorities) == 1


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("P30D", timedelta(days=30)),
        ("PT90M", timedelta(minutes=90)),
        ("P1M", timedelta(days=31)),
        ("P2W", timedelta(days=14)),
        ("PT1.5S", timedelta(seconds=1)),
        ("P", None),
        ("PT", None),
        ("-P1D", None),
    ],
)
def test_intervals_are_iso_8601_durations(text: str, interval: timedelta | None) -> None:
    zone = ed269(zoneAuthority=[{**AUTHORITY, "intervalBefore": text}])
    assert reading([zone]).zones[0].geozone.authorities[0].interval_before == interval


def test_members_beside_the_extent_are_kept() -> None:
    extended = {"localizedMessages": [{"language": "de-AT", "message": "Hallo"}]}
    zone = ed269(
        reason="Air traffic", message="Hello", extendedProperties=extended, region=3, regulationExemption="YES",
        restrictionConditions="VLOS", otherReasonInfo="Why", unknownMember={"x": [1]},
    )  # fmt: skip
    geozone = reading([zone]).zones[0].geozone
    assert geozone.reasons == ("AIR_TRAFFIC",)
    assert geozone.messages == (LocalizedText("Hello"), LocalizedText("Hallo", "de-AT"))
    assert (geozone.region, geozone.regulation_exemption, geozone.conditions) == (3, True, "VLOS")
    assert geozone.other_reasons == (LocalizedText("Why"),)
    assert geozone.variant == "COMMON"


@pytest.mark.parametrize(
    ("data", "reason", "line"),
    [
        (b"", "NOT_JSON", 1),
        (b"\n\n[{]", "NOT_JSON", 3),
        (b'[{"a": "' + "ü".encode("latin-1") + b'"}]', "NOT_UTF8", 1),
        (b'[\n{"upperLimit": NaN}]', "NOT_A_NUMBER", 2),
        (b'["NaN", -Infinity]', "NOT_A_NUMBER", 1),
        (b"[" * 5000, "TOO_DEEP", 1),
        (b"\n" + b"[" * 100, "TOO_DEEP", 2),
        (b"[" * 60, "NOT_JSON", 1),
        (b'{"features": [], "features": []}', "REPEATED_KEY", None),
        (b"17", "NOT_A_ZONE_FILE", None),
        (b"null", "NOT_A_ZONE_FILE", None),
        (b"[1, 2]", "NOT_A_ZONE_FILE", None),
        (b'{"features": {}}', "NOT_A_ZONE_FILE", None),
        (b'{"type": "object", "properties": {}}', "NOT_A_ZONE_FILE", None),
        (b"[" + b"0," * 100_000 + b"{}]", "TOO_MANY_ZONES", None),
        (b" " * (128 * 1024 * 1024 + 1), "TOO_LARGE", None),
    ],
)
def test_a_file_that_cannot_be_read_says_why_and_where(data: bytes, reason: str, line: int | None) -> None:
    with pytest.raises(UnreadableZones) as caught:
        read(data)
    assert caught.value.reason == reason
    assert (caught.value.position and caught.value.position.line) == line


def test_the_place_of_a_fault_counts_bytes_and_characters() -> None:
    with pytest.raises(UnreadableZones) as caught:
        read(b"\xef\xbb\xbf" + '{"ü":\n "ü" x}'.encode())
    position = caught.value.position
    assert position is not None
    assert (position.byte, position.line, position.column) == (16, 2, 6)


@pytest.mark.parametrize("literal", ['{"identifier":"Z","identifier":"Y"}', '{"a":{"b":1,"b":2}}', '{"a":1e999}'])
def test_values_that_cannot_be_known_refuse_their_zone_only(literal: str) -> None:
    found = read(f"[{literal},{json.dumps(ed269())}]".encode())
    assert [entry.outcome for entry in found.entries] == [ZoneOutcome.REFUSED, ZoneOutcome.TAKEN]


def test_half_a_surrogate_pair_does_not_stop_a_zone() -> None:
    found = read(json.dumps([ed269(name="\ud800x")]).encode())
    assert found.zones[0].geozone.names[0].text == "\ufffdx"
    assert json.loads(found.zones[0].published_json)
