"""The whole geofence: the zones that plans enter, and what follows from the areas of authorities that they fly in."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from lowsky.geo.altitude import ANYWHERE, VerticalReference
from lowsky.geo.volumes import Volumes
from lowsky.geo.zone_block import Indices
from lowsky.geo.zone_index import IndexedZone, ZoneIndex
from lowsky.geofence.areas import AreaIndex, StatedArea, look_at_areas
from lowsky.geofence.findings import Finding, Rule, Severity
from lowsky.geofence.meetings import VOLUMES_NAMED_MAX
from lowsky.geofence.zones import TITLE_MAX, geofence, leg_numbers


def look(
    zones: ZoneIndex[object], areas: AreaIndex, volumes: Volumes, plans: int, reference: VerticalReference = ANYWHERE
) -> list[list[Finding]]:
    """The findings of each plan of a batch, by the plan's place in it: of each zone that it enters, of each area whose
    authority it must ask, of each zone because of which it need not, and one more where it leaves all areas."""
    findings = geofence(zones, volumes, plans, reference)
    seen = look_at_areas(areas, zones, volumes, reference)
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
    return findings


def _by(keys: Indices) -> Iterator[tuple[int, Indices]]:
    """Each key and where it stands."""
    for key in np.unique(keys).tolist():
        yield key, np.flatnonzero(keys == key)


def _default(area: StatedArea, volumes: Volumes, at: Indices, certain: bool) -> Finding:
    legs = tuple(volumes.leg[at][:VOLUMES_NAMED_MAX].tolist())
    title = area.title[:TITLE_MAX]
    where = "everywhere" if area.open_below_m == -math.inf else f"from {area.open_below_m:.0f} m above ground"
    doubt = "" if certain else " Whether the flight is that high is not known well enough, so it is taken to be."
    return Finding(
        rule=Rule.AREA_DEFAULT,
        severity=Severity.AUTHORIZATION,
        subject=area.authority,
        subject_title=title,
        volumes=legs,
        message=f"{leg_numbers(legs)}: in the area of {title} flying needs its word {where}, except in airspace that is"
        f" published as free. It must agree.{doubt}",
        subject_altitude=area.closed_band,
        start_s=float(volumes.start_s[at].min()),
        end_s=float(volumes.end_s[at].max()),
        altitude_uncertain=not certain,
        deciding=(area.authority,),
    )


def _permitted(zone: IndexedZone[object], volumes: Volumes, at: Indices) -> Finding:
    """Why no authority is asked. It is kept with the plan, which is so checked again when the zone goes."""
    legs = tuple(volumes.leg[at][:VOLUMES_NAMED_MAX].tolist())
    title = (zone.geozone.names[0].text if zone.geozone.names else zone.geozone.identifier)[:TITLE_MAX]
    return Finding(
        rule=Rule.AREA_PERMITTED,
        severity=Severity.INFORMATION,
        subject=zone.name,
        subject_title=title,
        volumes=legs,
        message=f"{leg_numbers(legs)}: flying needs no authority's word in {title}, which is published as free.",
        start_s=float(volumes.start_s[at].min()),
        end_s=float(volumes.end_s[at].max()),
    )


def _nobodys(volumes: Volumes, at: Indices) -> Finding:
    legs = tuple(volumes.leg[at][:VOLUMES_NAMED_MAX].tolist())
    return Finding(
        rule=Rule.NOBODYS_AREA,
        severity=Severity.BLOCKING,
        subject="",
        subject_title="nobody's area",
        volumes=legs,
        message=f"{leg_numbers(legs)}: some of it lies in no authority's area, where nobody can allow the flight. Plan "
        "within the areas of the authorities here.",
        start_s=float(volumes.start_s[at].min()),
        end_s=float(volumes.end_s[at].max()),
    )
