"""Files in no dialect, read by the mapping that their publisher declares: GeoJSON, KML and KMZ."""

from __future__ import annotations

import io
import json
import math
import zipfile
from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pyogrio.raw
import pytest
import shapely

from lowsky.airspace.reading import Declared, FieldMapping, Format, LimitSource, Source, UnreadableZones, ZoneOutcome
from lowsky.geo.heights.altitude import Datum
from lowsky.geo.zones.geozone import Geozone, Restriction
from tests.support.whole_reading import WholeReading, read

SQUARE = [[8.0, 47.0], [8.1, 47.0], [8.1, 47.1], [8.0, 47.1], [8.0, 47.0]]
HOLE = [[8.02, 47.02], [8.04, 47.02], [8.04, 47.04], [8.02, 47.04], [8.02, 47.02]]
FIELDS = FieldMapping(
    identifier=Source("ID"),
    restriction=Source("KIND"),
    restrictions={"CTR": Restriction.REQ_AUTHORIZATION, "P": Restriction.PROHIBITED, "true": Restriction.CONDITIONAL},
    name=Source("NAME"),
    lower=LimitSource(Source("LOW"), Source(constant="AGL"), Source(constant="M")),
    upper=LimitSource(Source("TOP"), Source("DATUM"), Source("UNIT")),
    authority=Source(constant="Tower"),
    contact=Source("CALL"),
    message=Source("INFO"),
    start=Source("FROM"),
    end=Source("TO"),
)
PROPERTIES = {"ID": "Z1", "KIND": "P", "NAME": "Zone", "LOW": 0, "TOP": 400, "DATUM": "MSL", "UNIT": "ft"}


def feature(*rings: Any, geometry: Any = None, **changes: Any) -> dict[str, Any]:
    shape = geometry or {"type": "Polygon", "coordinates": list(rings) or [SQUARE]}
    kept = {key: value for key, value in (PROPERTIES | changes).items() if value is not ...}
    return {"type": "Feature", "properties": kept, "geometry": shape}


def geojson(*features: Any, fields: FieldMapping = FIELDS, encoding: str = "utf-8") -> WholeReading:
    document = json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)
    return read(document.encode(encoding), Declared(format=Format.GEOJSON, mapping=fields))


def kml(data: bytes | str, fields: FieldMapping = FIELDS) -> WholeReading:
    raw = data.encode() if isinstance(data, str) else data
    return read(raw, Declared(format=Format.KML, mapping=fields))


def document(*parts: str) -> str:
    return f'<kml xmlns="http://www.opengis.net/kml/2.2"><Document><name>Zones</name>{"".join(parts)}</Document></kml>'


def ring(points: Any, height: float = 0.0) -> str:
    words = " ".join(f"{lon},{lat},{height:g}" for lon, lat in points)
    return f"<LinearRing><coordinates>{words}</coordinates></LinearRing>"


def polygon(*rings: Any, height: float = 0.0) -> str:
    outer, *holes = [ring(points, height) for points in (rings or (SQUARE,))]
    inner = "".join(f"<innerBoundaryIs>{hole}</innerBoundaryIs>" for hole in holes)
    return f"<Polygon><outerBoundaryIs>{outer}</outerBoundaryIs>{inner}</Polygon>"


def placemark(geometry: str, **changes: Any) -> str:
    kept = {key: value for key, value in (PROPERTIES | changes).items() if value is not ...}
    data = "".join(f'<Data name="{key}"><value>{value}</value></Data>' for key, value in kept.items())
    return f"<Placemark><name>Pm</name><ExtendedData>{data}</ExtendedData>{geometry}</Placemark>"


def kmz(*members: tuple[str, bytes | str]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return packed.getvalue()


def only(found: WholeReading) -> Geozone:
    assert len(found.zones) == len(found.entries) == 1, found.entries
    return found.zones[0].geozone


def notes(found: WholeReading, position: int = 0) -> dict[str, str]:
    return {note.reason: note.field for note in found.entries[position].notes}


def refused(found: WholeReading, position: int = 0) -> tuple[str, str]:
    entry = found.entries[position]
    assert entry.outcome is ZoneOutcome.REFUSED
    return entry.notes[-1].reason, entry.notes[-1].field


def test_a_feature_is_taken_as_its_mapping_says() -> None:
    times = {"FROM": "2026-01-01T00:00:00Z", "TO": "2026-02-01T00:00:00Z"}
    published = feature(CALL="Anna", INFO="Ask first", **times)
    found = geojson(published)
    zone = only(found)
    assert (found.format, found.entries[0].outcome) == (Format.GEOJSON, ZoneOutcome.TAKEN)
    assert (zone.identifier, zone.restriction) == ("Z1", Restriction.PROHIBITED)
    assert [one.text for one in (*zone.names, *zone.messages)] == ["Zone", "Ask first"]
    assert [one.text for one in (*zone.authorities[0].names, *zone.authorities[0].contacts)] == ["Tower", "Anna"]
    band = zone.layers[0].altitude
    assert (band.lower_m, band.lower_datum, band.upper_datum) == (0.0, Datum.AGL, Datum.AMSL)
    assert band.upper_m == pytest.approx(121.92)
    (period,) = zone.applicability.periods
    assert (period.start, period.end) == (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC))
    assert json.loads(found.zones[0].published_json) == published


def test_feet_and_metres_may_be_mixed_in_one_zone() -> None:
    fields = replace(FIELDS, lower=LimitSource(Source("LOW"), Source(constant="AGL"), Source(constant="FT")))
    band = only(geojson(feature(LOW="100", UNIT="m"), fields=fields)).layers[0].altitude
    assert band.lower_m == pytest.approx(30.48)
    assert band.upper_m == 400.0


@pytest.mark.parametrize(
    ("changes", "reason", "place"),
    [
        ({"TOP": ...}, "UPPER_ABSENT", "properties.TOP"),
        ({"TOP": "high"}, "UPPER_UNREADABLE", "properties.TOP"),
        ({"TOP": "1.200"}, "UPPER_UNREADABLE", "properties.TOP"),
        ({"UNIT": "furlong"}, "UPPER_UNREADABLE", "properties.TOP"),
        ({"UNIT": ...}, "UPPER_UNREADABLE", "properties.TOP"),
        ({"DATUM": "QFE"}, "UPPER_DATUM_UNKNOWN", "properties.DATUM"),
        ({"TOP": 99999}, "NO_CEILING", "properties.TOP"),
        ({"TOP": "UNL", "UNIT": ...}, "NO_CEILING", "properties.TOP"),
    ],
)
def test_a_limit_that_is_not_understood_is_none_and_noted(changes: Any, reason: str, place: str) -> None:
    found = geojson(feature(**changes))
    assert only(found).layers[0].altitude.upper_m == math.inf
    assert notes(found)[reason] == place


def test_limits_that_are_not_mapped_are_none() -> None:
    found = geojson(feature(), fields=replace(FIELDS, lower=None, upper=None))
    band = only(found).layers[0].altitude
    assert (band.lower_m, band.upper_m) == (-math.inf, math.inf)
    assert {"LOWER_ABSENT": "mapping.lower", "UPPER_ABSENT": "mapping.upper"}.items() <= notes(found).items()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"KIND": "X"}, "RESTRICTION_UNMAPPED"),
        ({"KIND": "p"}, "RESTRICTION_UNMAPPED"),
        ({"KIND": "PROHIBITED"}, "RESTRICTION_UNMAPPED"),
        ({"KIND": ["P"]}, "RESTRICTION_UNMAPPED"),
        ({"KIND": ...}, "RESTRICTION_ABSENT"),
        ({"KIND": " "}, "RESTRICTION_ABSENT"),
    ],
)
def test_a_restriction_that_the_mapping_does_not_know_refuses_its_zone_alone(changes: Any, reason: str) -> None:
    found = geojson(feature(**changes), feature(ID="Z2"))
    assert refused(found) == (reason, "properties.KIND")
    assert [zone.geozone.identifier for zone in found.zones] == ["Z2"]


def test_a_restriction_may_be_a_truth_or_the_same_for_all() -> None:
    assert only(geojson(feature(KIND=True))).restriction is Restriction.CONDITIONAL
    fields = replace(FIELDS, restriction=Source(constant="USPACE"), restrictions={})
    assert only(geojson(feature(), fields=fields)).restriction is Restriction.USPACE


def test_flaws_are_repaired_as_in_the_dialects() -> None:
    found = geojson(feature(SQUARE[:-1]), feature(ID=...), feature())
    assert [entry.outcome for entry in found.entries] == [ZoneOutcome.REPAIRED] * 3
    assert [next(iter(notes(found, place))) for place in range(2)] == ["RING_UNCLOSED", "IDENTIFIER_ABSENT"]
    assert "IDENTIFIER_REPEATED" in notes(found, 2)
    assert found.zones[2].geozone.identifier == "Z1~2"


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        (feature(geometry={"type": "Point", "coordinates": [8, 47], "extent": {"subType": "Circle"}}), "GEOMETRY_TYPE"),
        (feature(geometry={"type": "LineString", "coordinates": SQUARE}), "GEOMETRY_TYPE"),
        (feature(geometry={"type": "GeometryCollection", "geometries": [None]}), "GEOMETRY_TYPE"),
        (feature(geometry={"type": "GeometryCollection", "geometries": 5}), "GEOMETRY_UNREADABLE"),
        ({"type": "Feature", "properties": PROPERTIES, "geometry": None}, "GEOMETRY_ABSENT"),
        (feature(geometry={"type": "Polygon", "coordinates": "x"}), "COORDINATES_UNREADABLE"),
        ({**feature(), "type": "Thing"}, "FEATURE_TYPE"),
        ({"type": "Feature", "properties": None, "geometry": feature()["geometry"]}, "RESTRICTION_ABSENT"),
        (17, "ZONE_UNREADABLE"),
    ],
)
def test_what_cannot_be_stood_behind_is_refused_by_name(entry: Any, reason: str) -> None:
    found = geojson(entry, feature())
    assert refused(found)[0] == reason
    assert len(found.zones) == 1


def test_members_of_ed_318_mean_nothing_in_plain_geojson() -> None:
    layer = {"upper": 1, "upperReference": "AGL", "lower": 0, "lowerReference": "AGL", "uom": "m"}
    found = geojson(feature(geometry={"type": "Polygon", "coordinates": [SQUARE], "layer": layer}))
    assert only(found).layers[0].altitude.upper_m == pytest.approx(121.92)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_byte_order_mark_says_the_encoding(encoding: str) -> None:
    assert only(geojson(feature(NAME="Zürich"), encoding=encoding)).names[0].text == "Zürich"


@pytest.mark.parametrize("mark", ["utf-16-le", "utf-16-be"])
def test_utf_16_of_either_order_is_read(mark: str) -> None:
    data = ("\ufeff" + json.dumps({"type": "FeatureCollection", "features": [feature()]})).encode(mark)
    assert only(read(data, Declared(format=Format.GEOJSON, mapping=FIELDS))).identifier == "Z1"
    with pytest.raises(UnreadableZones, match="NOT_UTF8"):
        read(data + b"\x00", Declared(format=Format.GEOJSON, mapping=FIELDS))


def test_a_placemark_is_taken_as_its_mapping_says() -> None:
    span = "<TimeSpan><begin>2026-01-01T00:00:00Z</begin></TimeSpan>"
    fields = replace(FIELDS, name=Source("name"), message=Source("Folder"), start=Source("begin"))
    folder = (
        f"<Folder><name>North</name><Folder><name>A</name>{placemark(polygon(SQUARE, HOLE) + span)}</Folder></Folder>"
    )
    found = kml(document(folder), fields)
    zone = only(found)
    assert (found.format, found.metadata.title, found.entries[0].outcome) == (Format.KML, "Zones", ZoneOutcome.TAKEN)
    assert (zone.identifier, zone.names[0].text, zone.messages[0].text) == ("Z1", "Pm", "North/A")
    assert zone.layers[0].altitude.upper_m == pytest.approx(121.92)
    assert zone.layers[0].outline.equals(shapely.Polygon(SQUARE, [HOLE]))
    assert zone.applicability.periods[0].start == datetime(2026, 1, 1, tzinfo=UTC)
    kept = json.loads(found.zones[0].published_json)
    assert (kept["properties"]["TOP"], kept["geometry"]["type"]) == ("400", "Polygon")


def test_schema_data_are_properties_too() -> None:
    data = "".join(f'<SimpleData name="{key}">{value}</SimpleData>' for key, value in PROPERTIES.items())
    extended = f'<ExtendedData><SchemaData schemaUrl="#s">{data}</SchemaData></ExtendedData>'
    assert only(kml(document(f"<Placemark>{extended}{polygon()}</Placemark>"))).identifier == "Z1"


def test_polygons_of_a_placemark_are_one_zone() -> None:
    other = [[lon + 1, lat] for lon, lat in SQUARE]
    multi = f"<MultiGeometry>{polygon()}<MultiGeometry>{polygon(other)}</MultiGeometry></MultiGeometry>"
    for geometry in (multi, polygon() + polygon(other)):
        outline = shapely.union_all([layer.outline for layer in only(kml(document(placemark(geometry)))).layers])
        assert outline.equals(shapely.MultiPolygon([shapely.Polygon(SQUARE), shapely.Polygon(other)]))


def test_heights_of_positions_are_not_read_and_noted() -> None:
    assert "HEIGHTS_IGNORED" in notes(kml(document(placemark(polygon(height=120)))))
    assert "HEIGHTS_IGNORED" not in notes(kml(document(placemark(polygon()))))


def test_an_inner_boundary_apart_from_the_outer_one_is_a_part() -> None:
    apart = [[8.2, 47.0], [8.3, 47.0], [8.3, 47.1], [8.2, 47.1], [8.2, 47.0]]
    for found in (kml(document(placemark(polygon(SQUARE, apart)))), geojson(feature(SQUARE, apart))):
        assert math.isclose(only(found).layers[0].outline.area, 0.02, rel_tol=1e-9)
        assert "RINGS_ARE_PARTS" in notes(found)


@pytest.mark.parametrize("label", ["", "<Point><coordinates>8,47</coordinates></Point>"])
def test_walls_and_a_label_beside_a_lid_are_left_out_and_the_limits_stay(label: str) -> None:
    def wall(a: list[float], b: list[float]) -> str:
        words = " ".join(f"{x},{y},{z}" for (x, y), z in ((a, 0), (b, 0), (b, 90), (a, 90), (a, 0)))
        inner = f"<LinearRing><coordinates>{words}</coordinates></LinearRing>"
        return f"<Polygon><outerBoundaryIs>{inner}</outerBoundaryIs></Polygon>"

    walls = "".join(wall(a, b) for a, b in pairwise(SQUARE))
    found = kml(document(placemark(f"<MultiGeometry>{walls}{polygon(height=90)}{label}</MultiGeometry>")))
    plain = only(kml(document(placemark(polygon()))))
    assert only(found).layers[0].outline.equals(plain.layers[0].outline)
    assert [layer.altitude for layer in only(found).layers] == [plain.layers[0].altitude]
    (note,) = [note for note in found.entries[0].notes if note.reason == "STRAYS_LEFT_OUT"]
    assert "4 walls" in note.message


@pytest.mark.parametrize(
    ("geometry", "reason"),
    [
        ("<Point><coordinates>8,47</coordinates></Point>", "GEOMETRY_TYPE"),
        ("<LineString><coordinates>8,47 9,48</coordinates></LineString>", "GEOMETRY_TYPE"),
        (ring(SQUARE), "GEOMETRY_TYPE"),
        (
            f"<MultiGeometry>{polygon()}{ring([(9, 47), (10, 47), (10, 48), (9, 47)])}</MultiGeometry>",
            "LINES_ENCLOSE_GROUND",
        ),
        ("<MultiGeometry/>", "GEOMETRY_ABSENT"),
        ("", "GEOMETRY_ABSENT"),
        ("<Polygon/>", "COORDINATES_UNREADABLE"),
        (f"<Polygon><innerBoundaryIs>{ring(SQUARE)}</innerBoundaryIs></Polygon>", "COORDINATES_UNREADABLE"),
        (f"<Polygon><outerBoundaryIs>{ring(SQUARE) * 2}</outerBoundaryIs></Polygon>", "COORDINATES_UNREADABLE"),
        (polygon().replace("8.1,47.1,0", "north,47.1"), "COORDINATES_UNREADABLE"),
        (polygon().replace("8.1,47.1,0", "8.1,47.1,0,8.1,47.2,0"), "COORDINATES_UNREADABLE"),
        (polygon().replace("8.1,47.1,0", "8.1"), "COORDINATES_UNREADABLE"),
    ],
)
def test_no_placemark_is_dropped_without_a_word(geometry: str, reason: str) -> None:
    found = kml(document(placemark(geometry), placemark(polygon(), ID="Z2")))
    assert refused(found)[0] == reason
    assert [zone.geozone.identifier for zone in found.zones] == ["Z2"]


def test_what_is_linked_to_is_refused_and_not_fetched() -> None:
    link = "<NetworkLink><name>more</name><Link><href>http://127.0.0.1:1/more.kml</href></Link></NetworkLink>"
    found = kml(document(link, "<GroundOverlay><name>map</name></GroundOverlay>", placemark(polygon())))
    assert [refused(found, place)[0] for place in range(2)] == ["FEATURE_TYPE"] * 2
    assert len(found.zones) == 1


def test_two_values_of_one_property_refuse_their_zone() -> None:
    twice = placemark(polygon()).replace("<ExtendedData>", '<ExtendedData><Data name="TOP"><value>9</value></Data>')
    assert refused(kml(document(twice))) == ("REPEATED_KEY", "properties.TOP")


ENTITIES = '<!DOCTYPE kml [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><kml>&b;</kml>'
EXTERNAL = '<!DOCTYPE kml [<!ENTITY x SYSTEM "file:///etc/hostname">]><kml>&x;</kml>'
NAMED = document(placemark(polygon()))


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (ENTITIES, "XML_FORBIDDEN"),
        (EXTERNAL, "XML_FORBIDDEN"),
        ('<!DOCTYPE kml SYSTEM "http://127.0.0.1:1/kml.dtd"><kml/>', "XML_FORBIDDEN"),
        (ENTITIES.encode("utf-16"), "XML_FORBIDDEN"),
        (kmz(("doc.kml", ENTITIES)), "XML_FORBIDDEN"),
        ("", "NOT_XML"),
        ("<kml><Document></kml>", "NOT_XML"),
        ('<?xml version="1.0" encoding="none-such"?><kml/>', "ENCODING_UNSUPPORTED"),
        ("{}", "FORMAT_MISMATCH"),
        ("<kml>" + "<Folder>" * 80 + "</Folder>" * 80 + "</kml>", "TOO_DEEP"),
        ("<gpx/>", "FORMAT_UNSUPPORTED"),
        (document(f"<Placemark>{placemark(polygon())}</Placemark>"), "NOT_A_ZONE_FILE"),
        (kmz(("doc.kml", "<kml>" + " " * 20_000_000 + "</kml>")), "ZIP_BOMB"),
        (kmz(*((f"icon{number}.png", b"") for number in range(1001))), "ZIP_BOMB"),
        (kmz(("doc.kml", NAMED), ("other/more.KML", NAMED)), "SEVERAL_DOCUMENTS"),
        (kmz(("readme.txt", "none")), "FORMAT_UNSUPPORTED"),
        (kmz(("doc.kml", NAMED))[:-30], "NOT_KMZ"),
        (kmz(("doc.kml", kmz(("doc.kml", NAMED)))), "NOT_XML"),
    ],
)
def test_a_file_made_to_harm_or_to_mislead_is_refused_as_a_whole(data: bytes | str, reason: str) -> None:
    with pytest.raises(UnreadableZones) as caught:
        kml(data)
    assert caught.value.reason == reason


def test_a_damaged_archive_is_refused_wherever_the_damage_is() -> None:
    whole = kmz(("doc.kml", NAMED))
    for place in range(0, len(whole), 7):
        damaged = whole[:place] + bytes([whole[place] ^ 0xFF]) + whole[place + 1 :]
        try:
            kml(damaged)
        except UnreadableZones as fault:
            assert fault.reason in {"NOT_KMZ", "NOT_XML", "NOT_UTF8", "FORMAT_UNSUPPORTED", "XML_FORBIDDEN"}


def test_spaces_around_commas_are_read_over_however_many() -> None:
    spaced = polygon().replace("8.1,47.1,0", "8.1 ,\n47.1," + " " * 2_000_000 + "0")
    assert only(kml(document(placemark(spaced)))).layers[0].outline.equals(shapely.Polygon(SQUARE))


def test_elements_without_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lowsky.airspace.reading.formats.placemarks.ELEMENTS_MAX", 1_000)  # two million take seconds
    with pytest.raises(UnreadableZones, match="TOO_LARGE"):
        kml("<kml>" + "<a/>" * 1_000 + "</kml>")


def test_the_place_of_a_fault_in_xml_is_told() -> None:
    with pytest.raises(UnreadableZones) as caught:
        kml("<kml>\n  <a></b>\n</kml>")
    position = caught.value.position
    assert position is not None
    assert (position.line, position.byte) == (2, 6 + position.column - 1)


def test_kmz_and_other_encodings_are_read_as_kml_is() -> None:
    declared = '<?xml version="1.0" encoding="ISO-8859-1"?>' + document(placemark(polygon(), NAME="Zürich"))
    for data in (
        kmz(("files/icon.png", b"x"), ("zones.kml", document(placemark(polygon(), NAME="Zürich")))),
        document(placemark(polygon(), NAME="Zürich")).encode("utf-16"),
        declared.encode("latin-1"),
    ):
        assert only(kml(data)).names[0].text == "Zürich"


def test_gdal_reads_the_same_outlines() -> None:
    other = [[lon + 1.0, lat - 90.0] for lon, lat in SQUARE]
    data = document(
        placemark(polygon(SQUARE, HOLE), ID="A", INFO="A"),
        placemark(f"<MultiGeometry>{polygon()}{polygon(other)}</MultiGeometry>", ID="B", INFO="B"),
        placemark(polygon(height=30), ID="C", INFO="C"),
    )
    ours = {zone.geozone.identifier: zone.geozone.layers[0].outline for zone in kml(data).zones}
    _, _, shapes, (identifiers,) = pyogrio.raw.read(data.encode(), columns=["INFO"])
    theirs = dict(zip(identifiers, shapely.force_2d(shapely.from_wkb(shapes)), strict=True))
    assert ours.keys() == theirs.keys() == {"A", "B", "C"}
    assert all(ours[name].equals(theirs[name]) for name in ours)


def test_a_field_of_a_placemark_goes_before_what_viewers_show_under_its_name() -> None:
    two = (placemark(polygon(), ID=f"Z{n}", name=f"Area {n}") for n in range(2))
    labelled = document(*(one.replace("<ExtendedData>", "<name>Map label</name><ExtendedData>") for one in two))
    found = kml(labelled, replace(FIELDS, name=Source("name")))
    assert [zone.geozone.names[0].text for zone in found.zones] == ["Area 0", "Area 1"]
