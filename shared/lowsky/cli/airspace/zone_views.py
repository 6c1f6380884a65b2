"""Formats geozones and import reports for the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import RenderableType
from rich.text import Text

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.cli.output import clean, facts, row, table
from lowsky.cli.values import enum_name, last, show_band, show_time

_OUTCOME = {
    pb.ReportEntry.OUTCOME_TAKEN: "taken",
    pb.ReportEntry.OUTCOME_REPAIRED: "repaired",
    pb.ReportEntry.OUTCOME_REFUSED: "refused",
}


def import_report(response: pb.ImportGeozonesResponse, *, dry_run: bool) -> Iterator[RenderableType]:
    """Counts, the difference to the current version, and each zone that was repaired or refused."""
    report, dataset = response.report, response.dataset
    yield facts(
        format=report.format,
        taken=str(report.taken),
        repaired=str(report.repaired),
        refused=str(report.refused),
        dataset=_dataset(dataset) if dataset.name else "",
        changed="nothing, this was a dry run" if dry_run else "",
    )
    for note in report.notes:
        yield Text(clean(f"{note.reason}: {note.message}"), style="yellow")
    if response.HasField("difference"):
        yield from _difference(response.difference, dry_run=dry_run)
    noted = [entry for entry in report.entries if entry.outcome != pb.ReportEntry.OUTCOME_TAKEN or entry.notes]
    if not noted:
        return
    made = table("#", "zone", "outcome", "why")
    for entry in noted:
        why = [f"{note.reason}: {note.message}" + (f" ({note.field})" if note.field else "") for note in entry.notes]
        if entry.extent_growth_m2:
            why.append(f"larger by {entry.extent_growth_m2:.2g} m²")
        # People count from 1; the report counts from 0.
        row(made, str(entry.position + 1), entry.identifier, _OUTCOME.get(entry.outcome, "?"), "\n".join(why))
    yield made


def rollback(response: pb.RollbackDatasetResponse, *, dry_run: bool) -> Iterator[RenderableType]:
    """The dataset and what the rollback changes in it."""
    yield facts(dataset=_dataset(response.dataset), changed="nothing, this was a dry run" if dry_run else "")
    yield from _difference(response.difference, dry_run=dry_run)


def _dataset(dataset: pb.Dataset) -> str:
    return f"{dataset.name}, version {dataset.version}, {dataset.geozone_count} zones"


def _difference(difference: pb.ImportDifference, *, dry_run: bool) -> Iterator[RenderableType]:
    since = f"version {difference.from_version}" if difference.from_version else "nothing, the dataset is new"
    yield facts(
        **{"would change" if dry_run else "changed since": since},
        added=str(difference.added),
        changed=str(difference.changed),
        removed=str(difference.removed),
        unchanged=str(difference.unchanged),
        gained=_area(difference.area_gained_m2),
        lost=_area(difference.area_lost_m2),
        **{"protect less": "\n".join(map(_protection_lost, difference.losses))},
        confirm=f"--confirm {difference.digest}, if this much is to be removed"
        if dry_run and difference.needs_confirmation
        else "",
    )
    if not difference.zones:
        return
    made = table("zone", "is", "in what", "protects less in", "gains", "loses")
    for change in difference.zones:
        aspects = ", ".join(enum_name(pb.ZoneChange.Aspect, aspect) for aspect in change.aspects)
        losses = ", ".join(enum_name(pb.ProtectionLost.Loss, loss) for loss in change.losses)
        areas = (_area(change.area_gained_m2), _area(change.area_lost_m2))
        row(made, change.identifier, enum_name(pb.ZoneChange.Kind, change.kind), aspects, losses, *areas)
    if difference.unnamed:
        row(made, f"… and {difference.unnamed} more", "", "", "", "", "")
    yield made


def _protection_lost(lost: pb.ProtectionLost) -> str:
    more = ", …" if lost.zones > len(lost.first) else ""
    return f"{enum_name(pb.ProtectionLost.Loss, lost.loss)} {lost.zones}: {', '.join(map(last, lost.first))}{more}"


def _area(area_m2: float) -> str:
    if area_m2 == 0.0:
        return "0"
    return f"{area_m2 / 1e6:,.2f} km²" if area_m2 >= 10_000 else f"{area_m2:,.3g} m²"


def geozone(zone: pb.Geozone, *, published: bool, written: Sequence[Path] = ()) -> Iterator[RenderableType]:
    """One zone, with everything that matters for planning a flight."""
    yield facts(
        name=zone.name,
        called=title(zone),
        restriction=enum_name(pb.Restriction, zone.restriction),
        reasons=", ".join(zone.reasons),
        altitudes=altitudes(zone),
        applies=_applicability(zone.applicability),
        authorities="\n".join(_authority(one) for one in zone.authorities),
        message="\n".join(text.text for text in zone.messages),
        dataset=f"{zone.dataset}, version {zone.dataset_version}",
        country=zone.country,
        notes="\n".join(f"{note.reason}: {note.message}" for note in zone.notes),
    )
    for file in written:
        link = file.resolve().as_uri()
        yield Text.assemble("map: ", (link, f"link {link}"))
    if published:
        yield clean(zone.published_json)


def title(zone: pb.Geozone) -> str:
    """Its name in the first language given."""
    return zone.titles[0].text if zone.titles else ""


def altitudes(zone: pb.Geozone) -> str:
    """The altitudes of the layers, without duplicates."""
    return "\n".join(dict.fromkeys(show_band(layer.altitude) for layer in zone.layers))


def _authority(one: pb.ZoneAuthority) -> str:
    called = one.authority or (one.names[0].text if one.names else "unnamed")
    reached = ", ".join(filter(None, (one.email, one.phone, one.site_url)))
    return f"{enum_name(pb.AuthorityPurpose, one.purpose)} {last(called)}" + (f" ({reached})" if reached else "")


def _applicability(applicability: pb.Applicability) -> str:
    if not applicability.periods:
        return "always"
    lines = []
    for period in applicability.periods:
        start = show_time(period.start_time) or "since ever"
        end = show_time(period.end_time) or "until further notice"
        hours = "; ".join(_hours(entry) for entry in period.schedule)
        lines.append(f"{start} to {end}" + (f": {hours}" if hours else ""))
    return "\n".join(lines)


_DAYS = ("", "Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")


def _hours(entry: pb.ScheduleEntry) -> str:
    days = " ".join(_DAYS[day] for day in entry.weekdays if 1 <= day <= 7)
    bounds = ((entry.start_event, entry.start), (entry.end_event, entry.end))
    times = [
        enum_name(pb.SunEvent, event) if event else f"{time.seconds // 3600:02d}:{time.seconds % 3600 // 60:02d}"
        for event, time in bounds
    ]
    clock = entry.time_zone or "UTC"
    return f"{days} {times[0]}-{times[1]} {clock}" + (" (taken as all day)" if entry.uncertain else "")
