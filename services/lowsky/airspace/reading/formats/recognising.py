"""Recognises the format of a file by its beginning: one table of the formats that publishers send.

Formats that lowsky reads are read as they are declared. All others are refused by name, with advice what to do.
"""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO

from lowsky.airspace.reading.formats.archive import is_archive, member_names
from lowsky.airspace.reading.formats.file_text import encoding_by_mark
from lowsky.airspace.reading.report import Format, UnreadableZones

HEAD_BYTES = 64 * 1024
"""What is looked at; a licence in a comment takes a few kilobytes."""
LINE_LENGTH_MAX = 400
"""Of a line of text that is looked at."""

_CONVERT = "convert it to GeoJSON in WGS 84 (ogr2ogr -t_srs EPSG:4326 zones.geojson FILE), and import that by a mapping"
_DRAWN = "convert it to GeoJSON or KML, and import that by a mapping"
_UNPACK = "unpack it, and import the zone file that is in it"
_DOWNLOAD = "this is not the zone file: download the zone file itself"
_PUBLISHED = "import the zones as ED-269, ED-318, GeoJSON or KML"


@dataclass(frozen=True, slots=True)
class FileKind:
    """A format by name; `reads` are the declared formats it can be read as, otherwise `advice` says what to do."""

    name: str
    advice: str = ""
    reads: tuple[Format | None, ...] = ()


_JSON = FileKind("JSON", reads=(None, Format.GEOJSON))
_KML = FileKind("KML", reads=(Format.KML,))
_KMZ = FileKind("KMZ", reads=(Format.KML,))
_OPENAIR = FileKind("OpenAir", _DRAWN)
_CSV = FileKind("a table of separated values (CSV)", _PUBLISHED)
_WKT = FileKind("WKT", _CONVERT)
_JSON_LINES = FileKind("JSON objects one after the other", "put them into the list `features` of one object")
_DXF = FileKind("a DXF drawing", _CONVERT)
_SHAPEFILE = FileKind("a shapefile", _CONVERT)
_ZIP = FileKind("a ZIP archive", _UNPACK)

_BEGINNINGS: tuple[tuple[int, bytes, FileKind], ...] = (
    (0, b"SQLite format 3\x00", FileKind("a GeoPackage or another SQLite database", _CONVERT)),
    (0, b"\x00\x00\x27\x0a", _SHAPEFILE),
    (0, b"fgb\x03", FileKind("FlatGeobuf", _CONVERT)),
    (0, b"PAR1", FileKind("Parquet", _CONVERT)),
    (0, b"%PDF-", FileKind("a PDF document", _PUBLISHED)),
    (0, b"AutoCAD Binary DXF", _DXF),
    (0, b"AC10", FileKind("a DWG drawing", "save it as DXF, convert that to GeoJSON, and import it by a mapping")),
    (0, b"\x1f\x8b", FileKind("packed by gzip", _UNPACK)),
    (0, b"BZh", FileKind("packed by bzip2", _UNPACK)),
    (0, b"\xfd7zXZ\x00", FileKind("packed by xz", _UNPACK)),
    (0, b"\x28\xb5\x2f\xfd", FileKind("packed by Zstandard", _UNPACK)),
    (0, b"7z\xbc\xaf\x27\x1c", FileKind("a 7z archive", _UNPACK)),
    (0, b"Rar!\x1a\x07", FileKind("a RAR archive", _UNPACK)),
    (257, b"ustar", FileKind("a tar archive", _UNPACK)),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", FileKind("a document of an office program", _PUBLISHED)),
    (0, b"\x89PNG\r\n", FileKind("a picture", _PUBLISHED)),
    (0, b"\xff\xd8\xff", FileKind("a picture", _PUBLISHED)),
    (0, b"GIF8", FileKind("a picture", _PUBLISHED)),
    (0, b"II*\x00", FileKind("a TIFF picture", _PUBLISHED)),
    (0, b"MM\x00*", FileKind("a TIFF picture", _PUBLISHED)),
)
"""Where in the file which bytes are."""

_MEMBERS: tuple[tuple[str, FileKind], ...] = (
    (".kml", _KMZ),
    (".shp", FileKind("a ZIP archive of a shapefile", _CONVERT)),
    (".gdbtable", FileKind("a ZIP archive of a file geodatabase", _CONVERT)),
    ("xl/workbook.xml", FileKind("an Excel workbook", _PUBLISHED)),
    ("word/document.xml", FileKind("a Word document", _PUBLISHED)),
    ("content.xml", FileKind("a document of an office program", _PUBLISHED)),
)
"""How the name of a ZIP archive's member ends."""

_ROOTS: dict[str, FileKind] = {
    "kml": _KML,
    "html": FileKind("an HTML page", _DOWNLOAD),
    "aixmbasicmessage": FileKind("AIXM 5", _DRAWN),
    "aixm-snapshot": FileKind("AIXM 4.5", _DRAWN),
    "gpx": FileKind("GPX", _DRAWN),
    "osm": FileKind("OpenStreetMap XML", _DRAWN),
    "exceptionreport": FileKind("the error report of a map service", _DOWNLOAD),
    "serviceexceptionreport": FileKind("the error report of a map service", _DOWNLOAD),
    "wfs_capabilities": FileKind("the description of a map service", _DOWNLOAD),
    "wms_capabilities": FileKind("the description of a map service", _DOWNLOAD),
    "error": FileKind("an error message in XML", _DOWNLOAD),
    "svg": FileKind("an SVG picture", _PUBLISHED),
}
"""XML by the local name of its root, in small letters."""
_GML = FileKind("GML", _CONVERT)
_XML = FileKind("XML of an unknown kind", _PUBLISHED)
_HTML_PARTS = ("head", "body", "title", "meta", "script", "div", "p", "h1", "center")

_LINES: tuple[tuple[str, FileKind], ...] = (
    (r"A[CNYFGI][ \t]\S.*\n(?s:.*\n)?(?:A[LH]|D[PCAB]|V)[ \t]", _OPENAIR),
    (r"(?:999[ \t]*\n.*\n[ \t]*)*0[ \t]*\n[ \t]*SECTION", _DXF),
    (r"(?i:(?:SRID=\d+;)?(?:MULTI)?(?:POLYGON|POINT|LINESTRING|GEOMETRYCOLLECTION)[ \t]*(?:Z[ \t]*)?\()", _WKT),
    (r"\x1e|\{.*\}[ \t]*\n[ \t]*\{", _JSON_LINES),
    (r"[^\n{\[<]*?([,;\t|])[^\n{\[<]*\n[^\n{\[<]*?\1", _CSV),
)
"""Text by the beginning of its first line that is no comment, in this order."""
_TEXTS = [(re.compile(pattern), kind) for pattern, kind in _LINES]

_NOT_SEEN = re.compile(r"\s+|<\?(?:(?s:.*?)\?>|(?s:.*))|<!--(?:(?s:.*?)-->|(?s:.*))|<![^<>]*>?|[^<\s][^<]*")
_ELEMENT = re.compile(r"<(?:([\w.-]+):)?([\w.-]+)")


def require_readable(file: BinaryIO, declared: Format | None) -> None:
    """Accepts a file that can be read as declared, or is not recognised: its reader then reports what is wrong with it.

    Raises:
        UnreadableZones: FORMAT_UNSUPPORTED, or FORMAT_MISMATCH for a format that is read where it is declared; those of
            `member_names`.
    """
    kind = recognised(file)
    if kind is None or declared in kind.reads:
        return
    if kind.reads:
        how = _DECLARE[kind.reads]
        raise UnreadableZones("FORMAT_MISMATCH", f"the file is {kind.name}, but is not declared as such: {how}")
    raise UnreadableZones("FORMAT_UNSUPPORTED", f"the file is {kind.name}, which is not read: {kind.advice}")


_DECLARE = {
    _JSON.reads: "declare GEOJSON with a mapping, or nothing where the file is in ED-269 or ED-318",
    _KML.reads: "declare KML, with a mapping of its properties (lowsky zones import --format kml --mapping FILE)",
}


def recognised(file: BinaryIO) -> FileKind | None:
    """What the file is written in, None where it is nothing known.

    Raises:
        UnreadableZones: those of `member_names`.
    """
    if is_archive(file):
        names = [name.lower() for name in member_names(file)]
        return next((kind for end, kind in _MEMBERS if any(name.endswith(end) for name in names)), _ZIP)
    file.seek(0)
    head = file.read(HEAD_BYTES)
    for offset, beginning, kind in _BEGINNINGS:
        if head.startswith(beginning, offset):
            return kind
    text = _decoded(head).lstrip("\ufeff \t\r\n")
    if text.startswith("<"):
        return _of_xml(text)
    return _of_text(text)


def _decoded(head: bytes) -> str:
    encoding = encoding_by_mark(head) or "utf-8"
    return codecs.getincrementaldecoder(encoding)(errors="replace").decode(head)


def _of_xml(text: str) -> FileKind | None:
    if re.match(r"<!doctype\s+html", text, re.IGNORECASE):
        return _ROOTS["html"]
    at = 0
    while (unseen := _NOT_SEEN.match(text, at)) and unseen.end() > at:
        at = unseen.end()
    root = _ELEMENT.match(text, at)
    if root is None:
        return None
    prefix, name = (root[1] or "").lower(), root[2].lower()
    if name in _HTML_PARTS:
        return _ROOTS["html"]
    if name not in _ROOTS and (prefix in ("gml", "wfs") or "opengis.net/gml" in text or "opengis.net/wfs" in text):
        return _GML
    return _ROOTS.get(name, _XML)


def _of_text(text: str) -> FileKind | None:
    lines = text.replace("\r", "\n").split("\n")
    begin = next((place for place, line in enumerate(lines) if line.strip() and not line.startswith("*")), 0)
    significant = "\n".join(_short(line.rstrip()) for line in lines[begin:] if line.strip()) + "\n"
    found = next((kind for pattern, kind in _TEXTS if pattern.match(significant)), None)
    return found or (_JSON if text.startswith(("{", "[")) else None)


def _short(line: str) -> str:
    """A line's beginning and end: however long it is, a pattern is done with it at once."""
    return line if len(line) <= LINE_LENGTH_MAX else line[: LINE_LENGTH_MAX // 2] + line[-LINE_LENGTH_MAX // 2 :]
