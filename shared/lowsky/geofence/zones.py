"""The geofence: which zones a plan enters, in plan view, altitude and time, and what follows from each.

Where altitudes cannot be compared exactly the plan counts as inside, and the finding states so. A zone that requires
approval but names no registered authority that can give it blocks the flight: silence is not consent. So does a zone
with a restriction that only a later version knows. Authorities to be notified are named
in a finding, registered or not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from weakref import WeakKeyDictionary

from lowsky.findings.finding import Finding, Rule, Severity
from lowsky.geo.heights.altitude import ANYWHERE, VerticalReference
from lowsky.geo.volumes.volumes import Volumes
from lowsky.geo.zones.geozone import Geozone, Purpose, Restriction
from lowsky.geo.zones.index import IndexedZone, Touches, ZoneIndex
from lowsky.geofence.height_texts import AmslRange, span
from lowsky.geofence.meetings import ZoneEntry, meetings
from lowsky.geofence.unregistered_authorities import to_notify, unregistered, who_must_agree

_RULES = {
    Restriction.PROHIBITED: Rule.GEOZONE_PROHIBITED,
    Restriction.REQ_AUTHORIZATION: Rule.GEOZONE_AUTHORIZATION,
    Restriction.CONDITIONAL: Rule.GEOZONE_CONDITIONAL,
    Restriction.USPACE: Rule.GEOZONE_USPACE,
    Restriction.NO_RESTRICTION: Rule.GEOZONE_NOTIFICATION,
}

_NEEDS_APPROVAL = frozenset({Restriction.REQ_AUTHORIZATION, Restriction.CONDITIONAL})

RUNS_NAMED_MAX = 10
"""Of neighbouring legs, in the text of a finding; the finding itself names each leg."""

TERMS_LENGTH = 16
"""Hexadecimal digits."""

TITLE_MAX = 200
"""Characters of a zone's title in a finding: published ones run to pages, and a plan may meet a thousand zones."""


def geofence(
    zones: ZoneIndex[object], volumes: Volumes, plans: int, reference: VerticalReference = ANYWHERE
) -> list[list[Finding]]:
    """The findings of each plan of a batch, by the plan's index in it: one for each zone that it enters."""
    return findings_of(zones, zones.touching(volumes, reference), volumes, plans, reference)


def findings_of(
    zones: ZoneIndex[object], touches: Touches, volumes: Volumes, plans: int, reference: VerticalReference
) -> list[list[Finding]]:
    """The same, for touches that are already known."""
    findings: list[list[Finding]] = [[] for _ in range(plans)]
    asked = _ASKED.setdefault(zones, {})
    for meeting in meetings(zones, touches, volumes, reference):
        try:
            ask = asked[meeting.zone]
        except KeyError:
            ask = asked[meeting.zone] = _ask(zones.zones[meeting.zone])
        if ask is not None:
            findings[meeting.plan].append(_finding(ask, meeting))
    return findings


@dataclass(frozen=True, slots=True)
class _Ask:
    """What a zone requires of a flight that enters it."""

    name: str
    title: str
    rule: Rule
    severity: Severity
    deciding: tuple[str, ...]
    notified: tuple[str, ...]
    consequence: str
    """For a person."""
    terms: str


_ASKED: WeakKeyDictionary[ZoneIndex[object], dict[int, _Ask | None]] = WeakKeyDictionary()
"""Cache of the requirements of zones, by their indexes; it is dropped with the index."""


def _ask(zone: IndexedZone[object]) -> _Ask | None:
    geozone = zone.geozone
    deciding, notified = _named(geozone, Purpose.AUTHORIZATION), _named(geozone, Purpose.NOTIFICATION)
    severity = _severity(geozone)
    if severity is None:
        return None
    if severity is not Severity.AUTHORIZATION:
        deciding = ()
    rule = _RULES.get(geozone.restriction, Rule.GEOZONE_PROHIBITED)
    consequence = _consequence(geozone, severity)
    terms = _terms(geozone) if severity is Severity.AUTHORIZATION else ""
    return _Ask(zone.name, title_of(geozone), rule, severity, deciding, notified, consequence, terms)


def _terms(geozone: Geozone) -> str:
    """A digest of what the zone requires: it changes when the requirements change."""
    requirements = (
        str(geozone.restriction),
        geozone.variant,
        sorted(geozone.reasons),
        geozone.conditions,
        bool(geozone.regulation_exemption),
    )
    return sha256(repr(requirements).encode()).hexdigest()[:TERMS_LENGTH]


def _finding(ask: _Ask, meeting: ZoneEntry) -> Finding:
    plan_amsl_m, zone_amsl_m = meeting.reach_m or (None, None)
    return Finding(
        rule=ask.rule,
        severity=ask.severity,
        subject=ask.name,
        subject_title=ask.title,
        volumes=meeting.legs,
        message=_message(ask, meeting),
        plan_altitude=meeting.plan_heights.band,
        subject_altitude=meeting.zone_heights.band,
        start_s=meeting.start_s,
        end_s=meeting.end_s,
        altitude_uncertain=meeting.reach_m is not None,
        plan_amsl_m=plan_amsl_m,
        subject_amsl_m=zone_amsl_m,
        deciding=ask.deciding,
        notified=ask.notified,
        volumes_left_out=meeting.legs_count - len(meeting.legs),
        terms=ask.terms,
    )


def title_of(geozone: Geozone) -> str:
    """What a zone is called in a finding."""
    return (geozone.names[0].text if geozone.names else geozone.identifier)[:TITLE_MAX]


def _severity(geozone: Geozone) -> Severity | None:
    restriction = geozone.restriction
    named, deciding = geozone.authorities_for(Purpose.AUTHORIZATION), _named(geozone, Purpose.AUTHORIZATION)
    if restriction is Restriction.PROHIBITED or restriction not in _RULES:
        return Severity.BLOCKING
    if restriction in _NEEDS_APPROVAL or (restriction is Restriction.USPACE and named):
        return Severity.AUTHORIZATION if deciding else Severity.BLOCKING
    if geozone.authorities_for(Purpose.NOTIFICATION):
        return Severity.NOTIFICATION
    if restriction is Restriction.USPACE or unregistered(geozone, Purpose.AUTHORIZATION):
        return Severity.INFORMATION
    return None


def _consequence(geozone: Geozone, severity: Severity) -> str:
    if geozone.restriction not in _RULES:
        return (
            f"Its restriction ({geozone.restriction}) is of a later version of lowsky than this one, and counts as a "
            "prohibition until this one is upgraded: plan around it, above or below it, or at another time."
        )
    text = _CONSEQUENCES[geozone.restriction]
    if geozone.restriction is Restriction.NO_RESTRICTION:
        texts = ["The flight is announced there."] if _named(geozone, Purpose.NOTIFICATION) else []
        if missing := who_must_agree(unregistered(geozone, Purpose.AUTHORIZATION)):
            texts.append(
                f"It is published without restriction, so no authority is asked, although it names one. {missing}"
            )
        text = " ".join(texts)
    elif severity is Severity.BLOCKING and geozone.restriction is not Restriction.PROHIBITED:
        missing = who_must_agree(unregistered(geozone, Purpose.AUTHORIZATION))
        text = f"Approval is required, but no registered authority can give it for this zone. {missing}".rstrip()
    return f"{text} {to_notify(unregistered(geozone, Purpose.NOTIFICATION))}".strip()


def _named(geozone: Geozone, purpose: Purpose) -> tuple[str, ...]:
    names = [one.authority for one in geozone.authorities if one.purpose is purpose and one.authority]
    return tuple(dict.fromkeys(names))


_CONSEQUENCES = {
    Restriction.PROHIBITED: "Flight is prohibited there: plan around it, above or below it, or at another time.",
    Restriction.REQ_AUTHORIZATION: "An authority must approve.",
    Restriction.CONDITIONAL: "Conditions apply there: an officer decides whether they are met.",
    Restriction.USPACE: "It is U-space airspace.",
    Restriction.NO_RESTRICTION: "",
}


def _message(ask: _Ask, meeting: ZoneEntry) -> str:
    verb = "meets" if meeting.legs_count == 1 else "meet"
    return (
        f"{leg_numbers(meeting.legs, meeting.legs_count)} at {meeting.plan_heights.text}, from {meeting.begins},"
        f" {verb} {ask.title} ({meeting.zone_heights.text}). {ask.consequence}{_doubt(meeting.reach_m)}"
    )


def _doubt(reach_m: tuple[AmslRange, AmslRange] | None) -> str:
    if reach_m is None:
        return ""
    plan_m, zone_m = reach_m
    return (
        " It is uncertain whether the altitudes overlap, so they count as overlapping:"
        f" the flight may be {span(plan_m)} there, the zone {span(zone_m)}."
    )


def leg_numbers(legs: Sequence[int], count: int = 0) -> str:
    """As in "Legs 1 to 4, 8": runs of legs, the first few. People count from 1, machines (Finding.volumes) from 0.

    Args:
        legs: In ascending order, the first ones.
        count: How many there are in all, where they are more.
    """
    return _runs(legs) + (f" and {count - len(legs)} more" if count > len(legs) else "")


def _runs(legs: Sequence[int]) -> str:
    first, last = legs[0], legs[-1]
    if last - first == len(legs) - 1:  # they ascend: one run
        return f"Leg {first + 1}" if first == last else f"Legs {first + 1} to {last + 1}"
    runs: list[list[int]] = []
    for leg in legs:
        if runs and leg == runs[-1][1] + 1:
            runs[-1][1] = leg
        else:
            runs.append([leg, leg])
    texts = [f"{first + 1}" if first == last else f"{first + 1} to {last + 1}" for first, last in runs[:RUNS_NAMED_MAX]]
    return f"Legs {', '.join(texts)}" + (", …" if len(runs) > RUNS_NAMED_MAX else "")
