"""The whole geofence: the zones that plans enter, and what follows from the areas of authorities that they fly in."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lowsky.findings.finding import VOLUMES_NAMED_MAX, Finding, Rule, Severity
from lowsky.geo.heights.altitude import ANYWHERE, VerticalReference
from lowsky.geo.volumes.volumes import Volumes
from lowsky.geo.zones.geozone import Geozone
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from lowsky.geo.zones.zone_block import Indices
from lowsky.geofence.areas import AreaIndex, StatedArea, look_at_areas
from lowsky.geofence.zones import TITLE_MAX, findings_of, leg_numbers, title_of


@dataclass(frozen=True, slots=True)
class Surroundings:
    """The findings and authorities for the plans of a batch, by the plan's index in it."""

    findings: Sequence[list[Finding]]
    authorities: Sequence[frozenset[str]]
    """Those whose area a plan may share ground with, and those registered that a zone names or is published by that it
    enters, whatever is found because of it."""
    areas: Sequence[Mapping[str, str]]
    """The authorities whose area a plan may share ground with, and what they are called."""


def look(
    zones: ZoneIndex[object], areas: AreaIndex, volumes: Volumes, plans: int, reference: VerticalReference = ANYWHERE
) -> Sequence[list[Finding]]:
    """The findings of each plan alone."""
    return survey(zones, areas, volumes, plans, reference).findings


def survey(
    zones: ZoneIndex[object], areas: AreaIndex, volumes: Volumes, plans: int, reference: VerticalReference = ANYWHERE
) -> Surroundings:
    """The findings of each plan of a batch: of each zone that it enters, of each area whose authority it must ask, of
    each zone because of which it need not, and one more where it leaves all areas; and whose airspace it is."""
    touches = zones.touching(volumes, reference)
    findings = findings_of(zones, touches, volumes, plans, reference)
    seen = look_at_areas(areas, zones, touches, volumes, reference)
    for owner, rows in _by(volumes.owner[seen.nobodys]):
        findings[owner].append(_nobodys(volumes, seen.nobodys[rows]))
    asked = seen.asked
    for place, of_area in _by(asked.area):
        for owner, of_owner in _by(volumes.owner[asked.volume[of_area]]):
            rows = of_area[of_owner]
            at = np.unique(asked.volume[rows])
            findings[owner].append(_default(areas.areas[place], volumes, at, bool(asked.certain[rows].any())))
    relied = np.array(seen.permitted, dtype=np.intp).reshape(-1, 2)
    for place, of_zone in _by(relied[:, 1]):
        for owner, rows in _by(volumes.owner[relied[of_zone, 0]]):
            findings[owner].append(_permitted(zones.zones[place], volumes, relied[of_zone[rows], 0]))
    met: list[dict[str, str]] = [{} for _ in range(plans)]
    volume, area = seen.met
    for owner, place in sorted(_pairs(volumes.owner[volume], area)):
        met[owner][areas.areas[place].authority] = areas.areas[place].title
    authorities = [set(titles) for titles in met]
    for owner, place in _pairs(volumes.owner[touches.volume], touches.zone):
        authorities[owner].update(_registered(zones.zones[place].geozone))
    return Surroundings(findings, [frozenset(names) for names in authorities], met)


def _pairs(owners: Indices, places: Indices) -> Iterable[tuple[int, int]]:
    """Each pair once."""
    return set(zip(owners.tolist(), places.tolist(), strict=True))


def _registered(zone: Geozone) -> Iterator[str]:
    yield from (named.authority for named in zone.authorities if named.authority)
    if zone.publisher:
        yield zone.publisher


def _by(keys: Indices) -> Iterator[tuple[int, Indices]]:
    """Each key and where it stands."""
    for key in sorted(set(keys.tolist())):
        yield key, (keys == key).nonzero()[0]


def _default(area: StatedArea, volumes: Volumes, at: Indices, certain: bool) -> Finding:
    title = area.title[:TITLE_MAX]
    where = "everywhere" if area.open_below_m == -math.inf else f"from {area.open_below_m:.0f} m above ground"
    doubt = "" if certain else " It is uncertain whether the flight is that high, so it counts as being so."
    text = f"in the area of {title} flying needs its approval {where}, except in airspace that is published as free."
    asked = _finding(Rule.AREA_DEFAULT, Severity.AUTHORIZATION, volumes, at, f"{text} It must approve.{doubt}")
    return replace(
        asked,
        subject=area.authority,
        subject_title=title,
        subject_altitude=area.closed_band,
        altitude_uncertain=not certain,
        deciding=(area.authority,),
    )


def _permitted(zone: IndexedZone[object], volumes: Volumes, at: Indices) -> Finding:
    """Why no authority is asked. It is stored with the plan, so that the plan is re-checked if the zone is removed."""
    title = title_of(zone.geozone)
    text = f"flying needs no approval in {title}, which is published as free."
    spared = _finding(Rule.AREA_PERMITTED, Severity.INFORMATION, volumes, at, text)
    return replace(spared, subject=zone.name, subject_title=title)


def _nobodys(volumes: Volumes, at: Indices) -> Finding:
    text = (
        "some of it lies outside of all authorities' areas, where no authority can approve the flight. Plan within the "
        "areas of the authorities here."
    )
    return replace(_finding(Rule.NOBODYS_AREA, Severity.BLOCKING, volumes, at, text), subject_title="nobody's area")


def _finding(rule: Rule, severity: Severity, volumes: Volumes, at: Indices, text: str) -> Finding:
    """A finding about the volumes at these indexes, which its text begins with; the caller sets the subject."""
    legs = tuple(volumes.leg[at][:VOLUMES_NAMED_MAX].tolist())
    return Finding(
        rule=rule,
        severity=severity,
        subject="",
        subject_title="",
        volumes=legs,
        message=f"{leg_numbers(legs, len(at))}: {text}",
        start_s=float(volumes.start_s[at].min()),
        end_s=float(volumes.end_s[at].max()),
        volumes_left_out=len(at) - len(legs),
    )
