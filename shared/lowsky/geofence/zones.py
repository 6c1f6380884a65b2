"""The geofence: which zones a plan enters, in plan view, altitude and time, and what follows from each.

Where altitudes cannot be compared exactly the plan counts as inside, and the finding says so. A zone that needs
somebody's word but names nobody who can give it blocks: silence is not consent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lowsky.geo.altitude import ANYWHERE, AltitudeBand, VerticalReference
from lowsky.geo.geozone import Geozone, Purpose, Restriction
from lowsky.geo.volumes import Volumes
from lowsky.geo.zone_index import IndexedZone, Touches, ZoneIndex
from lowsky.geofence.findings import Finding, Rule, Severity
from lowsky.geofence.meetings import Meeting, meetings

_RULES = {
    Restriction.PROHIBITED: Rule.GEOZONE_PROHIBITED,
    Restriction.REQ_AUTHORIZATION: Rule.GEOZONE_AUTHORIZATION,
    Restriction.CONDITIONAL: Rule.GEOZONE_CONDITIONAL,
    Restriction.USPACE: Rule.GEOZONE_USPACE,
    Restriction.NO_RESTRICTION: Rule.GEOZONE_NOTIFICATION,
}

_NEEDS_WORD = frozenset({Restriction.REQ_AUTHORIZATION, Restriction.CONDITIONAL})

RUNS_NAMED_MAX = 10
"""Of neighbouring legs, in the text of a finding; the finding itself names each leg."""

TITLE_MAX = 200
"""Characters of a zone's title in a finding: published ones run to pages, and a plan may meet a thousand zones."""


def geofence(
    zones: ZoneIndex[object], volumes: Volumes, plans: int, reference: VerticalReference = ANYWHERE
) -> list[list[Finding]]:
    """The findings of each plan of a batch, by the plan's place in it: one for each zone that it enters."""
    return findings_of(zones, zones.touching(volumes, reference), volumes, plans, reference)


def findings_of(
    zones: ZoneIndex[object], touches: Touches, volumes: Volumes, plans: int, reference: VerticalReference
) -> list[list[Finding]]:
    """The same, of zones that were looked for already."""
    findings: list[list[Finding]] = [[] for _ in range(plans)]
    asked: dict[int, _Ask | None] = {}
    for meeting in meetings(zones, touches, volumes, reference):
        if meeting.zone not in asked:
            asked[meeting.zone] = _ask(zones.zones[meeting.zone])
        ask = asked[meeting.zone]
        if ask is not None:
            findings[meeting.plan].append(_finding(ask, meeting))
    return findings


@dataclass(frozen=True, slots=True)
class _Ask:
    """What a zone asks of whoever enters it."""

    name: str
    title: str
    restriction: Restriction
    severity: Severity
    deciding: tuple[str, ...]
    notified: tuple[str, ...]


def _ask(zone: IndexedZone[object]) -> _Ask | None:
    geozone = zone.geozone
    deciding, notified = _named(geozone, Purpose.AUTHORIZATION), _named(geozone, Purpose.NOTIFICATION)
    severity = _severity(geozone.restriction, deciding, notified)
    if severity is None:
        return None
    if severity is not Severity.AUTHORIZATION:
        deciding = ()
    return _Ask(zone.name, title_of(geozone), geozone.restriction, severity, deciding, notified)


def _finding(ask: _Ask, meeting: Meeting) -> Finding:
    plan_amsl_m, zone_amsl_m = meeting.reach_m or (None, None)
    return Finding(
        rule=_RULES[ask.restriction],
        severity=ask.severity,
        subject=ask.name,
        subject_title=ask.title,
        volumes=meeting.legs,
        message=_message(ask, meeting) + _doubt(plan_amsl_m, zone_amsl_m),
        plan_altitude=meeting.plan_altitude,
        subject_altitude=meeting.zone_altitude,
        start_s=meeting.start_s,
        end_s=meeting.end_s,
        altitude_uncertain=meeting.reach_m is not None,
        plan_amsl_m=plan_amsl_m,
        subject_amsl_m=zone_amsl_m,
        deciding=ask.deciding,
        notified=ask.notified,
    )


def title_of(geozone: Geozone) -> str:
    """What a zone is called in a finding."""
    return (geozone.names[0].text if geozone.names else geozone.identifier)[:TITLE_MAX]


def _severity(restriction: Restriction, deciding: Sequence[str], notified: Sequence[str]) -> Severity | None:
    if restriction is Restriction.PROHIBITED:
        return Severity.BLOCKING
    if restriction in _NEEDS_WORD:
        return Severity.AUTHORIZATION if deciding else Severity.BLOCKING
    if restriction is Restriction.USPACE:
        if deciding:
            return Severity.AUTHORIZATION
        return Severity.NOTIFICATION if notified else Severity.INFORMATION
    return Severity.NOTIFICATION if notified else None


def _named(geozone: Geozone, purpose: Purpose) -> tuple[str, ...]:
    names = (authority.authority for authority in geozone.authorities_for(purpose))
    return tuple(dict.fromkeys(name for name in names if name))


_CONSEQUENCES = {
    Restriction.PROHIBITED: "Flight is prohibited there: plan around it, above or below it, or at another time.",
    Restriction.REQ_AUTHORIZATION: "An authority must agree.",
    Restriction.CONDITIONAL: "Conditions apply there: an officer decides whether they are met.",
    Restriction.USPACE: "It is U-space airspace.",
    Restriction.NO_RESTRICTION: "The flight is announced there.",
}


def _message(ask: _Ask, meeting: Meeting) -> str:
    verb = "meets" if len(meeting.legs) == 1 else "meet"
    at = datetime.fromtimestamp(meeting.start_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    consequence = _CONSEQUENCES[ask.restriction]
    if ask.severity is Severity.BLOCKING and ask.restriction in _NEEDS_WORD:
        consequence = "Somebody must agree, but no registered authority answers for this zone."
    heights, zone_heights = _heights(meeting.plan_altitude), _heights(meeting.zone_altitude)
    return f"{leg_numbers(meeting.legs)} at {heights}, from {at}, {verb} {ask.title} ({zone_heights}). {consequence}"


def _doubt(plan_amsl_m: tuple[float, float] | None, zone_amsl_m: tuple[float, float] | None) -> str:
    if plan_amsl_m is None or zone_amsl_m is None:
        return ""
    return (
        " Whether the altitudes meet is not known well enough, so they are taken to meet:"
        f" the flight may be {_span(plan_amsl_m)} there, the zone {_span(zone_amsl_m)}."
    )


def _span(amsl_m: tuple[float, float]) -> str:
    """As in "12 to 45 m above sea level", rounded outwards."""
    least, greatest = amsl_m
    if least == -math.inf:
        return "at any height" if greatest == math.inf else f"up to {math.ceil(greatest)} m above sea level"
    if greatest == math.inf:
        return f"{math.floor(least)} m above sea level and higher"
    return f"{math.floor(least)} to {math.ceil(greatest)} m above sea level"


def leg_numbers(legs: Sequence[int]) -> str:
    """As in "Legs 1 to 4, 8": runs of legs, the first few. People count from 1, machines (Finding.volumes) from 0."""
    runs: list[list[int]] = []
    for leg in legs:
        if runs and leg == runs[-1][1] + 1:
            runs[-1][1] = leg
        else:
            runs.append([leg, leg])
    texts = [f"{first + 1}" if first == last else f"{first + 1} to {last + 1}" for first, last in runs[:RUNS_NAMED_MAX]]
    numbers = ", ".join(texts) + (", …" if len(runs) > RUNS_NAMED_MAX else "")
    return f"Leg {numbers}" if len(legs) == 1 else f"Legs {numbers}"


def _heights(band: AltitudeBand) -> str:
    lower = "the ground" if band.lower_m == -math.inf else f"{band.lower_m:.0f} m {_DATUM_TEXT[band.lower_datum]}"
    if band.upper_m == math.inf:
        return f"{lower} upwards"
    if band.lower_datum is band.upper_datum and band.lower_m != -math.inf:
        return f"{band.lower_m:.0f}–{band.upper_m:.0f} m {_DATUM_TEXT[band.upper_datum]}"
    return f"{lower} to {band.upper_m:.0f} m {_DATUM_TEXT[band.upper_datum]}"


_DATUM_TEXT = {
    "AGL": "above ground",
    "AMSL": "above sea level",
    "WGS84": "above the ellipsoid",
    "TAKEOFF": "above take-off",
}
