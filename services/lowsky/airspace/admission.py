"""From a reading of a file to the zones that may come into force: named, their authorities known, all reported."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lowsky.airspace.domain.deciding import Directory, resolve
from lowsky.airspace.domain.naming import geozone_name
from lowsky.airspace.reading import Format, Note, Outcome, Reading, ReportEntry
from lowsky.geo.geozone import Geozone


@dataclass(frozen=True, slots=True)
class AdmittedZone:
    """A zone under its resource name; `published_json` is its own part of the file."""

    name: str
    geozone: Geozone
    notes: tuple[Note, ...]
    published_json: bytes
    position: int


@dataclass(frozen=True, slots=True)
class Admission:
    """What an import of a file comes to. Each entry that is not refused has its zone."""

    format: Format
    title: str
    zones: tuple[AdmittedZone, ...]
    entries: tuple[ReportEntry, ...]
    file_notes: tuple[Note, ...] = ()
    """Of the file as a whole."""

    def count(self, outcome: Outcome) -> int:
        """How many published zones had that outcome."""
        return sum(entry.outcome is outcome for entry in self.entries)

    def without(self, refusals: dict[int, Note]) -> Admission:
        """The same with further zones refused, by position in the file."""
        if not refusals:
            return self
        entries = tuple(
            replace(entry, outcome=Outcome.REFUSED, notes=(*entry.notes, refusals[entry.position]))
            if entry.position in refusals
            else entry
            for entry in self.entries
        )
        zones = tuple(zone for zone in self.zones if zone.position not in refusals)
        return replace(self, zones=zones, entries=entries)


def admit(reading: Reading, dataset: str, directory: Directory) -> Admission:
    """Names each zone that was read and finds who decides for it."""
    zones: list[AdmittedZone] = []
    entries = list(reading.entries)
    for read_zone in reading.zones:
        geozone, remarks = resolve(read_zone.geozone, directory)
        notes = (*read_zone.notes, *(Note(remark.reason, remark.field, remark.message) for remark in remarks))
        name = geozone_name(dataset, geozone.identifier)
        zones.append(AdmittedZone(name, geozone, notes, read_zone.published_json, read_zone.position))
        entries[read_zone.position] = replace(entries[read_zone.position], notes=notes)
    return Admission(reading.format, reading.metadata.title, tuple(zones), tuple(entries), reading.notes)
