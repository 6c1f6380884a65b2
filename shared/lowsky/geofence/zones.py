"""The geofence: which zones a plan enters, in plan view, altitude and time, and what follows from each.

Where altitudes cannot be compared exactly the plan counts as inside, and the finding says so. A zone that needs
somebody's word but names nobody who can give it blocks: silence is not consent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

from lowsky.geo.altitude import ANYWHERE, DATUMS, AltitudeBand, AltitudeBands, VerticalReference
from lowsky.geo.geozone import Geozone, Purpose, Restriction
from lowsky.geo.volumes import Volumes
from lowsky.geo.zone_index import IndexedZone, Touches, ZoneIndex
from lowsky.geofence.findings import Finding, Rule, Severity

_RULES = {
    Restriction.PROHIBITED: Rule.GEOZONE_PROHIBITED,
    Restriction.REQ_AUTHORIZATION: Rule.GEOZONE_AUTHORIZATION,
    Restriction.CONDITIONAL: Rule.GEOZONE_CONDITIONAL,
    Restriction.USPACE: Rule.GEOZONE_USPACE,
    Restriction.NO_RESTRICTION: Rule.GEOZONE_NOTIFICATION,
}

_NEEDS_WORD = frozenset({Restriction.REQ_AUTHORIZATION, Restriction.CONDITIONAL})

VOLUMES_NAMED_MAX = 500
"""As many as a plan of ready-made volumes may have; of a longer trajectory the first ones are named."""

RUNS_NAMED_MAX = 10
"""Of neighbouring legs, in the text of a finding; the finding itself names each leg."""

TITLE_MAX = 200
"""Characters of a zone's title in a finding: published ones run to pages, and a plan may meet a thousand zones."""


def geofence(
    zones: ZoneIndex[object], volumes: Volumes, plans: int, reference: VerticalReference = ANYWHERE
) -> list[list[Finding]]:
    """The findings of each plan of a batch, by the plan's place in it: one for each zone that it enters."""
    touches = zones.touching(volumes, reference)
    findings: list[list[Finding]] = [[] for _ in range(plans)]
    if not len(touches):
        return findings
    owners = volumes.owner[touches.volume]
    # One finding for each plan and zone: group the touches by both.
    order = np.lexsort((touches.zone, owners))
    keys = np.stack([owners[order], touches.zone[order]])
    starts = np.flatnonzero(np.r_[True, (np.diff(keys) != 0).any(axis=0)])
    for rows in np.split(order, starts[1:]):
        zone = zones.zones[touches.zone[rows[0]]]
        finding = _finding(zone, touches, rows, volumes, reference)
        if finding is not None:
            findings[owners[rows[0]]].append(finding)
    return findings


def _finding(
    zone: IndexedZone[object],
    touches: Touches,
    rows: NDArray[np.intp],
    volumes: Volumes,
    reference: VerticalReference,
) -> Finding | None:
    geozone = zone.geozone
    deciding, notified = _named(geozone, Purpose.AUTHORIZATION), _named(geozone, Purpose.NOTIFICATION)
    severity = _severity(geozone.restriction, deciding, notified)
    if severity is None:
        return None
    at = np.unique(touches.volume[rows])
    layers = AltitudeBands.of(geozone.layers[layer].altitude for layer in np.unique(touches.layer[rows]))
    uncertain = not touches.certain[rows].any()
    legs = tuple(volumes.leg[at][:VOLUMES_NAMED_MAX].tolist())
    plan_altitude = _envelope(volumes.altitudes[at], reference)
    zone_altitude = _envelope(layers, reference)
    plan_amsl_m, zone_amsl_m = _reach(touches.reach_m[rows]) if uncertain else (None, None)
    start_s, end_s = float(volumes.start_s[at].min()), float(volumes.end_s[at].max())
    title = (geozone.names[0].text if geozone.names else geozone.identifier)[:TITLE_MAX]
    return Finding(
        rule=_RULES[geozone.restriction],
        severity=severity,
        subject=zone.name,
        subject_title=title,
        volumes=legs,
        message=_message(geozone.restriction, severity, title, legs, plan_altitude, zone_altitude, start_s)
        + _doubt(plan_amsl_m, zone_amsl_m),
        plan_altitude=plan_altitude,
        subject_altitude=zone_altitude,
        start_s=start_s,
        end_s=end_s,
        altitude_uncertain=uncertain,
        plan_amsl_m=plan_amsl_m,
        subject_amsl_m=zone_amsl_m,
        deciding=deciding if severity is Severity.AUTHORIZATION else (),
        notified=notified,
    )


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


def _envelope(bands: AltitudeBands, reference: VerticalReference) -> AltitudeBand:
    """From the lowest floor to the highest ceiling; each keeps its datum, heights above a known take-off become AMSL.

    Limits in different datums are ranked by the least floor and the greatest ceiling that they may stand for.
    """
    limits = bands.resolved()
    floor = int(np.argmin(limits.lower_m + reference.offsets(limits.lower_datum)[:, 0]))
    ceiling = int(np.argmax(limits.upper_m + reference.offsets(limits.upper_datum)[:, 1]))
    floor_m, floor_datum = float(limits.lower_m[floor]), DATUMS[limits.lower_datum[floor]]
    ceiling_m, ceiling_datum = float(limits.upper_m[ceiling]), DATUMS[limits.upper_datum[ceiling]]
    if floor_datum is ceiling_datum:
        # Ranked across datums, the two may come from bands that say little of each other.
        ceiling_m = max(ceiling_m, floor_m)
    return AltitudeBand(floor_m, floor_datum, ceiling_m, ceiling_datum)


_CONSEQUENCES = {
    Restriction.PROHIBITED: "Flight is prohibited there: plan around it, above or below it, or at another time.",
    Restriction.REQ_AUTHORIZATION: "An authority must agree.",
    Restriction.CONDITIONAL: "Conditions apply there: an officer decides whether they are met.",
    Restriction.USPACE: "It is U-space airspace.",
    Restriction.NO_RESTRICTION: "The flight is announced there.",
}


def _message(
    restriction: Restriction,
    severity: Severity,
    title: str,
    legs: Sequence[int],
    plan: AltitudeBand,
    zone: AltitudeBand,
    start_s: float,
) -> str:
    which = leg_numbers(legs)
    verb = "meets" if len(legs) == 1 else "meet"
    at = datetime.fromtimestamp(start_s, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
    consequence = _CONSEQUENCES[restriction]
    if severity is Severity.BLOCKING and restriction in _NEEDS_WORD:
        consequence = "Somebody must agree, but no registered authority answers for this zone."
    return f"{which} at {_heights(plan)}, from {at}, {verb} {title} ({_heights(zone)}). {consequence}"


def _reach(reach_m: NDArray[np.float64]) -> tuple[tuple[float, float], tuple[float, float]]:
    """Of the touches together: the least and greatest height above mean sea level of the plan, and of the zone."""
    least, greatest = reach_m.min(axis=0), reach_m.max(axis=0)
    return (float(least[0]), float(greatest[1])), (float(least[2]), float(greatest[3]))


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
