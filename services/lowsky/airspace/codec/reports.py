"""The report of an import as a message, whole and cut to what fits into a status."""

from __future__ import annotations

from lowsky.airspace.admission import Admission
from lowsky.airspace.codec.zones import notes_to_messages
from lowsky.airspace.reading import Outcome
from lowsky.api.airspace.v1 import geozones_pb2 as pb

STATUS_REPORT_BYTES_MAX = 4_000
"""Details travel in the trailers, in base64, and 8 kB is what clients commonly take of all trailers together."""

_Outcome = pb.ReportEntry.Outcome


def to_message(admission: Admission) -> pb.ImportReport:
    """The report: an entry for each zone of the file, in its order."""
    names = {zone.position: zone.name for zone in admission.zones}
    return pb.ImportReport(
        format=admission.format,
        taken=admission.count(Outcome.TAKEN),
        repaired=admission.count(Outcome.REPAIRED),
        refused=admission.count(Outcome.REFUSED),
        entries=[
            pb.ReportEntry(
                position=entry.position,
                identifier=entry.identifier,
                outcome=_Outcome.Value(f"OUTCOME_{entry.outcome}"),
                notes=notes_to_messages(entry.notes),
                extent_growth_m2=entry.extent_growth_m2,
                geozone=names.get(entry.position, ""),
            )
            for entry in admission.entries
        ],
        notes=notes_to_messages(admission.file_notes),
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
