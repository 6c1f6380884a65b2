"""ED-318 and ED-269 as they are published: nested in groups, flattened, and in spellings of the publisher's own."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, cast

import pytest

from lowsky.airspace.reading import Format, ZoneOutcome
from lowsky.geo.heights.altitude import Datum
from lowsky.geo.zones.geozone import LocalizedText, Purpose, Restriction
from tests.support.samples import PUBLIC
from tests.support.whole_reading import WholeReading, read
from tests.support.zone_files import ed269_zone, ed318_zone, file_of, square

CASES = PUBLIC / "cases"
OUTLINE = {"type": "Polygon", "coordinates": [square(16.3, 48.2)]}
MEMBERS: dict[str, Any] = {
    "identifier": "N1",
    "country": "CHN",
    "name": "Field",
    "type": "REQ_AUTHORIZATION",
    "variant": "COMMON",
    "reason": ["AIR_TRAFFIC", "NOISE"],
    "message": "Ask.",
}
LIMITS = {"lower": 45, "lowerReference": "AGL", "upper": 900, "upperReference": "AMSL", "uom": "m"}
AUTHORITY = {
    "name": "Tower",
    "purpose": "NOTIFICATION",
    "intervalBefore": "P20D",
    "email": "tower@example.org",
    "phone": "+43-1",
    "siteURL": "https://example.org",
    "contactName": "Anna",
    "service": "ATC",
}
FLAT_AUTHORITY = {key: value for key, value in AUTHORITY.items() if key != "name"}
PERIOD = {"startDateTime": "2026-01-01T00:00:00Z", "endDateTime": "2026-02-01T00:00:00Z"}
STANDARD = {
    "type": "Feature",
    "geometry": OUTLINE | {"layer": LIMITS},
    "properties": MEMBERS | {"zoneAuthority": [AUTHORITY], "limitedApplicability": [PERIOD]},
}


def feature(properties: Mapping[str, object], geometry: object = None, **beside: Any) -> dict[str, object]:
    return {"type": "Feature", "geometry": geometry or OUTLINE, "properties": dict(properties), **beside}


def of(*zones: Mapping[str, object]) -> WholeReading:
    return read(file_of(zones))


def left_over(found: WholeReading) -> list[str]:
    return [note.field for note in found.notes if note.reason == "NOT_TAKEN_OVER"]


def notes(found: WholeReading) -> dict[str, str]:
    return {note.reason: note.field for note in found.entries[0].notes}


def shouted(members: Mapping[str, object]) -> dict[str, object]:
    return {key.upper(): value for key, value in members.items()}


def with_underscores(members: Mapping[str, object]) -> dict[str, object]:
    return {"".join(f"_{sign.lower()}" if sign.isupper() else sign for sign in key): members[key] for key in members}


ARRANGED = [
    feature({"UASZone": MEMBERS, "zoneAuthority": [AUTHORITY], "limitedApplicability": [PERIOD],
             "verticalLayer": LIMITS}),
    feature({"uas_zone": shouted(MEMBERS), "ZoneAuthority": [shouted(AUTHORITY)], "limited_applicability": [PERIOD],
             "VerticalLayer": shouted(LIMITS)}),
    feature({"UASZone": MEMBERS | {"zoneAuthority": AUTHORITY, "timePeriod": PERIOD, "layer": LIMITS}}),
    feature({"geozone": {"UASZoneVersion": MEMBERS}, "zoneAuthority": AUTHORITY, "limitedApplicability": PERIOD},
            layer=LIMITS),
    feature(MEMBERS | {"zoneAuthority": AUTHORITY, "limitedApplicability": PERIOD},
            OUTLINE | {"verticalLayer": shouted(LIMITS)}),
    feature({**MEMBERS, "name_authority": "Tower", **FLAT_AUTHORITY,
             **PERIOD, **LIMITS}),
    feature(with_underscores({**MEMBERS, "authorityName": "Tower", **FLAT_AUTHORITY,
                              **PERIOD, **LIMITS})),
    feature({f"UASZone.{key}": value for key, value in MEMBERS.items()}
            | {f"zoneAuthority.0.{key}": value for key, value in AUTHORITY.items()}
            | {f"limitedApplicability_0_{key}": value for key, value in PERIOD.items()}
            | {f"verticalLayer_{key}": value for key, value in LIMITS.items()}),
    feature({**MEMBERS, "reasons": "AIR_TRAFFIC;NOISE", "reason": "", "zoneAuthority": [AUTHORITY],
             "limitedApplicability": [PERIOD], "upperLimit": 900, "lowerLimit": 45, "upperVerticalReference": "AMSL",
             "lowerVerticalReference": "AGL", "uomDimensions": "M"}),
    {**MEMBERS, "zoneAuthority": [AUTHORITY], "limitedApplicability": [PERIOD], "geometry": OUTLINE, "Layer": LIMITS},
]  # fmt: skip


@pytest.mark.parametrize("zone", ARRANGED)
def test_a_zone_of_ed_318_is_the_same_in_every_layout(zone: dict[str, object]) -> None:
    expected, found = of(STANDARD), of(zone)
    assert found.format is Format.ED_318
    assert found.zones[0].geozone == expected.zones[0].geozone
    assert (found.entries[0].outcome, found.entries[0].notes, left_over(found)) == (ZoneOutcome.TAKEN, (), [])


@pytest.mark.parametrize("group", ["UASZone", "zone"])
def test_a_zone_of_ed_269_is_the_same_in_every_layout(group: str) -> None:
    standard = ed269_zone("Z1")
    (volume,) = cast(list[dict[str, Any]], standard["geometry"])
    spelled = {key if key == "horizontalProjection" else key.upper(): value for key, value in volume.items()}
    for zone in (
        {group: standard},
        shouted(standard) | {"geometry": [spelled], "GEOMETRY": None},
        feature({group: {key: standard[key] for key in standard if key != "geometry"}, "geometry": [spelled]}, {"": 0})
        | {"geometry": None},
    ):
        found = of(zone)
        assert found.format is Format.ED_269
        assert found.zones[0].geozone == of(standard).zones[0].geozone
        assert found.entries[0].notes == ()


def test_a_published_nested_layout_is_read_in_full() -> None:
    if not CASES.exists():
        pytest.skip("the public samples are not here")
    found = read((CASES / "zones-ed318-nested-vertical-layer.json").read_bytes())
    zone = found.zones[0].geozone
    assert (zone.identifier, zone.restriction) == ("NEST01", Restriction.REQ_AUTHORIZATION)
    band = zone.layers[0].altitude
    assert (band.lower_m, band.lower_datum, band.upper_m, band.upper_datum) == (45.0, Datum.AGL, 900.0, Datum.AGL)
    assert zone.authorities[0].email == "tower@example.org;plans@example.org"
    assert zone.messages == (LocalizedText("Ask the tower."),)
    assert zone.reasons == ("AIR_TRAFFIC",)
    assert zone.applicability.permanent
    assert found.entries[0].notes == ()
    assert left_over(found) == [
        "properties.SHAPE_Area",
        "properties.dataSource",
        "properties.UASZone.extendedProperties",
    ]


def test_a_published_flattened_layout_is_read_in_full() -> None:
    if not CASES.exists():
        pytest.skip("the public samples are not here")
    found = read((CASES / "zones-ed318-flattened.json").read_bytes())
    zone = found.zones[0].geozone
    band = zone.layers[0].altitude
    assert (band.lower_m, band.lower_datum, band.upper_m, band.upper_datum) == (0.0, Datum.AGL, 92.1, Datum.AGL)
    (authority,) = zone.authorities
    assert (authority.purpose, authority.interval_before) == (Purpose.NOTIFICATION, timedelta(days=20))
    assert (authority.email, authority.phone) == ("plant@example.org", "+86-000")
    assert (zone.reasons, zone.applicability.permanent) == (("SENSITIVE",), True)
    assert (found.entries[0].notes, left_over(found)) == ((), [])


def test_notes_name_the_members_where_they_are_published() -> None:
    nested = {"UASZone": MEMBERS | {"region": "north"}, "verticalLayer": LIMITS | {"upperReference": "QFE"}}
    assert notes(of(feature(nested))) == {
        "UPPER_DATUM_UNKNOWN": "properties.verticalLayer.upperReference",
        "AUTHORITY_ABSENT": "properties.zoneAuthority",
        "NOT_TAKEN_OVER": "properties.UASZone.region",
    }
    flat = {**MEMBERS, **LIMITS, "upper": "high", "email": "a@b", "day": "MON", "startTime": "08:00Z"}
    assert notes(of(feature(flat))) == {
        "UPPER_UNREADABLE": "properties.upper",
        "PURPOSE_UNKNOWN": "properties.purpose",
        "TIME_ABSENT": "properties.endTime",
    }


def test_flattened_hours_are_a_schedule() -> None:
    flat = {**MEMBERS, **LIMITS, **AUTHORITY, "name": "Field", "day": "MON", "startTime": "08:00Z", "endTime": "09:00Z"}
    (period,) = of(feature(flat)).zones[0].geozone.applicability.periods
    (daily,) = period.schedule
    assert (daily.days, daily.start_s, daily.end_s) == (frozenset({0}), 8 * 3600, 9 * 3600)


@pytest.mark.parametrize(
    "zone",
    [
        feature({"UASZone": MEMBERS, "type": "PROHIBITED"}),
        feature(MEMBERS | {"TYPE": "NO_RESTRICTION"}),
        feature({"UASZone": MEMBERS}, type="Feature", Type="PROHIBITED"),
    ],
)
def test_two_restrictions_that_differ_refuse_the_zone(zone: dict[str, object]) -> None:
    found = of(zone)
    assert not found.zones
    assert "RESTRICTION_CONTRADICTS" in notes(found)


def test_a_kind_of_the_publishers_own_is_no_restriction_beside_the_zones() -> None:
    found = of(feature({"type": "Aerodrome", "UASZone": MEMBERS, "verticalLayer": LIMITS}))
    assert found.zones[0].geozone.restriction is Restriction.REQ_AUTHORIZATION


def test_what_is_published_twice_is_read_at_the_standards_place_and_the_other_is_named() -> None:
    zone = STANDARD | {"properties": {**MEMBERS, "zoneAuthority": [AUTHORITY], "Name": "Other", "email": "other@b"}}
    found = of(zone)
    assert [name.text for name in found.zones[0].geozone.names] == ["Field"]
    assert found.zones[0].geozone.authorities[0].email == "tower@example.org"
    assert left_over(found) == ["properties.Name", "properties.email"]


@pytest.mark.parametrize(
    ("more", "open_limits"),
    [
        ({"UPPER": 50}, True),
        ({"upperLimit": 50}, True),
        ({"uomDimensions": "FT"}, True),
        ({"lowerVerticalReference": "AMSL"}, True),
        ({"UOM": "M", "UPPER": "900.0"}, False),
        ({"upperLimit": "900 m AMSL"}, False),
    ],
)
def test_flattened_limits_that_contradict_each_other_are_none(more: dict[str, object], open_limits: bool) -> None:
    found = of(feature(MEMBERS | LIMITS | more))
    band = found.zones[0].geozone.layers[0].altitude
    assert (band.upper_m, band.lower_m <= 0.0) == ((math.inf, True) if open_limits else (900.0, False))
    assert (notes(found).get("LIMITS_CONTRADICT") == f"properties.{next(iter(more))}") is open_limits


def test_two_layers_that_differ_are_none() -> None:
    found = of(feature(MEMBERS | {"layer": LIMITS, "verticalLayer": LIMITS | {"upper": 50}}))
    assert found.zones[0].geozone.layers[0].altitude.upper_m == math.inf
    assert notes(found)["LIMITS_CONTRADICT"] == "properties.verticalLayer"


@pytest.mark.parametrize(
    "more",
    [
        PERIOD | {"START_DATE_TIME": "2026-01-15T00:00:00Z"},
        {"limitedApplicability": PERIOD, "timePeriod": PERIOD | {"endDateTime": "2027-01-01T00:00:00Z"}},
        PERIOD | {"day": "MON", "days": "TUE"},
    ],
)
def test_times_that_contradict_each_other_are_always(more: dict[str, object]) -> None:
    found = of(feature(MEMBERS | LIMITS | more))
    assert found.zones[0].geozone.applicability.permanent
    assert "PERIOD_CONTRADICTS" in notes(found)


def test_limits_beside_those_of_the_geometry_are_named_where_they_differ() -> None:
    assert "LAYER_TWICE" not in notes(of(STANDARD | {"layer": LIMITS}))
    found = of(STANDARD | {"layer": LIMITS | {"upper": 50}})
    assert found.zones[0].geozone.layers[0].altitude.upper_m == 900.0
    assert notes(found) == {"LAYER_TWICE": "layer"}


def test_a_layer_of_a_unit_alone_leaves_the_limits_beside_it() -> None:
    zone = feature(MEMBERS | LIMITS, OUTLINE | {"layer": {"uom": "m", "upper": None}})
    assert of(zone).zones[0].geozone.layers[0].altitude.upper_m == 900.0


def test_a_zone_without_limits_has_none() -> None:
    found = of(feature(MEMBERS | {"layer": 5}))
    assert found.zones[0].geozone.layers[0].altitude.upper_m == math.inf
    assert left_over(found) == ["properties.layer"]


@pytest.mark.parametrize(
    "value",
    [
        ("region", "north"),
        ("region", 1.5),
        ("regulationExemption", "perhaps"),
        ("name", [{"en": "Field"}]),
        ("message", {"de": "Frage"}),
        ("otherReasonInfo", [[], {"x": 1}]),
        ("restrictionConditions", ["VLOS"]),
        ("reason", [{"code": "NOISE"}]),
    ],
)
def test_an_attribute_that_cannot_be_read_is_named(value: tuple[str, object]) -> None:
    found = of(ed318_zone("Z1", **dict[str, Any]([value])))
    assert notes(found) == {"NOT_TAKEN_OVER": f"properties.{value[0]}"}
    assert found.entries[0].outcome is ZoneOutcome.TAKEN


def test_an_authoritys_attribute_that_cannot_be_read_is_named() -> None:
    found = of(ed269_zone("Z1", zoneAuthority=[AUTHORITY | {"phone": {"office": 1}, "email": ["a@b", "c@d"]}]))
    assert notes(found) == {"NOT_TAKEN_OVER": "zoneAuthority[0].phone"}
    assert found.zones[0].geozone.authorities[0].email == "a@b; c@d"


def test_what_many_zones_publish_and_no_zone_takes_is_named_once() -> None:
    more: dict[str, Any] = {
        "dataSource": {"originator": "X"},
        "extendedProperties": {"colour": "red"},
        "SHAPE_Area": 1,
        "empty": "",
    }
    authority = [{"name": "T", "purpose": "INFORMATION", "fax": "1"}]
    found = of(*(ed318_zone(f"Z{at}", zoneAuthority=authority, **more) for at in range(50)), ed318_zone("Z50", odd=1))
    assert left_over(found) == [
        "properties.dataSource",
        "properties.SHAPE_Area",
        "properties.zoneAuthority[].fax",
        "properties.extendedProperties.colour",
        "properties.odd",
    ]
    assert "50 zones, the first 'Z0'" in found.notes[0].message
    assert "zone 'Z50'" in found.notes[-1].message
    assert all(entry.notes == () for entry in found.entries)


def test_the_names_of_unknown_attributes_are_bounded() -> None:
    many: dict[str, Any] = {f"attribute{at}{'x' * 1_000}": 1 for at in range(300)}
    found = of(ed318_zone("Z1", **many))
    assert len(found.notes) == 101
    assert "200 values" in found.notes[-1].message
    assert sum(len(note.field) for note in found.notes) < 30_000


@pytest.mark.parametrize(
    ("published", "words"),
    [
        ("Ask <b>the tower</b>.", "Ask the tower."),
        ("<p>One</p><p>Two&nbsp;&amp; three</p>", "One\nTwo & three"),
        ('See <a href="https://example.org/x?a=1&amp;b=2">here</a>.', "See here (https://example.org/x?a=1&b=2)."),
        ('<a href="javascript:alert(1)">here</a>', "here"),
        ("<style>p {color: red}</style>Text<!-- <b>not</b> this --><br/>more", "Text\nmore"),
        ("<ul><li>A</li><li>B</li></ul>", "A\nB"),
        ("AT&amp;T", "AT&T"),
        ("h < 120 m & m<5kg > 2", "h < 120 m & m<5kg > 2"),
        ("<Tower> on 118.5", "<Tower> on 118.5"),
        ("a\n\nb", "a\n\nb"),
    ],
)
def test_html_is_read_as_its_text(published: str, words: str) -> None:
    zone = ed318_zone("Z1", message=published, name=[{"text": published, "lang": "en"}])
    found = of(zone).zones[0].geozone
    assert [one.text for one in (*found.messages, *found.names)] == [words, words]


@pytest.mark.parametrize("part", ["<a href=", "<!--", "<script>", "&amp;", "<b <b", "<a ", "</"])
def test_text_made_to_be_slow_is_read_in_one_pass(part: str) -> None:
    found = of(*(ed318_zone(f"Z{at}", message=[part * 1_000] * 100) for at in range(3)))
    assert len(found.zones) == 3


def test_members_of_more_groups_than_any_file_has_are_not_looked_for() -> None:
    nested: dict[str, object] = dict(MEMBERS)
    for _ in range(20):
        nested = {"UASZone": nested}
    assert not of(json.loads(json.dumps(feature(nested)))).zones
