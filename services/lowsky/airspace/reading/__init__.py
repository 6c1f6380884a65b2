"""Published geozone files, of every supported format, to geozones and a report."""

from lowsky.airspace.reading.mapping.declaration import AS_PUBLISHED, Declared
from lowsky.airspace.reading.mapping.field_mapping import FieldMapping, LimitSource, Source
from lowsky.airspace.reading.mapping.value_patterns import Pattern
from lowsky.airspace.reading.report import (
    FilePosition,
    Format,
    Metadata,
    Note,
    Reading,
    ReadZone,
    ReportEntry,
    UnreadableZones,
    ZoneOutcome,
)
from lowsky.airspace.reading.zone_files import read

__all__ = [
    "AS_PUBLISHED",
    "Declared",
    "FieldMapping",
    "FilePosition",
    "Format",
    "LimitSource",
    "Metadata",
    "Note",
    "Pattern",
    "ReadZone",
    "Reading",
    "ReportEntry",
    "Source",
    "UnreadableZones",
    "ZoneOutcome",
    "read",
]
