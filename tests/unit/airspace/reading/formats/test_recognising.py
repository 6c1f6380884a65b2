"""What a file is written in is recognised; what is not read is refused by name, with what to do."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import sqlite3
import tarfile
import time
import zipfile
from contextlib import closing

import pytest

from lowsky.airspace.reading import Declared, FieldMapping, Format, Source, UnreadableZones
from lowsky.airspace.reading.formats.recognising import recognised
from tests.support.whole_reading import read
from tests.support.zone_files import ed269_zone, ed318_zone, file_of

MAPPING = FieldMapping(Source("name"), Source(constant="PROHIBITED"))
RING = "8,47 8.1,47 8.1,47.1 8,47"
PLACEMARK = (
    f"<Placemark><name>A</name><Polygon><outerBoundaryIs><LinearRing><coordinates>{RING}</coordinates></LinearRing>"
    "</outerBoundaryIs></Polygon></Placemark>"
)
KML = f"<kml><Document>{PLACEMARK}</Document></kml>"
OPENAIR = "* Airspace of 2026\n\nAC R\nAN LO R 15\nAL GND\nAH 5000ft MSL\nDP 48:00:00 N 016:00:00 E\n"
GML = '<?xml version="1.0"?><gml:FeatureCollection xmlns:gml="http://www.opengis.net/gml/3.2"/>'
WFS = '<FeatureCollection xmlns="http://www.opengis.net/wfs/2.0"/>'
AIXM = '<?xml version="1.0"?>\n<!-- AIP <kml> -->\n<message:AIXMBasicMessage xmlns:message="m" xmlns:gml="http://www.opengis.net/gml/3.2"/>'
HTML = "<!DOCTYPE html><html><head><title>502</title></head><body>Bad gateway</body></html>"
DXF = "  0\nSECTION\n  2\nHEADER\n"


def packed(*members: str, data: bytes | str = b"x") -> bytes:
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w") as archive:
        for name in members:
            archive.writestr(name, data)
    return whole.getvalue()


def tarred(name: str) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as archive:
        archive.addfile(tarfile.TarInfo(name))
    return whole.getvalue()


def geopackage() -> bytes:
    with closing(sqlite3.connect(":memory:")) as database:  # its own context ends a transaction, not the connection
        database.execute("CREATE TABLE gpkg_contents (name TEXT)")
        return database.serialize()


UNSUPPORTED: list[tuple[bytes | str, str, str]] = [
    (OPENAIR, "OpenAir", "convert it to GeoJSON or KML"),
    (OPENAIR.replace("\n", "\r\n"), "OpenAir", "convert it to GeoJSON or KML"),
    ("AC CTR\nAN WIEN\nAH 1500\nAL GND\nV X=48:07:00 N 016:34:00 E\nDC 5\n", "OpenAir", "convert"),
    ("* Übung\nAC R\nAN X\nDP 48:00:00 N 016:00:00 E\n".encode("latin-1"), "OpenAir", "convert"),
    (packed("zones.shp", "zones.dbf"), "a ZIP archive of a shapefile", "ogr2ogr"),
    (packed("zones.json"), "a ZIP archive", "unpack"),
    (packed("xl/workbook.xml"), "an Excel workbook", "ED-269"),
    (b"\x00\x00\x27\x0a" + bytes(100), "a shapefile", "ogr2ogr"),
    (geopackage(), "a GeoPackage", "ogr2ogr"),
    (GML, "GML", "ogr2ogr"),
    (WFS, "GML", "ogr2ogr"),
    (AIXM, "AIXM 5", "convert it to GeoJSON or KML"),
    ("<AIXM-Snapshot/>", "AIXM 4.5", "convert"),
    ("<gpx/>", "GPX", "convert"),
    ("<ows:ExceptionReport xmlns:ows='o'/>", "the error report of a map service", "download"),
    ("<other/>", "XML of an unknown kind", "import the zones as"),
    (HTML, "an HTML page", "download"),
    ("\n\n <HTML><body>Sign in</body>", "an HTML page", "download"),
    ("<head><title>404 Not Found</title></head>", "an HTML page", "download"),
    (HTML.encode("utf-16"), "an HTML page", "download"),
    (DXF, "a DXF drawing", "ogr2ogr"),
    ("999\nmade by hand\n" + DXF, "a DXF drawing", "ogr2ogr"),
    (b"AutoCAD Binary DXF\r\n\x1a\x00", "a DXF drawing", "ogr2ogr"),
    (b"AC1032" + bytes(50), "a DWG drawing", "DXF"),
    (b"%PDF-1.7\n", "a PDF document", "ED-269"),
    ("name;type;wkt\nA;CTR;POLYGON((8 47,9 47,9 48,8 47))\n", "a table", "ED-269"),
    ('"name","lat","lon"\r\n"A","47","8"\r\n', "a table", "ED-269"),
    ("POLYGON((8 47,9 47,9 48,8 47))", "WKT", "ogr2ogr"),
    ('{"type": "Feature"}\n{"type": "Feature"}\n', "JSON objects one after the other", "features"),
    ('\x1e{"type": "Feature"}\n', "JSON objects one after the other", "features"),
    ('{"type": "Topology", "objects": {}, "arcs": []}', "TopoJSON", "GeoJSON"),
    ('{"geometryType": "esriGeometryPolygon", "features": [{"attributes": {}}]}', "ArcGIS JSON", "GeoJSON"),
    (gzip.compress(file_of([ed269_zone("A")])), "packed by gzip", "unpack"),
    (bz2.compress(b"x"), "packed by bzip2", "unpack"),
    (lzma.compress(b"x"), "packed by xz", "unpack"),
    (b"7z\xbc\xaf\x27\x1c" + bytes(20), "a 7z archive", "unpack"),
    (tarred("zones.json"), "a tar archive", "unpack"),
    (b"\x89PNG\r\n\x1a\n", "a picture", "ED-269"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(20), "a document of an office program", "ED-269"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "name", "advice"), UNSUPPORTED)
def test_a_format_that_is_not_read_is_named_with_what_to_do(data: bytes | str, name: str, advice: str) -> None:
    with pytest.raises(UnreadableZones) as caught:
        read(data.encode() if isinstance(data, str) else data)
    assert caught.value.reason == "FORMAT_UNSUPPORTED"
    assert f"the file is {name}" in caught.value.message
    assert advice in caught.value.message


@pytest.mark.parametrize("data", [KML.encode(), packed("doc.kml", data=KML), KML.encode("utf-16")])
@pytest.mark.parametrize("form", [None, Format.GEOJSON])
def test_kml_that_is_not_declared_says_how_to_import_it(data: bytes, form: Format | None) -> None:
    with pytest.raises(UnreadableZones) as caught:
        read(data, Declared(format=form, mapping=MAPPING if form else None))
    assert caught.value.reason == "FORMAT_MISMATCH"
    assert "--format kml --mapping" in caught.value.message
    assert len(read(data, Declared(format=Format.KML, mapping=MAPPING)).zones) == 1


def test_json_that_is_declared_as_kml_says_so() -> None:
    with pytest.raises(UnreadableZones, match="FORMAT_MISMATCH: the file is JSON"):
        read(file_of([ed318_zone("A")]), Declared(format=Format.KML, mapping=MAPPING))


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_zone_files_are_taken_for_nothing_else(indent: int | None, encoding: str) -> None:
    document = json.dumps([ed269_zone("A"), ed269_zone("B")], indent=indent)
    assert len(read(document.encode(encoding)).zones) == 2


@pytest.mark.parametrize("data", [b"", b"17", b"zones", b"\xff", b"AC\n", b"* \n"])
def test_what_is_nothing_known_is_left_to_its_reader(data: bytes) -> None:
    assert recognised(io.BytesIO(data)) is None
    with pytest.raises(UnreadableZones) as caught:
        read(data)
    assert not caught.value.reason.startswith("FORMAT")


@pytest.mark.parametrize(
    "data",
    [
        "<!--" * 20_000, "<?" * 40_000, "<!" * 40_000, "<a " * 30_000, "," * 32_000 + "\n" + "a" * 32_000,
        "999\n" * 20_000, "AC R\n" + "x\n" * 40_000, "{" + "}" * 40_000 + "\n", "*\n" * 40_000, "POINT" + " " * 60_000,
        "A" * 60_000, "<" + "x" * 60_000, "}" * 30_000 + " " * 30_000,
    ],
)  # fmt: skip
def test_a_beginning_made_to_be_slow_is_looked_at_in_no_time(data: str) -> None:
    begun = time.process_time()
    recognised(io.BytesIO(data.encode()))
    assert time.process_time() - begun < 2.0  # quadratic in 64 KiB would be minutes


def test_the_names_of_an_archive_are_bounded_before_they_are_read() -> None:
    with pytest.raises(UnreadableZones, match="ZIP_BOMB"):
        read(packed(*(f"{at}.json" for at in range(1_001))))
    with pytest.raises(UnreadableZones, match="NOT_KMZ"):
        read(packed("zones.shp")[:-10])
