"""Where a mapping takes values from: nested members, patterns in texts, the heights of coordinates."""

from __future__ import annotations

import json
import math
import time
from dataclasses import replace
from typing import Any

import pytest

from lowsky.airspace.codec.imports.field_mapping import mapping_by
from lowsky.airspace.reading import Declared, FieldMapping, Format, LimitSource, Pattern, Source, ZoneOutcome
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.errors import Invalid
from lowsky.geo.heights.altitude import AltitudeBand, Datum
from lowsky.geo.zones.geozone import Restriction
from tests.support.whole_reading import WholeReading, read

RING = [[8.0, 47.0], [8.1, 47.0], [8.1, 47.1], [8.0, 47.0]]
METRES, ABOVE_GROUND = Source(constant="M"), Source(constant="AGL")
FIELDS = FieldMapping(Source("ID"), Source(constant="PROHIBITED"))
BY_HEIGHTS = replace(
    FIELDS,
    lower=LimitSource(None, ABOVE_GROUND, METRES, coordinates=True),
    upper=LimitSource(None, ABOVE_GROUND, METRES, coordinates=True),
)


def reading(fields: FieldMapping, geometry: Any = None, **properties: Any) -> WholeReading:
    shape = geometry or {"type": "Polygon", "coordinates": [RING]}
    feature = {"type": "Feature", "properties": {"ID": "Z1", **properties}, "geometry": shape}
    return read(json.dumps({"features": [feature]}).encode(), Declared(format=Format.GEOJSON, mapping=fields))


def notes(found: WholeReading) -> dict[str, str]:
    return {note.reason: note.field for note in found.entries[0].notes}


def band(found: WholeReading) -> AltitudeBand:
    assert found.zones, found.entries
    return found.zones[0].geozone.layers[0].altitude


def prism(*heights: Any, kind: str = "Polygon") -> dict[str, Any]:
    ring = [[*place, *([] if height is None else [height])] for place, height in zip(RING, heights, strict=True)]
    if kind == "GeometryCollection":
        return {"type": kind, "geometries": [{"type": "Polygon", "coordinates": [ring]}] * 2}
    return {"type": kind, "coordinates": [ring] if kind == "Polygon" else [[ring]]}


def upper_by(pattern: str, name: str = "description") -> FieldMapping:
    return replace(FIELDS, upper=LimitSource(Source(name, pattern=Pattern(pattern)), ABOVE_GROUND, METRES))


@pytest.mark.parametrize(
    ("name", "value"),
    [("UASZone.kind", "N"), ("list.1.kind", "L"), ("a.b", "exact"), ("UASZone", None), ("list.7.kind", None),
     ("UASZone.none.such", None), ("list.-1.kind", None), ("ID.x", None), ("list.99999999999.kind", None)],
)  # fmt: skip
def test_a_property_is_named_exactly_or_by_the_way_to_it(name: str, value: str | None) -> None:
    properties: dict[str, Any] = {
        "UASZone": {"kind": "N"},
        "list": [{}, {"kind": "L"}],
        "a": {"b": "x"},
        "a.b": "exact",
    }
    found = reading(replace(FIELDS, name=Source(name)), **properties)
    assert [one.text for one in found.zones[0].geozone.names] == ([] if value is None else [value])


def test_an_identifier_and_a_restriction_may_be_nested() -> None:
    fields = FieldMapping(Source("zone.no"), Source("zone.kind"), {"CTR": Restriction.REQ_AUTHORIZATION})
    found = reading(fields, zone={"no": 7, "kind": "CTR"})
    assert (found.zones[0].geozone.identifier, found.zones[0].geozone.restriction) == (
        "7",
        Restriction.REQ_AUTHORIZATION,
    )
    refused = reading(fields, zone={"no": 7, "kind": "X"})
    assert notes(refused)["RESTRICTION_UNMAPPED"] == "properties.zone.kind"


@pytest.mark.parametrize(
    ("pattern", "description", "upper_m"),
    [
        (r"Top:\s*(?P<value>\d+)\s*m", "Base: 0 m, Top: 120 m", 120.0),
        (r"(?i)top[: ]+(?P<value>[\d.]+)", "<b>TOP</b> top: 92.5", 92.5),
        (r"限高(?P<value>\d+)米", "试验区 限高120米", 120.0),
        (r"(?P<value>\d+) m", "120 m and again 120 m", 120.0),
        (r"(?P<value>UNL)", "GND to UNL", math.inf),
    ],
)
def test_a_pattern_takes_a_value_out_of_a_text(pattern: str, description: str, upper_m: float) -> None:
    found = reading(upper_by(pattern), description=description)
    assert band(found).upper_m == upper_m
    assert not {"PATTERN_AMBIGUOUS", "PATTERN_NOT_FOUND"} & notes(found).keys()


@pytest.mark.parametrize(
    ("description", "reason"),
    [("from 10 m to 120 m", "PATTERN_AMBIGUOUS"), ("no limit", "PATTERN_NOT_FOUND"), (["120 m"], "PATTERN_NOT_FOUND")],
)
def test_a_pattern_that_finds_no_one_value_leaves_the_limit_open_and_says_so(description: Any, reason: str) -> None:
    found = reading(upper_by(r"(?P<value>\d+) m"), description=description)
    assert band(found).upper_m == math.inf
    assert notes(found)[reason] == "properties.description"
    assert notes(found)["UPPER_ABSENT"] == "properties.description"


def test_a_restriction_that_a_pattern_does_not_find_refuses_its_zone() -> None:
    kind = Source("text", pattern=Pattern("class (?P<value>[A-Z]+)"))
    fields = replace(FIELDS, restriction=kind, restrictions={"P": Restriction.PROHIBITED, "C": Restriction.USPACE})
    assert reading(fields, text="class P").zones[0].geozone.restriction is Restriction.PROHIBITED
    for text, reason in (("class P or class C", "PATTERN_AMBIGUOUS"), ("none", "PATTERN_NOT_FOUND")):
        found = reading(fields, text=text)
        assert found.entries[0].outcome is ZoneOutcome.REFUSED
        assert list(notes(found)) == [reason, "RESTRICTION_ABSENT"]


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("(?P<value>(a+)+)$", "a" * 9_999 + "!"),
        ("(?P<value>(a|aa)+)$", "a" * 9_999 + "!"),
        ("(?P<value>(.*)(.*)(.*)(.*)(.*)x)", "y" * 10_000),
        ("(?P<value>a?)" + "a?" * 200 + "a" * 80, "a" * 10_000),
        ("(?P<value>b)|(a*c)", "a" * 10_000),
    ],
)
def test_a_pattern_made_to_be_slow_is_matched_in_time_linear_in_the_text(pattern: str, text: str) -> None:
    compiled = Pattern(pattern)
    begun = time.process_time()
    compiled.values_in(text)
    assert time.process_time() - begun < 5.0  # a backtracking engine takes longer than the age of the universe


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (r"(\d+)", "no group"),
        ("(?P<height>x)", "no group"),
        ("(?P<value>x", "none of RE2"),
        (r"(?P<value>x)\1", "none of RE2"),
        ("(?=a)(?P<value>x)", "none of RE2"),
        ("(?P<value>(((x{100}){10}){10}){10})", "none of RE2"),
        ("(?P<value>" + "x" * 500 + ")", "500 is the most"),
    ],
)
def test_a_pattern_that_cannot_be_used_is_refused_by_its_field(pattern: str, said: str) -> None:
    header = pb.ImportHeader(
        format=pb.ZONE_FILE_FORMAT_KML,
        mapping=pb.FieldMapping(
            identifier=pb.FieldSource(property="ID"),
            restriction=pb.FieldSource(constant="PROHIBITED"),
            upper=pb.LimitSource(value=pb.FieldSource(property="description", pattern=pattern)),
        ),
    )
    with pytest.raises(Invalid, match=said) as caught:
        mapping_by(header)
    assert "header.mapping.upper.value.pattern" in str(vars(caught.value))


def test_a_pattern_of_a_constant_is_refused() -> None:
    source = pb.FieldSource(constant="PROHIBITED", pattern="(?P<value>x)")
    mapping = pb.FieldMapping(identifier=pb.FieldSource(property="ID"), restriction=source)
    with pytest.raises(Invalid, match="constant"):
        mapping_by(pb.ImportHeader(format=pb.ZONE_FILE_FORMAT_KML, mapping=mapping))


def test_a_mapping_of_the_contract_is_that_of_the_readers() -> None:
    message = pb.FieldMapping(
        identifier=pb.FieldSource(property="zone.id"),
        restriction=pb.FieldSource(constant="PROHIBITED"),
        lower=pb.LimitSource(coordinates=True, unit=pb.FieldSource(constant="FT")),
        upper=pb.LimitSource(value=pb.FieldSource(property="d", pattern="(?P<value>x)")),
    )
    found = mapping_by(pb.ImportHeader(format=pb.ZONE_FILE_FORMAT_GEOJSON, mapping=message))
    assert found == FieldMapping(
        Source("zone.id"),
        Source(constant="PROHIBITED"),
        lower=LimitSource(None, unit=Source(constant="FT"), coordinates=True),
        upper=LimitSource(Source("d", pattern=Pattern("(?P<value>x)"))),
    )


@pytest.mark.parametrize("kind", ["Polygon", "MultiPolygon", "GeometryCollection"])
def test_limits_are_the_lowest_and_the_highest_of_the_heights(kind: str) -> None:
    found = reading(BY_HEIGHTS, prism(30, 120.5, 60, 30, kind=kind))
    for layer in found.zones[0].geozone.layers:
        assert layer.altitude == AltitudeBand(30.0, Datum.AGL, 120.5, Datum.AGL)
    assert "HEIGHTS_IGNORED" not in notes(found)


def test_one_limit_may_be_from_the_heights_and_the_other_from_a_property() -> None:
    fields = replace(BY_HEIGHTS, lower=LimitSource(Source("LOW"), ABOVE_GROUND, Source(constant="FT")))
    found = band(reading(fields, prism(120, 120, 120, 120), LOW=100))
    assert found.lower_m == pytest.approx(30.48)
    assert found.upper_m == 120.0


@pytest.mark.parametrize("heights", [(120, None, 120, 120), (120, "high", 120, 120), (0, 0, 0, 0), (None,) * 4])
def test_heights_that_are_not_known_leave_the_limits_open(heights: tuple[Any, ...]) -> None:
    found = reading(BY_HEIGHTS, prism(*heights))
    assert band(found).upper_m == math.inf
    assert band(found).lower_m <= 0.0
    assert {notes(found)[reason] for reason in ("HEIGHTS_UNUSABLE", "UPPER_ABSENT")} == {"geometry.coordinates"}


def test_heights_of_one_value_are_no_band_and_leave_the_limits_open() -> None:
    found = reading(BY_HEIGHTS, prism(120, 120, 120, 120))
    assert band(found).upper_m == math.inf
    assert "LIMITS_CONTRADICT" in notes(found)


def test_properties_that_the_mapping_does_not_use_are_named_once_for_the_file() -> None:
    fields = replace(FIELDS, name=Source("zone.name"))
    found = reading(fields, zone={"name": "N", "top": 5, "none": None}, colour="red", empty="")
    assert [(note.reason, note.field) for note in found.notes] == [
        ("NOT_TAKEN_OVER", "properties.zone.top"),
        ("NOT_TAKEN_OVER", "properties.colour"),
    ]
