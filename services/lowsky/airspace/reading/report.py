"""The result of reading a published file: its zones, and a report on each published zone with reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from lowsky.geo.crs.datums import System
from lowsky.geo.crs.names import ReferenceSystem
from lowsky.geo.zones.geozone import Geozone, LocalizedText


class Format(StrEnum):
    """The dialect of a file; MIXED when its zones are in both. GEOJSON and KML are read by a mapping."""

    ED_269 = "ED-269"
    ED_318 = "ED-318"
    MIXED = "MIXED"
    GEOJSON = "GeoJSON"
    KML = "KML"


class ZoneOutcome(StrEnum):
    """The result of reading a published zone."""

    TAKEN = "TAKEN"
    """As published; notes say where an unclear limit or time was read as the wider."""
    REPAIRED = "REPAIRED"
    """With a mended outline, value or identifier, at most about a metre larger than published and never smaller; or
    converted from another reference system, and larger by the error of that."""
    REFUSED = "REFUSED"
    """Not imported: the notes state why."""


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that was found in a zone: a stable reason in UPPER_SNAKE, where in the zone, and what it means.

    `repair` marks what was mended, as against what was only unclear and read as the wider.
    """

    reason: str
    field: str
    message: str
    repair: bool = False


@dataclass(frozen=True, slots=True)
class ReportEntry:
    """The outcome for one published zone.

    `position` counts the zones of the file from 0. `identifier` is the one it was taken under; for a refused zone the
    published one, or "" when it has none. `extent_growth_m2` is by how much repairs enlarged the outlines, beyond the
    smallest reading.
    """

    position: int
    identifier: str
    outcome: ZoneOutcome
    notes: tuple[Note, ...] = ()
    extent_growth_m2: float = 0.0


@dataclass(frozen=True, slots=True)
class ReadZone:
    """A zone that was taken: `published_json` is its own part of the file, as UTF-8 JSON."""

    geozone: Geozone
    published_json: bytes
    notes: tuple[Note, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Metadata:
    """Metadata of the file. `other` holds its remaining top-level members, as JSON values."""

    title: str = ""
    provider: tuple[LocalizedText, ...] = ()
    description: tuple[LocalizedText, ...] = ()
    issued: datetime | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    other: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """A file that can be read: how many zones are published in it, and what becomes of each, in order.

    Each is read when it is asked for, so that no more than one is in memory. An entry that is not refused has a zone.
    """

    format: Format
    metadata: Metadata
    count: int
    results: Iterator[tuple[ReportEntry, ReadZone | None]]
    notes: tuple[Note, ...] = ()
    """Of the file as a whole."""


@dataclass(frozen=True, slots=True)
class FilePosition:
    """A place in a file: `byte` from 0, `line` and `column` from 1; None where the fault is the file's as a whole."""

    byte: int
    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line} column {self.column} (byte {self.byte})"


class UnreadableZones(Exception):
    """The file as a whole cannot be read, so no zone of it was taken.

    `reason` is stable: TOO_LARGE, NOT_UTF8, NOT_JSON, NOT_A_NUMBER, TOO_DEEP, REPEATED_KEY, NOT_A_ZONE_FILE,
    TOO_MANY_ZONES, CRS_UNSUPPORTED, CRS_CONTRADICTED; FORMAT_UNSUPPORTED of a file in another format, FORMAT_MISMATCH
    of one that is not declared as what it is; of KML and KMZ also NOT_XML, XML_FORBIDDEN, ENCODING_UNSUPPORTED,
    NOT_KMZ, ZIP_BOMB, SEVERAL_DOCUMENTS.
    """

    def __init__(self, reason: str, message: str, position: FilePosition | None = None) -> None:
        super().__init__(f"{reason}: {message}" + (f", at {position}" if position else ""))
        self.reason = reason
        self.message = message
        self.position = position


class ZoneRefused(Exception):
    """Raised inside the readers when a zone cannot be interpreted safely; `read` turns it into a report entry."""

    def __init__(self, reason: str, field: str, message: str) -> None:
        super().__init__(f"{reason} at {field}: {message}")
        self.note = Note(reason, field, message)


class Notes:
    """Collects what is found in one zone, and by how much repairs enlarged it.

    `reference_system` is what its coordinates are published in, as declared or as the file states; `time_zone` whose
    clock its times are by where they do not say it, as declared.
    """

    def __init__(self, reference_system: System = ReferenceSystem.WGS_84, time_zone: str = "") -> None:
        self.reference_system = reference_system
        self.time_zone = time_zone
        self.found: list[Note] = []
        self.extent_growth_m2 = 0.0
        self._mended = False
        self._more = 0

    def unclear(self, reason: str, field: str, message: str) -> None:
        """Notes a value that was read in the wider way, or left out because it limits nothing."""
        self._add(Note(reason, field, message))

    def mended(self, reason: str, field: str, message: str, extent_growth_m2: float = 0.0) -> None:
        """Notes a repair."""
        self._add(Note(reason, field, message, repair=True))
        self._mended = True
        self.extent_growth_m2 += extent_growth_m2

    @property
    def outcome(self) -> ZoneOutcome:
        """TAKEN, or REPAIRED when anything was mended."""
        return ZoneOutcome.REPAIRED if self._mended else ZoneOutcome.TAKEN

    @property
    def all(self) -> tuple[Note, ...]:
        """What was found, and where it is more than NOTES_MAX, how much more."""
        if not self._more:
            return tuple(self.found)
        message = f"{self._more} more were found in this zone, and are not listed"
        return (*self.found, Note("MORE_NOTES", "", message))

    def _add(self, note: Note) -> None:
        if note in self.found:
            return
        if len(self.found) < NOTES_MAX:
            self.found.append(note)
        else:
            self._more += 1


NOTES_MAX = 100
"""A zone with a fault in each of its thousand vertices is described well enough by a hundred."""
