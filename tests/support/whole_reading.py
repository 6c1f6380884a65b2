"""A file read as a whole, as tests look at it."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

from lowsky.airspace import reading
from lowsky.airspace.reading import AS_PUBLISHED, Declared, Format, Metadata, Note, ReadZone, ReportEntry, ZoneOutcome


@dataclass(frozen=True)
class WholeReading:
    """An entry for each published zone, and the zones of those that are not refused."""

    format: Format
    metadata: Metadata
    zones: tuple[ReadZone, ...]
    entries: tuple[ReportEntry, ...]
    notes: tuple[Note, ...]

    def count(self, outcome: ZoneOutcome) -> int:
        return sum(entry.outcome is outcome for entry in self.entries)


def read(
    data: bytes, declared: Declared = AS_PUBLISHED, on_progress: Callable[[int, int], None] | None = None
) -> WholeReading:
    with reading.read(io.BytesIO(data), declared, on_progress) as found:
        results = list(found.results)
    assert len(results) == found.count
    zones = tuple(zone for _, zone in results if zone is not None)
    return WholeReading(found.format, found.metadata, zones, tuple(entry for entry, _ in results), found.notes)
