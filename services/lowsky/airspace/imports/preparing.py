"""The part of an import that is done before the airspace is locked: reads a file, zone by zone, to packed zones and a
report."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import BinaryIO

from lowsky.airspace.admission import admit
from lowsky.airspace.codec.imports.packed_zones import PackedZones
from lowsky.airspace.codec.imports.reports import ReportMessage
from lowsky.airspace.codec.zones import ZONE_BYTES_MAX, pack
from lowsky.airspace.domain.deciding_authorities import Directory
from lowsky.airspace.reading import Declared, Note, ZoneOutcome, read


@dataclass(frozen=True, slots=True)
class Prepared:
    """The result of reading a file; `title` is the one in the file."""

    title: str
    zones: PackedZones
    report: ReportMessage


def prepare(
    file: BinaryIO,
    declared: Declared,
    dataset: str,
    directory: Directory,
    zones: PackedZones,
    on_progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Appends the zones of a file to `zones`. Zones whose event is too large for the event log are refused.

    Raises:
        UnreadableZones: The file as a whole cannot be read.
        Invalid: Its zones or its report are too large together.
        Overloaded: This worker has no room for them.
    """
    with read(file, declared, on_progress) as reading:
        report = ReportMessage(reading.format, reading.notes)
        for entry, read_zone in reading.results:
            notes, name = entry.notes, ""
            if read_zone is not None:
                admitted = admit(read_zone, dataset, directory)
                notes, packed = admitted.notes, pack(admitted, dataset)
                size = len(packed.event)
                if size > ZONE_BYTES_MAX:
                    entry = replace(entry, outcome=ZoneOutcome.REFUSED)
                    message = f"the zone and its published text take {size} bytes; at most {ZONE_BYTES_MAX} are allowed"
                    notes = (*notes, Note("ZONE_TOO_LARGE", "", message))
                else:
                    zones.append(packed)
                    name = packed.name
            report.add(entry, notes, name)
        return Prepared(reading.metadata.title, zones, report)
