"""The report of an import as a message, built entry by entry; and shortened to fit into a status."""

from __future__ import annotations

from collections.abc import Iterable

from lowsky.airspace.codec.zones import notes_to_messages
from lowsky.airspace.reading import Note, ReportEntry, ZoneOutcome
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.errors import Invalid, Precondition

REPORT_BYTES_MAX = 48 * 1024 * 1024
"""A response has at most 64 MiB. 100 000 zones with two notes each take 30 MB."""

STATUS_REPORT_BYTES_MAX = 4_000
"""Status details are sent in the trailers, in base64; clients commonly accept 8 kB for all trailers together."""

_Outcome = pb.ReportEntry.Outcome


class ReportMessage:
    """Collects the result for each zone of a file, in file order; `message` is the report so far."""

    def __init__(self, file_format: str, file_notes: Iterable[Note]) -> None:
        self.message = pb.ImportReport(format=file_format, notes=notes_to_messages(file_notes))
        self._bytes = 0

    def add(self, entry: ReportEntry, notes: Iterable[Note], name: str) -> None:
        """The entry of the next zone, with these notes; `name` is empty where it was refused.

        Raises:
            Invalid: TOO_LARGE, the report is more than REPORT_BYTES_MAX.
        """
        found = self.message.entries.add(
            position=entry.position,
            identifier=entry.identifier,
            outcome=_Outcome.Value(f"OUTCOME_{entry.outcome}"),
            notes=notes_to_messages(notes),
            extent_growth_m2=entry.extent_growth_m2,
            geozone=name,
        )
        self._bytes += found.ByteSize()
        if self._bytes > REPORT_BYTES_MAX:
            message = f"the report of the file exceeds {REPORT_BYTES_MAX} bytes: correct the most frequent faults"
            raise Invalid.field("chunk", message, "TOO_LARGE", limit=str(REPORT_BYTES_MAX))
        if entry.outcome is ZoneOutcome.TAKEN:
            self.message.taken += 1
        elif entry.outcome is ZoneOutcome.REPAIRED:
            self.message.repaired += 1
        else:
            self.message.refused += 1

    def note(self, notes: Iterable[Note]) -> None:
        """Adds notes on the file as a whole."""
        self.message.notes.extend(notes_to_messages(notes))

    def require_acceptable(self, *, accept_valid: bool) -> None:
        """Raises Precondition when zones were refused and the publisher does not accept that, or all were refused."""
        refused, zones = self.message.refused, len(self.message.entries)
        if not refused or (accept_valid and refused < zones):
            return
        named = refused_only(self.message)
        raise Precondition(
            "ZONES_REFUSED",
            f"{refused} of {zones} zones were refused, the dataset stays unchanged; "
            "validate_only gives the complete report, ON_ERROR_ACCEPT_VALID imports the other zones",
            metadata={"refused": str(refused), "named": str(len(named.entries))},
            details=[named],
        )


def refused_only(report: pb.ImportReport) -> pb.ImportReport:
    """The counts and the refused zones, each with the note that refused it: as many as fit into a status."""
    short = pb.ImportReport(format=report.format, taken=report.taken, repaired=report.repaired, refused=report.refused)
    for entry in report.entries:
        if entry.outcome != _Outcome.OUTCOME_REFUSED:
            continue
        note = pb.ReportNote()
        note.CopyFrom(entry.notes[-1])
        note.message = note.message[:300]
        found = pb.ReportEntry(
            position=entry.position, identifier=entry.identifier, outcome=entry.outcome, notes=[note]
        )
        if short.ByteSize() + found.ByteSize() > STATUS_REPORT_BYTES_MAX:
            break
        short.entries.append(found)
    return short
