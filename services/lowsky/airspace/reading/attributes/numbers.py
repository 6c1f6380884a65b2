"""Of several zones with one identifier each is kept: `id`, `id~2`, `id~3`."""

from __future__ import annotations

import re
from dataclasses import replace

from lowsky.airspace.reading.report import Note, ReadZone, ReportEntry, ZoneOutcome

_NUMBERED = re.compile(r".*~\d+", re.DOTALL)


class Numbers:
    """Gives numbers to zones whose identifier was there before; never one that the file uses itself."""

    def __init__(self) -> None:
        self._published: set[str] = set()
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def keep_free(self, identifier: str) -> None:
        """Says that a zone of the file has it: all are to be named before the first is numbered."""
        if _NUMBERED.fullmatch(identifier):
            self._published.add(identifier)

    def numbered(self, entry: ReportEntry, zone: ReadZone | None) -> tuple[ReportEntry, ReadZone | None]:
        """The same, under an identifier that no zone before it has."""
        if zone is None:
            return entry, zone
        identifier = zone.geozone.identifier
        if identifier in self._taken:
            number = self._next.get(identifier, 2)
            while (name := f"{identifier}~{number}") in self._published:
                number += 1
            self._next[identifier] = number + 1
            message = f"{identifier} is there before: kept as {name}"
            notes = (*zone.notes, Note("IDENTIFIER_REPEATED", "identifier", message, repair=True))
            zone = replace(zone, geozone=replace(zone.geozone, identifier=name), notes=notes)
            entry = replace(entry, identifier=name, outcome=ZoneOutcome.REPAIRED, notes=notes)
        self._taken.add(identifier)
        return entry, zone
