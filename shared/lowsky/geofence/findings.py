"""What a check found. A refusal of a plan is data: it says which rule, where, and what a person can do about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum

from shapely import Polygon

from lowsky.geo.altitude import AltitudeBand

VOLUMES_NAMED_MAX = 500
"""As many as a plan of ready-made volumes may have; of a longer trajectory the first ones are named."""
FINDINGS_MAX = 1_000
"""Zones that one flight may meet: findings travel with a plan in every event, and an event has a limit."""


class Severity(IntEnum):
    """How grave; the gravest finding decides what becomes of the plan. One of a later version decides nothing here: who
    found it has decided already."""

    INFORMATION = 1
    NOTIFICATION = 2
    AUTHORIZATION = 3
    BLOCKING = 4


class Rule(StrEnum):
    """What a plan was measured by."""

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

    @property
    def is_of_geofence(self) -> bool:
        """Whether it follows from zones and areas, and so may change with the airspace."""
        return self.value.startswith(("GEOZONE_", "AREA_")) or self is Rule.NOBODYS_AREA


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a check found."""

    rule: Rule
    severity: Severity
    subject: str
    """Resource name of what the plan met; empty where it met nobody's area, or nothing."""
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
    """The authorities that are told because of this."""
    overlap_outlines: tuple[Polygon, ...] = ()
    """Of another flight: where the two overlap, without holes; the first places, and the message says where there are
    more."""
    fields: tuple[str, ...] = ()
    """The fields of the flight plan at fault, where it is not where and when it flies that is."""
    volumes_left_out: int = 0
    """How many more volumes are concerned than `volumes` names."""
    terms: str = ""
    """Of a zone that needs somebody's word: a digest of what it asks for, beside where, when and of whom. Empty where
    that was not noted."""
    as_read: bytes = b""
    """Of one that a later version stored, which says more than this one understands: the message, to be written again
    as it is."""


def gravest_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """In the order in which a person should read them."""
    return tuple(sorted(findings, key=lambda f: (-f.severity, f.volumes, f.subject)))


def at_most(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The gravest first; where they are more than FINDINGS_MAX, the last one stands for all that are not listed, so
    that nobody who decides or is notified because of them is lost."""
    found = gravest_first(findings)
    if len(found) <= FINDINGS_MAX:
        return found
    listed, others = found[: FINDINGS_MAX - 1], found[FINDINGS_MAX - 1 :]
    rest = Finding(
        rule=others[0].rule,
        severity=others[0].severity,
        subject="",
        subject_title="more findings",
        volumes=(),
        message=f"{len(others)} more findings are not listed, this one the gravest of them: {others[0].message}",
        deciding=tuple(dict.fromkeys(name for one in others for name in one.deciding)),
        notified=tuple(dict.fromkeys(name for one in others for name in one.notified)),
    )
    return (*listed, rest)
