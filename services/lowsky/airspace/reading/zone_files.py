"""Reads published geozone files to geozones and a report: ED-269 and ED-318, and GeoJSON and KML by a field mapping.

`read` accepts the files of national publishers: either dialect in any known layout, including common faults. Each
published zone results in exactly one entry of the report, TAKEN, REPAIRED or REFUSED, with the reasons: never a silent
drop, never a smaller zone than published. Unclear values (a limit without a datum, an end at sunset) are read in the
wider way, and noted.

Rules for every zone:
- An unknown or absent restriction is REFUSED: read as the strictest it could close a country, read as none open an
  airport.
- An absent or unreadable limit means no limit; a zone without times applies always; an absent purpose is read as
  AUTHORIZATION.
- A repair covers every reading of a faulty ring and grows none by more than a metre, else the zone is REFUSED.
- Whether a ring of a polygon is a part, a hole or an island follows from how the rings lie, not from their order.
- Geometries that enclose no area (a line, a point or a wall) next to an outline are left out and noted.
- A zone of more text than its event could carry is REFUSED, unparsed.
- Of several zones with one identifier each is kept, the second as `id~2`.
- A stated reference system is followed (stated_systems.py); one that cannot be, or that contradicts what is declared,
  refuses the zone, or the file that states it.
- Features that a publisher hides, and masks over half of the world, are REFUSED as what they are.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from tempfile import TemporaryFile
from typing import BinaryIO

from shapely.errors import GEOSException

from lowsky.airspace.reading.attributes import json_values
from lowsky.airspace.reading.attributes.json_values import text
from lowsky.airspace.reading.attributes.permits import no_wider_permit
from lowsky.airspace.reading.attributes.published_paths import at_published_places
from lowsky.airspace.reading.attributes.repeated_identifiers import Numbers
from lowsky.airspace.reading.attributes.standard_layout import Arranged, arranged
from lowsky.airspace.reading.attributes.unused_values import LeftOver
from lowsky.airspace.reading.formats import ed269, ed318, json_parsing
from lowsky.airspace.reading.formats.file_layout import ZONES_MAX, metadata_left, metadata_of, single_format
from lowsky.airspace.reading.formats.json_parsing import FILE_BYTES_MAX, TooLarge, repeated_key
from lowsky.airspace.reading.formats.json_zones import JsonZones
from lowsky.airspace.reading.formats.kml import KmlZones
from lowsky.airspace.reading.formats.recognising import require_readable
from lowsky.airspace.reading.formats.stated_systems import system_of_file, system_of_zone
from lowsky.airspace.reading.mapping import mapped_zones
from lowsky.airspace.reading.mapping.declaration import AS_PUBLISHED, Declared
from lowsky.airspace.reading.report import (
    Format,
    Note,
    Notes,
    Reading,
    ReadZone,
    ReportEntry,
    UnreadableZones,
    ZoneOutcome,
    ZoneRefused,
)
from lowsky.geo.crs.datums import System
from lowsky.geo.crs.names import ReferenceSystem
from lowsky.geo.zones.geozone import Geozone

PROGRESS_ZONES = 1_000
IDENTIFIER_LENGTH_MAX = 200
"""ED-318 says 7, publishers use up to some 60."""


@contextmanager
def read(
    file: BinaryIO, declared: Declared = AS_PUBLISHED, on_progress: Callable[[int, int], None] | None = None
) -> Iterator[Reading]:
    """The zones of a published file, and a report on each.

    The file is processed twice: a first pass finds faults of the file, the second reads it zone by zone. However large
    it is, at most about ten times ZONE_TEXT_MAX of it is in memory.

    Args:
        file: Seekable.
        declared: What the publisher declares about the file.
        on_progress: Called after each thousand zones with the number of zones read and their total.

    Raises:
        UnreadableZones: when the file as a whole cannot be read: not JSON or KML, without zones, too large, too deep.
    """
    size = file.seek(0, os.SEEK_END)
    if size > FILE_BYTES_MAX:
        raise UnreadableZones("TOO_LARGE", f"the file has {size} bytes; {FILE_BYTES_MAX} is the most")
    require_readable(file, declared.format)
    with ExitStack() as files:

        def scratch() -> BinaryIO:
            return files.enter_context(TemporaryFile())

        zones = (KmlZones if declared.format is Format.KML else JsonZones)(file, scratch)
        yield _survey(zones, declared, on_progress)


def _survey(zones: KmlZones | JsonZones, declared: Declared, on_progress: Callable[[int, int], None] | None) -> Reading:
    formats: set[Format] = set()
    count, numbers, left_over = 0, Numbers(), LeftOver()
    for count, entry in enumerate(zones, 1):
        if count > ZONES_MAX:
            raise UnreadableZones("TOO_MANY_ZONES", f"the file has more than {ZONES_MAX} zones, which is the most")
        if isinstance(entry, dict):
            zone = _zone_of(entry, declared)
            formats.add(zone.format)
            identifier = _identifier(zone)
            numbers.keep_free(identifier)
            left_over.add(identifier, zone.left)
    left_over.add_of_file(metadata_left(zones.members))
    system = system_of_file(zones.collections, declared.reference_system)
    return Reading(
        declared.format or single_format(formats, zones.members),
        metadata_of(zones.members),
        count,
        _results(zones, count, system, declared, numbers, on_progress),
        (*_file_notes(system), *left_over.notes()),
    )


def _results(
    zones: Iterable[object],
    count: int,
    system: System,
    declared: Declared,
    numbers: Numbers,
    on_progress: Callable[[int, int], None] | None,
) -> Iterator[tuple[ReportEntry, ReadZone | None]]:
    for position, entry in enumerate(zones):
        yield numbers.numbered(*_read_entry(position, entry, system, declared))
        if on_progress is not None and (position + 1) % PROGRESS_ZONES == 0:
            on_progress(position + 1, count)


def _file_notes(system: System) -> tuple[Note, ...]:
    if system is not ReferenceSystem.CGCS2000:
        return ()
    message = "coordinates in CGCS2000 are taken as equal to WGS 84, from which they are some centimetres apart"
    return (Note("CGCS2000_TAKEN_AS_WGS_84", "", message),)


def _read_entry(
    position: int, entry: object, of_file: System, declared: Declared
) -> tuple[ReportEntry, ReadZone | None]:
    notes = Notes(of_file, declared.time_zone)
    identifier = ""
    try:
        if not isinstance(entry, dict):
            raise ZoneRefused("ZONE_UNREADABLE", "", "a zone must be a JSON object")
        zone = _zone_of(entry, declared)
        raw, identifier = zone.identifier, _identifier(zone)
        if isinstance(entry, TooLarge):
            message = f"the zone takes more than {json_parsing.ZONE_TEXT_MAX} characters, which is the most"
            raise ZoneRefused("ZONE_TOO_LARGE", "", message)
        if (key := repeated_key(entry)) is not None:
            raise ZoneRefused("REPEATED_KEY", key, "occurs twice in one object: it is unknown which value is meant")
        published = _published_json(entry)
        notes.reference_system = system_of_zone(entry, of_file, declared.reference_system)
        if not identifier:
            identifier = f"unnamed-{hashlib.sha256(published).hexdigest()[:12]}"
            notes.mended("IDENTIFIER_ABSENT", "identifier", f"named {identifier} after its content")
        elif identifier != raw:
            notes.mended("IDENTIFIER_CHANGED", "identifier", "surrounding or unprintable characters were removed")
        geozone = replace(_read_zone(zone, identifier, declared, notes), terrain_m=declared.terrain_m)
        geozone = no_wider_permit(geozone, notes)
    except ZoneRefused as refusal:
        return ReportEntry(position, identifier, ZoneOutcome.REFUSED, (*notes.all, refusal.note)), None
    except GEOSException as fault:
        note = Note("GEOMETRY_UNUSABLE", "geometry", f"the geometry engine failed: {fault}")
        return ReportEntry(position, identifier, ZoneOutcome.REFUSED, (*notes.all, note)), None
    entry_notes = notes.all
    report = ReportEntry(position, identifier, notes.outcome, entry_notes, notes.extent_growth_m2)
    return report, ReadZone(geozone, published, entry_notes, position)


def _zone_of(entry: dict[str, object], declared: Declared) -> Arranged:
    """An entry as its dialect or its mapping lays it out."""
    if declared.mapping is None:
        return arranged(entry)
    left = list(declared.mapping.unused(json_values.mapping(entry.get("properties"))))
    return Arranged(Format.GEOJSON, declared.mapping.identifier.of(entry), entry, {}, left)


def _read_zone(zone: Arranged, identifier: str, declared: Declared, notes: Notes) -> Geozone:
    if declared.mapping is not None:
        return mapped_zones.read_zone(zone.feature, identifier, declared.mapping, notes)
    zone.require_one_restriction()
    for doubt in zone.doubts:
        notes.unclear(doubt.reason, doubt.field, doubt.message)
    read_zone = ed269.read_zone if zone.format is Format.ED_269 else ed318.read_zone
    return at_published_places(read_zone, zone.feature, identifier, zone.paths, notes)


def _identifier(zone: Arranged) -> str:
    return text(zone.identifier)[:IDENTIFIER_LENGTH_MAX]


def _published_json(entry: dict[str, object]) -> bytes:
    try:
        try:
            return json.dumps(entry, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        except UnicodeEncodeError:  # half of a surrogate pair, which UTF-8 cannot hold
            return json.dumps(entry, allow_nan=False, separators=(",", ":")).encode()
    except ValueError:
        raise ZoneRefused("NUMBER_OUT_OF_RANGE", "", "a number is too large to be kept") from None
