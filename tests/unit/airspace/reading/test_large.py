"""However a file is cut while it is read, it is the same zones and the same faults; what is too large is named."""

from __future__ import annotations

import json

import pytest

from lowsky.airspace.reading import Declared, FieldMapping, Format, Source, UnreadableZones, ZoneOutcome
from lowsky.airspace.reading.formats import file_text, json_parsing
from lowsky.geo.zones.geozone import Restriction
from tests.support.whole_reading import WholeReading, read
from tests.support.zone_files import ed269_zone, ed318_zone, file_of

ZONES = [ed269_zone("A"), ed318_zone("B"), {"features": [ed269_zone("C"), ed269_zone("A")]}, 7, [], None]
AROUND = json.dumps({"title": "t", "n": [1, {"a": 2}], "features": ZONES[:2], "UASZoneList": ZONES[2:]}, indent=1)
NAMES = ["A", "B", "C", "A~2", "", "", ""]


@pytest.fixture(params=[2**20, 7], ids=["a mebibyte at once", "7 bytes at once"])
def _steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_text, "STEP_BYTES", request.param)


@pytest.fixture
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Zones of more than 2 000 characters are too large."""
    monkeypatch.setattr(json_parsing, "ZONE_TEXT_MAX", 2_000)
    monkeypatch.setattr(file_text, "STEP_BYTES", 500)


def found(data: bytes) -> object:
    try:
        return [entry.identifier for entry in read(data).entries]
    except UnreadableZones as fault:
        at = fault.position
        return (fault.reason, at.byte, at.line, at.column) if at else fault.reason


@pytest.mark.usefixtures("_steps")
@pytest.mark.parametrize(
    ("data", "outcome"),
    [
        (file_of([ed269_zone("A"), ed269_zone("B")]), ["A", "B"]),
        (json.dumps(ZONES).encode(), NAMES),
        (AROUND.encode(), NAMES),
        (b'\xef\xbb\xbf {"features" : [ ] } ', []),
        (b"[]", []),
        (b"[[]]", "NOT_A_ZONE_FILE"),
        (b"{}", "NOT_A_ZONE_FILE"),
        (b"7", "NOT_A_ZONE_FILE"),
        (json.dumps(ed269_zone("A")).encode(), ["A"]),
        (json.dumps(ed318_zone("A") | {"features": [ed318_zone("B")]}).encode(), ["B", "A"]),
        (b'{"features": {}}', "NOT_A_ZONE_FILE"),
        (b'{"features": [{"identifier": "A", "identifier": "B"}]}', ["B"]),
        (b'[{"features": [{"identifier": "A"}], "features": []}]', ["A", ""]),
        (b'{"features": [], "features": []}', "REPEATED_KEY"),
        (b'{"features": [{"identifier": NaN}]}', ("NOT_A_NUMBER", 29, 1, 30)),
        (b'{"features": [\xff]}', ("NOT_UTF8", 14, 1, 15)),
        (b'{"features": ["\xc3', ("NOT_UTF8", 15, 1, 16)),
        (b'{"features": [{"identifier": }]}', ("NOT_JSON", 29, 1, 30)),
        (b'{"features": [{} {}]}', ("NOT_JSON", 17, 1, 18)),
        (b'{"features": [{},', ("NOT_JSON", 17, 1, 18)),
        (b'{"features": [', ("NOT_JSON", 14, 1, 15)),
        (b'{"features" []}', ("NOT_JSON", 12, 1, 13)),
        (b'{"features": []', ("NOT_JSON", 15, 1, 16)),
        (b'{"features": []} x', ("NOT_JSON", 17, 1, 18)),
        (b"{features: []}", ("NOT_JSON", 1, 1, 2)),
        (b'{"\xc3\xbc":\n"\xc3\xbc" x}', ("NOT_JSON", 12, 2, 5)),
        (b"", ("NOT_JSON", 0, 1, 1)),
        (b"[" * 70 + b"]" * 70, ("TOO_DEEP", 64, 1, 65)),
    ],
)
def test_a_file_is_the_same_however_it_is_cut(data: bytes, outcome: object) -> None:
    assert found(data) == outcome


@pytest.mark.usefixtures("_steps")
@pytest.mark.parametrize("end", range(0, len(AROUND), 97))
def test_a_file_that_breaks_off_is_named_with_a_place_before_its_end(end: int) -> None:
    with pytest.raises(UnreadableZones, match="NOT_JSON") as caught:
        read(AROUND[:end].encode())
    assert caught.value.position is not None
    with pytest.raises(json.JSONDecodeError) as expected:
        json.loads(AROUND[:end])
    assert caught.value.position.byte == expected.value.pos


def test_a_file_has_at_most_so_many_zones() -> None:
    with pytest.raises(UnreadableZones, match="TOO_MANY_ZONES"):
        read(b"[" + b"{}," * 100_001 + b"{}]")


def too_large(reading: WholeReading) -> list[str]:
    """The identifiers of zones that were refused for their size; the others were taken."""
    refused = [entry for entry in reading.entries if entry.outcome is ZoneOutcome.REFUSED]
    assert {note.reason for entry in refused for note in entry.notes} <= {"ZONE_TOO_LARGE"}
    return [entry.identifier for entry in refused]


LONG = '"[}\\' * 2_000
RING = [[8.0, 47.0]] * 300


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize(
    "large",
    [
        ed269_zone("L", message=LONG),
        ed318_zone("L", RING),  # type: ignore[arg-type]  # lists are points as well
        {"identifier": "L", "unread": [{"a": LONG}]},
        {"identifier": "L"} | {f"member {number}": "x" * 100 for number in range(100)},
    ],
)
def test_a_zone_that_is_too_large_is_refused_by_name_and_the_others_are_taken(
    large: object, indent: int | None
) -> None:
    zones = [ed269_zone("A"), large, ed269_zone("B")]
    for layout in (zones, {"title": LONG, "features": zones}, {"features": [{"features": zones}]}):
        reading = read(json.dumps(layout, indent=indent).encode())
        assert too_large(reading) == ["L"]
        assert [zone.geozone.identifier for zone in reading.zones] == ["A", "B"]
    assert too_large(read(json.dumps(large, indent=indent).encode())) == ["L"]


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize("value", [LONG, ["x" * 3_000], [[8.0, 47.0]] * 1_000])
def test_a_large_value_that_is_no_zone_is_refused_as_what_it_is(value: object) -> None:
    reading = read(json.dumps([ed269_zone("A"), value]).encode())
    assert [entry.outcome for entry in reading.entries] == [ZoneOutcome.TAKEN, ZoneOutcome.REFUSED]


@pytest.mark.usefixtures("_small")
def test_faults_within_and_behind_what_is_too_large_are_found() -> None:
    large = json.dumps(ed269_zone("L", message=LONG))
    for data, byte in (
        (f"[{large} x]", len(large) + 2),
        (f'[{{"a": 1 "b": {large}}}]', 9),
        (f"[{large[:-1]}", len(large)),
        (f'{{"{LONG}x', 1),
    ):
        with pytest.raises(UnreadableZones, match="NOT_JSON") as caught:
            read(data.encode())
        assert caught.value.position is not None
        assert caught.value.position.byte >= byte
    with pytest.raises(UnreadableZones, match="TOO_LARGE"):
        read(f"{{{json.dumps(LONG)}: 1}}".encode())
    with pytest.raises(UnreadableZones, match="TOO_LARGE"):
        read(json.dumps({str(number): 1 for number in range(10_001)}).encode())


PLACEMARK = (
    "<Placemark><name>{0}</name>{1}<Polygon><outerBoundaryIs><LinearRing><coordinates>{2}</coordinates></LinearRing>"
    "</outerBoundaryIs></Polygon></Placemark>"
)
SQUARE = "8,47 8.1,47 8.1,47.1 8,47.1 8,47"
BY_NAME = FieldMapping(Source("name"), Source(constant="PROHIBITED"), {"PROHIBITED": Restriction.PROHIBITED})


def kml(*parts: str) -> WholeReading:
    data = f"<kml><Document>{''.join(parts)}</Document></kml>".encode()
    return read(data, Declared(Format.KML, BY_NAME))


@pytest.mark.usefixtures("_small")
@pytest.mark.parametrize(
    "large",
    [
        PLACEMARK.format("L", "", SQUARE + " 8,47" * 1_000),
        PLACEMARK.format("L", "<description>" + "x" * 3_000 + "</description>", SQUARE),
        PLACEMARK.format("L", "<a><b c='" + "x" * 3_000 + "'/></a>", SQUARE),
    ],
)
def test_a_placemark_that_is_too_large_is_refused_by_name_and_the_others_are_taken(large: str) -> None:
    style = "<Style><x>" + "y" * 5_000 + "</x></Style>"
    reading = kml(style, PLACEMARK.format("A", "", SQUARE), large, PLACEMARK.format("B", "", SQUARE))
    assert too_large(reading) == ["L"]
    assert [zone.geozone.identifier for zone in reading.zones] == ["A", "B"]


@pytest.mark.parametrize(("begin", "end"), [("<!--", "-->"), ("<Style a='", "'/>")])
def test_a_tag_or_a_comment_that_is_too_long_to_wait_for_is_refused(begin: str, end: str) -> None:
    with pytest.raises(UnreadableZones, match="TOO_LARGE"):
        kml(begin, "x" * (json_parsing.ZONE_TEXT_MAX + 2 * file_text.STEP_BYTES), end)


def test_kml_of_too_many_names_is_refused() -> None:
    with pytest.raises(UnreadableZones, match="TOO_LARGE"):
        kml(*(f"<a{number}/>" for number in range(10_001)))


def test_a_folder_that_is_named_after_what_is_in_it_is_refused() -> None:
    zone = PLACEMARK.format("A", "", SQUARE)
    assert len(kml(f"<Folder><name>f</name>{zone}</Folder>").zones) == 1
    with pytest.raises(UnreadableZones, match="NOT_A_ZONE_FILE"):
        kml(f"<Folder>{zone}<name>f</name></Folder>")
