"""KML and KMZ to GeoJSON features, one for each thing that the document draws or links to, one after the other.

The XML is read directly: GDAL's reader silently reads a longitude that is no number as 0, drops all but one of several
polygons of a Placemark, and treats a lone inner boundary as an outer one. Here each Placemark is returned as it is
written, and geometries that enclose no area are refused by the zone readers. Entities, document types and external
references are refused before anything is resolved; nothing is ever fetched. Tests read the same files with GDAL.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO
from xml.etree.ElementTree import Element, ParseError

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from lowsky.airspace.reading.attributes.json_values import number
from lowsky.airspace.reading.formats import json_parsing
from lowsky.airspace.reading.formats.archive import is_archive, only_kml
from lowsky.airspace.reading.formats.file_text import STEP_BYTES, Scratch, is_utf8_at, place, xml_utf8
from lowsky.airspace.reading.formats.json_parsing import RepeatedKeys, TooLarge
from lowsky.airspace.reading.formats.placemarks import Placemark, Placemarks, local, text_of
from lowsky.airspace.reading.report import UnreadableZones

_GEOMETRIES = ("Point", "LineString", "LinearRing", "Polygon", "MultiGeometry", "Model", "Track", "MultiTrack")


class KmlZones:
    """The features of a KML or KMZ file in the order of the document, each time from its beginning; `members` are
    what the document says of itself, once all have come."""

    def __init__(self, file: BinaryIO, scratch: Scratch) -> None:
        """Of a seekable file, and what makes one to put the document into where it has to be unpacked or recoded.

        Raises:
            UnreadableZones: those of `only_kml` and `xml_utf8`.
        """
        if is_archive(file):
            unpacked = scratch()
            only_kml(file, unpacked)
            file = unpacked
        self._file = xml_utf8(file, scratch)
        self.members: dict[str, object] = {}
        self.collections: list[list[object]] = []
        """States no reference system: KML is WGS 84 by definition (OGC 12-007r2, section 9.1)."""

    def __iter__(self) -> Iterator[object]:
        """GeoJSON features.

        Raises:
            UnreadableZones: TOO_LARGE, NOT_UTF8, NOT_XML, XML_FORBIDDEN, TOO_DEEP, NOT_A_ZONE_FILE.
        """
        found = Placemarks()
        parser = DefusedXMLParser(
            target=found, encoding="utf-8", forbid_dtd=True, forbid_entities=True, forbid_external=True
        )
        self._file.seek(0)
        fed = 0
        try:
            while data := self._file.read(STEP_BYTES):
                parser.feed(data)
                fed += len(data)
                if fed - parser.parser.CurrentByteIndex > json_parsing.ZONE_TEXT_MAX:
                    raise UnreadableZones("TOO_LARGE", "a tag or a comment is longer than any zone may be")
                yield from map(_feature, found.taken())
            parser.close()
        except DefusedXmlException as fault:
            what = type(fault).__name__.removesuffix("Forbidden")
            raise UnreadableZones("XML_FORBIDDEN", f"document types and entities are not read: {what}") from None
        except ParseError as fault:
            at = max(parser.parser.ErrorByteIndex, 0)
            if not is_utf8_at(self._file, at):
                message = "the file is not UTF-8 text, and declares no other encoding: save it as UTF-8"
                raise UnreadableZones("NOT_UTF8", message, place(self._file, at)) from None
            message = f"the file is not XML: {str(fault).partition(':')[0]}"
            raise UnreadableZones("NOT_XML", message, place(self._file, at)) from None
        except (ValueError, LookupError) as fault:
            raise UnreadableZones("NOT_XML", f"the file is not XML: {fault}") from None
        yield from map(_feature, found.taken())
        self.members = {"name": found.title}


def _feature(found: Placemark) -> dict[str, object]:
    element = found.element
    kind = local(element)
    properties = _properties(element, found.folders)
    if not found.whole:
        return TooLarge(type=kind, properties=properties)
    shapes = [_geometry(child) for child in element if local(child) in _GEOMETRIES]
    return {
        "type": "Feature" if kind == "Placemark" else kind,
        "properties": properties,
        "geometry": _together(shapes),
    }


def _properties(element: Element, folders: tuple[str, ...]) -> dict[str, object]:
    """What is written in the Placemark, all as texts. A field of ExtendedData goes before an element of its name, which
    is what a viewer shows; of two fields that have one name but not one value, neither is meant."""
    fields: list[tuple[str, str]] = []
    pairs: list[tuple[str, str]] = [("id", element.attrib["id"])] if "id" in element.attrib else []
    if folders:
        pairs.append(("Folder", "/".join(folders)))
    for child in element:
        kind = local(child)
        if kind in ("TimeSpan", "TimeStamp"):
            pairs.extend((local(moment), text_of(moment)) for moment in child)
        elif kind == "ExtendedData":
            fields.extend(_extended(child))
        elif not len(child):
            pairs.append((kind, text_of(child)))
    stated = {name for name, _ in fields}
    pairs = [*(pair for pair in pairs if pair[0] not in stated), *fields]
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
        kind = local(child)
        if kind == "Data":
            pairs.append((child.get("name", ""), text_of(_child(child, "value"))))
        elif kind == "SchemaData":
            pairs.extend((item.get("name", ""), text_of(item)) for item in child)
        else:
            pairs.append((kind, text_of(child)))
    return pairs


def _geometry(element: Element) -> dict[str, object]:
    kind = local(element)
    if kind == "MultiGeometry":
        inner = [_geometry(child) for child in element if local(child) in _GEOMETRIES]
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
    outer = [ring for part in polygon if local(part) == "outerBoundaryIs" for ring in part]
    inner = [ring for part in polygon if local(part) == "innerBoundaryIs" for ring in part]
    if len(outer) != 1 or any(local(ring) != "LinearRing" for ring in (*outer, *inner)):
        return None
    return [_positions(ring) for ring in (*outer, *inner)]


def _positions(element: Element) -> object:
    """Positions as numbers; what is none stays as it is written, for the reader of outlines to refuse."""
    written = [child for child in element if local(child) == "coordinates"]
    if len(written) != 1:
        return None
    found: list[object] = []
    for position in ",".join(part.strip() for part in text_of(written[0]).split(",")).split():
        parts = position.split(",")
        numbers = [number(part) for part in parts]
        found.append(numbers if len(parts) in (2, 3) and None not in numbers else position)
    return found


def _child(element: Element, kind: str) -> Element | None:
    return next((child for child in element if local(child) == kind), None)
