"""Numbers zones that share an identifier, so that each is kept: `id`, `id~2`, `id~3`."""

from __future__ import annotations

import re
from dataclasses import replace

from lowsky.airspace.reading.report import Note, ReadZone, ReportEntry, ZoneOutcome

_NUMBERED = re.compile(r".*~\d+", re.DOTALL)


class Numbers:
    """Numbers zones whose identifier is repeated; never uses an identifier that the file itself contains."""

    def __init__(self) -> None:
        self._published: set[str] = set()
        self._taken: set[str] = set()
        self._next: dict[str, int] = {}

    def keep_free(self, identifier: str) -> None:
        """Reserves an identifier of the file: call it for all zones before the first is numbered."""
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
            message = f"{identifier} is repeated: kept as {name}"
            notes = (*zone.notes, Note("IDENTIFIER_REPEATED", "identifier", message, repair=True))
            zone = replace(zone, geozone=replace(zone.geozone, identifier=name), notes=notes)
            entry = replace(entry, identifier=name, outcome=ZoneOutcome.REPAIRED, notes=notes)
        self._taken.add(identifier)
        return entry, zone
