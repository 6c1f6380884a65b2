"""Published geozone files, ED-269 and ED-318, to geozones and a report; GeoJSON and KML by a mapping of their fields.

`read` takes what national publishers put out: either dialect in any of the layouts seen, with its flaws. Each
published zone ends in exactly one entry of the report, TAKEN, REPAIRED or REFUSED, with the reasons: never a silent
drop, never a smaller zone than published. What is unclear (a limit without a datum, an end at sunset) is read as the
wider, and noted.

Decided once, for every zone:
- An unknown or absent restriction is REFUSED: read as the strictest it could close a country, read as none open an
  airport.
- A limit that is absent or not understood is none; a zone without times applies always; a purpose not said is
  AUTHORIZATION.
- A repair covers every reading of a faulty ring and grows none by more than a metre, else the zone is REFUSED.
- Of several zones with one identifier each is kept, the second as `id~2`.
- Features that a publisher hides, and masks over half of the world, are REFUSED as what they are.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import replace

from shapely.errors import GEOSException

from lowsky.airspace.reading import ed269, ed318, mapped
from lowsky.airspace.reading.declared import AS_PUBLISHED, Declared
from lowsky.airspace.reading.document import RepeatedKeys, parse, repeated_key
from lowsky.airspace.reading.field_mapping import FieldMapping, LimitSource, Source
from lowsky.airspace.reading.kml import lay_out_kml
from lowsky.airspace.reading.layout import Layout, format_of, lay_out
from lowsky.airspace.reading.pieces import opened
from lowsky.airspace.reading.report import (
    FilePosition,
    Format,
    Metadata,
    Note,
    Notes,
    Outcome,
    Reading,
    ReadZone,
    ReportEntry,
    UnreadableZones,
    ZoneRefused,
)
from lowsky.airspace.reading.values import mapping, text
from lowsky.geo.geozone import Geozone
from lowsky.geo.reference_systems import ReferenceSystem

__all__ = [
    "AS_PUBLISHED",
    "Declared",
    "FieldMapping",
    "FilePosition",
    "Format",
    "LimitSource",
    "Metadata",
    "Note",
    "Outcome",
    "ReadZone",
    "Reading",
    "ReportEntry",
    "Source",
    "UnreadableZones",
    "read",
]

PROGRESS_ZONES = 1_000
IDENTIFIER_LENGTH_MAX = 200
"""ED-318 says 7, publishers use up to some 60."""
_IDENTIFIER_KEYS = ("identifier", "id", "zoneId")


def read(
    data: bytes, declared: Declared = AS_PUBLISHED, on_progress: Callable[[int, int], None] | None = None
) -> Reading:
    """The zones of a published file, and the report of what became of each.

    Args:
        declared: What the publisher says of the file beyond what is in it.
        on_progress: Hears, each thousand zones, how many are read and how many there are.

    Raises:
        UnreadableZones: when the file as a whole cannot be read: not JSON or KML, without zones, too large, too deep.
    """
    layout = _lay_out(data, declared)
    entries = []
    for position, entry in enumerate(opened(layout.entries)):
        entries.append(_read_entry(position, entry, declared))
        if on_progress is not None and len(entries) % PROGRESS_ZONES == 0:
            on_progress(len(entries), len(layout.entries))
    return replace(_number(layout, entries), notes=_file_notes(declared))


def _file_notes(declared: Declared) -> tuple[Note, ...]:
    if declared.reference_system is not ReferenceSystem.CGCS2000:
        return ()
    message = "coordinates in CGCS2000 are taken as equal to WGS 84, from which they are some centimetres apart"
    return (Note("CGCS2000_TAKEN_AS_WGS_84", "", message),)


def _lay_out(data: bytes, declared: Declared) -> Layout:
    if declared.format is Format.KML:
        return lay_out_kml(data)
    document = parse(data)
    if isinstance(document, RepeatedKeys):
        raise UnreadableZones("REPEATED_KEY", f"the file names {document.key!r} twice")
    layout = lay_out(document)
    return layout if declared.format is None else replace(layout, format=declared.format)


def _read_entry(position: int, entry: object, declared: Declared) -> tuple[ReportEntry, ReadZone | None]:
    notes = Notes(declared.reference_system, declared.time_zone)
    identifier = ""
    try:
        if not isinstance(entry, dict):
            raise ZoneRefused("ZONE_UNREADABLE", "", "not a zone but a bare value")
        raw = _raw_identifier(entry) if declared.mapping is None else declared.mapping.identifier.of(entry)
        identifier = text(raw)[:IDENTIFIER_LENGTH_MAX]
        if (key := repeated_key(entry)) is not None:
            raise ZoneRefused("REPEATED_KEY", key, "named twice in one object: which value is meant cannot be known")
        published = _published_json(entry)
        if not identifier:
            identifier = f"unnamed-{hashlib.sha256(published).hexdigest()[:12]}"
            notes.mended("IDENTIFIER_ABSENT", "identifier", f"named {identifier} after its content")
        elif identifier != raw:
            notes.mended("IDENTIFIER_CHANGED", "identifier", "spaces around it, or what is no text, were taken away")
        geozone = replace(_read_zone(entry, identifier, declared, notes), terrain_m=declared.terrain_m)
    except ZoneRefused as refusal:
        return ReportEntry(position, identifier, Outcome.REFUSED, (*notes.found, refusal.note)), None
    except GEOSException as fault:
        note = Note("GEOMETRY_UNUSABLE", "geometry", f"the geometry engine gave up: {fault}")
        return ReportEntry(position, identifier, Outcome.REFUSED, (*notes.found, note)), None
    entry_notes = tuple(notes.found)
    report = ReportEntry(position, identifier, notes.outcome, entry_notes, notes.extent_growth_m2)
    return report, ReadZone(geozone, published, entry_notes, position)


def _read_zone(entry: dict[str, object], identifier: str, declared: Declared, notes: Notes) -> Geozone:
    if declared.mapping is not None:
        return mapped.read_zone(entry, identifier, declared.mapping, notes)
    if format_of(entry) is Format.ED_269:
        return ed269.read_zone(entry, identifier, notes)
    return ed318.read_zone(entry, identifier, notes)


def _number(layout: Layout, read_entries: list[tuple[ReportEntry, ReadZone | None]]) -> Reading:
    """The reading, in which each taken identifier is there once: `id`, `id~2`, `id~3`."""
    published = {zone.geozone.identifier for _, zone in read_entries if zone is not None}
    taken: set[str] = set()
    count: dict[str, int] = {}
    entries: list[ReportEntry] = []
    zones: list[ReadZone] = []
    for entry, zone in read_entries:
        if zone is not None:
            identifier = zone.geozone.identifier
            if identifier in taken:
                number = count.get(identifier, 2)
                while (name := f"{identifier}~{number}") in published:
                    number += 1
                count[identifier] = number + 1
                note = Note(
                    "IDENTIFIER_REPEATED", "identifier", f"{identifier} is there before: kept as {name}", repair=True
                )
                notes = (*zone.notes, note)
                zone = replace(zone, geozone=replace(zone.geozone, identifier=name), notes=notes)
                entry = replace(entry, identifier=name, outcome=Outcome.REPAIRED, notes=notes)
            taken.add(identifier)
            zones.append(zone)
        entries.append(entry)
    return Reading(layout.format, layout.metadata, tuple(zones), tuple(entries))


def _raw_identifier(entry: dict[str, object]) -> object:
    for source in (mapping(entry.get("properties")), entry):
        for key in _IDENTIFIER_KEYS:
            if text(source.get(key)):
                return source[key]
    return ""


def _published_json(entry: dict[str, object]) -> bytes:
    try:
        try:
            return json.dumps(entry, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which UTF-8 cannot hold
            return json.dumps(entry, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        raise ZoneRefused("NUMBER_OUT_OF_RANGE", "", "a number is too large to be kept") from None
