"""Findings of checks. A rejection of a plan is data: it states the rule, the place, and what a person can do."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from shapely import Polygon

from lowsky.geo.heights.altitude import AltitudeBand

VOLUMES_NAMED_MAX = 500
"""As many as a plan of ready-made volumes may have; of a longer trajectory the first ones are named."""
FINDINGS_MAX = 1_000
"""Zones that one flight may meet: findings travel with a plan in every event, and an event has a limit."""
FINDINGS_BYTES_MAX = 2 * 1024 * 1024
"""Of the findings of a plan, serialised. A plan holds a request and off-nominal volumes of 512 KiB each beside, and
gRPC clients receive 4 MiB unless they are set up otherwise."""
IN_BRIEF_BYTES_MAX = 1024 * 1024
"""The part of these bytes that is reserved for findings in brief form."""


class Severity(IntEnum):
    """The most severe finding decides about the plan. A severity of a later version decides nothing here: the worker
    that found it has decided already."""

    INFORMATION = 1
    NOTIFICATION = 2
    AUTHORIZATION = 3
    BLOCKING = 4


class Rule(StrEnum):
    """The rule that a check applied."""

    GEOZONE_PROHIBITED = "GEOZONE_PROHIBITED"
    GEOZONE_AUTHORIZATION = "GEOZONE_AUTHORIZATION"
    GEOZONE_CONDITIONAL = "GEOZONE_CONDITIONAL"
    GEOZONE_USPACE = "GEOZONE_USPACE"
    GEOZONE_NOTIFICATION = "GEOZONE_NOTIFICATION"
    SPEED_EXCEEDS_AIRCRAFT = "SPEED_EXCEEDS_AIRCRAFT"
    ENDURANCE_EXCEEDED = "ENDURANCE_EXCEEDED"
    HEIGHT_EXCEEDS_AIRCRAFT = "HEIGHT_EXCEEDS_AIRCRAFT"
    AREA_DEFAULT = "AREA_DEFAULT"
    NOBODYS_AREA = "NOBODYS_AREA"
    AREA_PERMITTED = "AREA_PERMITTED"
    CONFLICT = "CONFLICT"
    PRIORITY_OVER = "PRIORITY_OVER"
    DISPLACED_BY_PRIORITY = "DISPLACED_BY_PRIORITY"
    OFF_NOMINAL = "OFF_NOMINAL"
    OFF_NOMINAL_MEETS = "OFF_NOMINAL_MEETS"
    AIRCRAFT_BUSY = "AIRCRAFT_BUSY"
    CONTENT_MISSING = "CONTENT_MISSING"
    APPLICATION_REQUIRED = "APPLICATION_REQUIRED"

    @property
    def is_of_geofence(self) -> bool:
        """Whether it follows from zones and areas, and so may change with the airspace."""
        return self in GEOFENCE_RULES


GEOFENCE_RULES = frozenset(
    {
        Rule.GEOZONE_PROHIBITED,
        Rule.GEOZONE_AUTHORIZATION,
        Rule.GEOZONE_CONDITIONAL,
        Rule.GEOZONE_USPACE,
        Rule.GEOZONE_NOTIFICATION,
        Rule.AREA_DEFAULT,
        Rule.AREA_PERMITTED,
        Rule.NOBODYS_AREA,
    }
)
"""The rules of zones and areas; their findings are computed again whenever the airspace changes."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found."""

    rule: Rule
    severity: Severity
    subject: str
    """Resource name of what the plan conflicts with; empty where there is none, as outside of all areas."""
    subject_title: str
    volumes: tuple[int, ...]
    """The plan's volumes concerned, from 0; of a trajectory, volume i is the leg from waypoint i to i + 1. The first
    ones, where they are more than VOLUMES_NAMED_MAX."""
    message: str
    """For a person who can act on it."""
    plan_altitude: AltitudeBand | None = None
    subject_altitude: AltitudeBand | None = None
    start_s: float | None = None
    end_s: float | None = None
    altitude_uncertain: bool = False
    plan_amsl_m: tuple[float, float] | None = None
    """Where the altitudes are uncertain: the least height above mean sea level that the plan's floor may stand for
    there, and the greatest of its ceiling; infinite for an open band."""
    subject_amsl_m: tuple[float, float] | None = None
    """The same of the subject."""
    deciding: tuple[str, ...] = ()
    """The authorities that must decide because of this."""
    notified: tuple[str, ...] = ()
    """The authorities that are notified because of this."""
    overlap_outlines: tuple[Polygon, ...] = ()
    """Of another flight: where the two overlap, without holes; the first places, and the message says where there are
    more."""
    fields: tuple[str, ...] = ()
    """The fields of the flight plan at fault, for findings that are not about its airspace and time."""
    volumes_left_out: int = 0
    """How many more volumes are concerned than `volumes` names."""
    stands_for: int = 0
    """How many findings that are not listed it stands for; 0 for a finding of its own."""
    terms: str = ""
    """For a zone that requires approval: a digest of its requirements, without place, time and authorities. Empty where
    it was not recorded."""
    as_read: bytes = b""
    """Of one that a later version stored, which says more than this one understands: the message, to be written again
    as it is."""

    @property
    def is_short(self) -> bool:
        """Whether it is in brief form, or stands for others."""
        return bool(self.stands_for or (self.volumes_left_out and not self.volumes))


def gravest_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Orders findings for a reader: the most severe first, and at equal severity complete ones before brief ones."""
    return tuple(sorted(findings, key=lambda f: (-f.severity, f.is_short, f.volumes, f.subject)))


def at_most(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The most severe first, within FINDINGS_MAX and FINDINGS_BYTES_MAX.

    Findings that do not fit completely are kept in brief form, and those that do not fit at all are counted by a
    summary finding: one for those that may change with the airspace, one for the others. No authority that decides or
    is notified is lost.
    """
    found = gravest_first(findings)
    listed: list[Finding] = []
    others = [one for one in found if one.stands_for]  # summarised together with those that are left out now
    single = [one for one in found if not one.stands_for]
    left, full = FINDINGS_BYTES_MAX, True
    count_max = FINDINGS_MAX if len(found) <= FINDINGS_MAX and not others else FINDINGS_MAX - len(_KINDS)
    for n, one in enumerate(single):
        size = _bytes_of(one)
        full = full and size <= left - IN_BRIEF_BYTES_MAX
        kept = one if full else _in_brief(one)
        left -= size if full else _bytes_of(kept)
        if left < 0 or n >= count_max:
            others += single[n:]
            break
        listed.append(kept)
    for of_geofence in _KINDS:
        kind = [one for one in others if one.rule.is_of_geofence is of_geofence]
        if kind:
            listed.append(_standing_for(gravest_first(kind)))
    return gravest_first(listed)


_KINDS = (True, False)


def _bytes_of(finding: Finding) -> int:
    """Serialised, at most."""
    texts = (finding.subject, finding.subject_title, finding.message)
    names = (*finding.deciding, *finding.notified, *finding.fields)
    vertices = sum(len(outline.exterior.coords) for outline in finding.overlap_outlines)
    whole = sum(len(text.encode()) for text in texts) + sum(len(name) + 4 for name in names)
    return max(whole + 3 * len(finding.volumes) + 24 * vertices + 300, len(finding.as_read))


def _in_brief(finding: Finding) -> Finding:
    """What it is about and who is concerned. One of a later version is not understood well enough to be shortened."""
    if finding.as_read:
        return finding
    return Finding(
        rule=finding.rule,
        severity=finding.severity,
        subject=finding.subject,
        subject_title="",
        volumes=(),
        message=_BRIEF,
        deciding=finding.deciding,
        notified=finding.notified,
        fields=finding.fields,
        volumes_left_out=len(finding.volumes) + finding.volumes_left_out,
    )


_BRIEF = "Shortened, since there are too many findings: see the subject for details."


def _standing_for(others: tuple[Finding, ...]) -> Finding:
    """One finding for all of these, the gravest first."""
    first = others[0]
    count = sum(one.stands_for or 1 for one in others)
    gravest = first.message.partition(_GRAVEST)[2] if first.stands_for else first.message
    return Finding(
        rule=first.rule,
        severity=first.severity,
        subject="",
        subject_title="more findings",
        volumes=(),
        message=f"{count} more findings are not listed{_GRAVEST}{gravest}",
        deciding=tuple(dict.fromkeys(name for one in others for name in one.deciding)),
        notified=tuple(dict.fromkeys(name for one in others for name in one.notified)),
        stands_for=count,
    )


_GRAVEST = "; the most severe of them: "
