"""KML and KMZ to GeoJSON features, one for each thing that the document draws or links to.

Read from the XML itself: GDAL's reader takes a longitude that is no number for 0, all but one of several polygons of a
Placemark away, and a lone inner boundary for an outer one, without a word. Here each Placemark comes out as it was
written, and what is no area is refused by name where zones are read. Entities, document types and external references
are refused before anything is resolved, nothing is ever fetched. Tests read the same files with GDAL.
"""

from __future__ import annotations

import codecs
from xml.etree.ElementTree import Element, ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from lowsky.airspace.reading.archive import is_archive, only_kml
from lowsky.airspace.reading.document import DEPTH_MAX, FILE_BYTES_MAX, RepeatedKeys
from lowsky.airspace.reading.layout import ZONES_MAX, Layout
from lowsky.airspace.reading.report import FilePosition, Format, Metadata, UnreadableZones
from lowsky.airspace.reading.values import number

ELEMENTS_MAX = 2_000_000
"""A tree of them takes some 300 MB."""

_ENTRIES = ("Placemark", "NetworkLink", "GroundOverlay")
"""What is or may draw an area; the other features of KML are legends, photographs and tours."""
_GEOMETRIES = ("Point", "LineString", "LinearRing", "Polygon", "MultiGeometry", "Model", "Track", "MultiTrack")


def lay_out_kml(data: bytes) -> Layout:
    """The features of a KML or KMZ file, in the order of the document.

    Raises:
        UnreadableZones: TOO_LARGE, NOT_XML, XML_FORBIDDEN, TOO_DEEP, NOT_A_ZONE_FILE, TOO_MANY_ZONES, and those of
            `only_kml`.
    """
    if len(data) > FILE_BYTES_MAX:
        raise UnreadableZones("TOO_LARGE", f"the file has {len(data)} bytes; {FILE_BYTES_MAX} is the most")
    root = _parse(only_kml(data) if is_archive(data) else data)
    if _local(root) != "kml":
        raise UnreadableZones("NOT_A_ZONE_FILE", f"the document is {_local(root)}, not kml")
    entries: list[object] = []
    _collect(root, (), entries)
    if len(entries) > ZONES_MAX:
        raise UnreadableZones("TOO_MANY_ZONES", f"the file has {len(entries)} zones; {ZONES_MAX} is the most")
    if len(entries) != sum(_local(element) in _ENTRIES for element in root.iter()):
        raise UnreadableZones("NOT_A_ZONE_FILE", "a Placemark lies within another: which zones are meant is not clear")
    document = _child(root, "Document")
    return Layout(Format.KML, entries, Metadata(title="" if document is None else _text(_child(document, "name"))))


class _Bounded(TreeBuilder):
    """Builds a tree of bounded depth and size."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = self._count = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > DEPTH_MAX:
            raise UnreadableZones("TOO_DEEP", f"the file is nested deeper than {DEPTH_MAX}")
        if self._count > ELEMENTS_MAX:
            raise UnreadableZones("TOO_LARGE", f"the file has more than {ELEMENTS_MAX} elements")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def _parse(data: bytes) -> Element:
    parser = DefusedXMLParser(target=_Bounded(), forbid_dtd=True, forbid_entities=True, forbid_external=True)
    try:
        parser.feed(data)
        root: Element = parser.close()
    except DefusedXmlException as fault:
        what = type(fault).__name__.removesuffix("Forbidden")
        raise UnreadableZones("XML_FORBIDDEN", f"document types and entities are not read: {what}") from None
    except ParseError as fault:
        message = f"the file is not XML: {str(fault).partition(':')[0]}"
        raise UnreadableZones("NOT_XML", message, _place(data, *fault.position)) from None
    except (ValueError, LookupError) as fault:
        raise UnreadableZones("NOT_XML", f"the file is not XML: {fault}") from None
    return root


def _place(data: bytes, line: int, column: int) -> FilePosition | None:
    """The place in a file whose characters are bytes; None in UTF-16."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return None
    start = 0
    for _ in range(line - 1):
        start = data.find(b"\n", start) + 1
    return FilePosition(start + column, line, column + 1)


def _collect(element: Element, folders: tuple[str, ...], entries: list[object]) -> None:
    """Appends what lies within; no deeper than DEPTH_MAX."""
    for child in element:
        kind = _local(child)
        if kind in _ENTRIES:
            entries.append(_feature(child, kind, folders))
        else:
            name = _text(_child(child, "name")) if kind == "Folder" else ""
            _collect(child, (*folders, name) if name else folders, entries)


def _feature(element: Element, kind: str, folders: tuple[str, ...]) -> dict[str, object]:
    shapes = [_geometry(child) for child in element if _local(child) in _GEOMETRIES]
    return {
        "type": "Feature" if kind == "Placemark" else kind,
        "properties": _properties(element, folders),
        "geometry": _together(shapes),
    }


def _properties(element: Element, folders: tuple[str, ...]) -> dict[str, object]:
    """What is written in the Placemark, all as texts; of two that have one name but not one value, neither is meant."""
    pairs: list[tuple[str, str]] = [("id", element.attrib["id"])] if "id" in element.attrib else []
    if folders:
        pairs.append(("Folder", "/".join(folders)))
    for child in element:
        kind = _local(child)
        if kind in ("TimeSpan", "TimeStamp"):
            pairs.extend((_local(moment), _text(moment)) for moment in child)
        elif kind == "ExtendedData":
            pairs.extend(_extended(child))
        elif not len(child):
            pairs.append((kind, _text(child)))
    properties = dict(pairs)
    for name, value in pairs:
        if properties[name] != value:
            repeated = RepeatedKeys(properties)
            repeated.key = f"properties.{name}"
            return repeated
    return dict(properties)


def _extended(element: Element) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for child in element:
        kind = _local(child)
        if kind == "Data":
            pairs.append((child.get("name", ""), _text(_child(child, "value"))))
        elif kind == "SchemaData":
            pairs.extend((item.get("name", ""), _text(item)) for item in child)
        else:
            pairs.append((kind, _text(child)))
    return pairs


def _geometry(element: Element) -> dict[str, object]:
    kind = _local(element)
    if kind == "MultiGeometry":
        inner = [_geometry(child) for child in element if _local(child) in _GEOMETRIES]
        return _together(inner) or {"type": "GeometryCollection", "geometries": []}
    if kind == "Polygon":
        return {"type": "Polygon", "coordinates": _rings(element)}
    return {"type": kind, "coordinates": _positions(element)}


def _together(shapes: list[dict[str, object]]) -> dict[str, object] | None:
    """The one shape, or all: polygons as a MultiPolygon, which is one layer."""
    if len(shapes) <= 1:
        return shapes[0] if shapes else None
    if all(shape["type"] == "Polygon" for shape in shapes):
        return {"type": "MultiPolygon", "coordinates": [shape["coordinates"] for shape in shapes]}
    return {"type": "GeometryCollection", "geometries": shapes}


def _rings(polygon: Element) -> object:
    """The outer ring, then the inner ones; None where there is not just one outer ring."""
    outer = [ring for part in polygon if _local(part) == "outerBoundaryIs" for ring in part]
    inner = [ring for part in polygon if _local(part) == "innerBoundaryIs" for ring in part]
    if len(outer) != 1 or any(_local(ring) != "LinearRing" for ring in (*outer, *inner)):
        return None
    return [_positions(ring) for ring in (*outer, *inner)]


def _positions(element: Element) -> object:
    """Positions as numbers; what is none stays as it is written, for the reader of outlines to refuse."""
    written = [child for child in element if _local(child) == "coordinates"]
    if len(written) != 1:
        return None
    found: list[object] = []
    for position in ",".join(part.strip() for part in _text(written[0]).split(",")).split():
        parts = position.split(",")
        numbers = [number(part) for part in parts]
        found.append(numbers if len(parts) in (2, 3) and None not in numbers else position)
    return found


def _child(element: Element, kind: str) -> Element | None:
    return next((child for child in element if _local(child) == kind), None)


def _local(element: Element) -> str:
    """The name without its namespace: 2.0, 2.1, 2.2 and none are all in use."""
    return str(element.tag).rpartition("}")[2]


def _text(element: Element | None) -> str:
    return "" if element is None else "".join(element.itertext()).strip()
