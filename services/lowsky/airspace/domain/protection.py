"""How a changed zone protects less than before. Protection that cannot be shown to be kept counts as lost.

A zone protects ground, at heights and at times, by what it requires of a flight and which authorities it involves. A
zone without restriction protects only through notifications; in an area whose default is closed it opens airspace
instead, so that a larger zone means less protection.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

import shapely
from shapely.geometry.base import BaseGeometry

from lowsky.geo.heights.altitude import AltitudeBand
from lowsky.geo.schedules.applicability import Applicability, Period
from lowsky.geo.shapes.fine_outlines import fine_outline
from lowsky.geo.zones.geozone import Geozone, Layer, Purpose, Restriction, ZoneAuthority

SLIVER_DEGREES = 1e-8
"""About a millimetre: narrower remainders do not count as ground."""


class Loss(StrEnum):
    """The kinds of protection that a zone may lose."""

    REMOVED = "REMOVED"
    """All of it."""
    EXTENT = "EXTENT"
    """Ground that none of its layers covers any more."""
    ALTITUDE = "ALTITUDE"
    """Heights over ground that it covers: a lower ceiling, a higher floor, limits that cannot be compared."""
    TIMES = "TIMES"
    RESTRICTION = "RESTRICTION"
    """It requires less, or something else."""
    CONDITIONS = "CONDITIONS"
    """Its conditions are removed or changed."""
    EXEMPTION = "EXEMPTION"
    """It exempts flights that it did not exempt before."""
    AUTHORITIES = "AUTHORITIES"
    """An authority is no longer asked or notified, or at shorter notice; or flights that no authority could approve can
    now be approved."""
    OPENED = "OPENED"
    """A zone without restriction, which opens what its authority's area closes, opens more than it did."""


_KEPT_BY: Mapping[Restriction, frozenset[Restriction]] = {
    Restriction.PROHIBITED: frozenset({Restriction.PROHIBITED}),
    Restriction.REQ_AUTHORIZATION: frozenset({Restriction.PROHIBITED, Restriction.REQ_AUTHORIZATION}),
    Restriction.CONDITIONAL: frozenset(
        {Restriction.PROHIBITED, Restriction.REQ_AUTHORIZATION, Restriction.CONDITIONAL}
    ),
    # An authorisation does not include the requirements of U-space.
    Restriction.USPACE: frozenset({Restriction.PROHIBITED, Restriction.USPACE}),
    Restriction.NO_RESTRICTION: frozenset(Restriction),
}
"""For each restriction, those that require at least as much."""


def losses(before: Geozone, after: Geozone, now: datetime) -> tuple[Loss, ...]:
    """The protection that a zone loses from `now` on, in the order of Loss."""
    ahead = _ahead(before.applicability, now)
    if ahead is None:
        return ()
    return tuple(loss for loss in Loss if loss in set(_losses(before, after, ahead, now)))


def _losses(before: Geozone, after: Geozone, ahead: Applicability, now: datetime) -> Iterator[Loss]:
    if _protects(before):
        yield from _room(before, after)
        if not _times_kept(ahead, after.applicability):
            yield Loss.TIMES
    if after.restriction is Restriction.NO_RESTRICTION and before.restriction is after.restriction:
        opens = _ahead(after.applicability, now)
        if opens is not None and (any(_room(after, before, sure=True)) or not _times_kept(opens, before.applicability)):
            yield Loss.OPENED
    if after.regulation_exemption and not before.regulation_exemption:
        yield Loss.EXEMPTION
    if after.restriction not in _KEPT_BY.get(before.restriction, {before.restriction, Restriction.PROHIBITED}):
        yield Loss.RESTRICTION
    if after.restriction is Restriction.PROHIBITED:
        return  # no authority is asked, and no condition opens it
    if before.variant != after.variant:
        yield Loss.RESTRICTION
    if before.conditions.strip() and before.conditions != after.conditions:
        yield Loss.CONDITIONS
    if not _authorities_kept(before, after):
        yield Loss.AUTHORITIES


def _protects(zone: Geozone) -> bool:
    return zone.restriction is not Restriction.NO_RESTRICTION or any(
        one.purpose is not Purpose.INFORMATION for one in zone.authorities
    )


def _room(before: Geozone, after: Geozone, *, sure: bool = False) -> Iterator[Loss]:
    """Ground, or heights over ground that is kept, which the new layers no longer cover.

    Args:
        sure: For a zone that opens airspace: only the parts that certainly belong to it count.
    """
    if before.terrain_m != after.terrain_m and not _ground_kept(before, after):
        yield Loss.ALTITUDE
    if set(before.layers) == set(after.layers):
        return
    covering = [(layer.altitude, _drawn(layer, before.layers, sure=sure)) for layer in after.layers]
    everything = shapely.union_all([outline for _, outline in covering])
    for layer in before.layers:
        outline = _needed(layer, after.layers, sure=sure)
        if _is_left(outline, [everything]):
            yield Loss.EXTENT
        common = shapely.intersection(outline, everything)
        for slab in _slabs(layer.altitude, [band for band, _ in covering]):
            if _is_left(common, [other for band, other in covering if _contains(band, slab)]):
                yield Loss.ALTITUDE
                break


def _ground_kept(before: Geozone, after: Geozone) -> bool:
    """Where the elevation is unknown, altitudes are assumed to overlap: less information removes no protection."""
    if after.terrain_m is None:
        return True
    return before.terrain_m is not None and (
        after.terrain_m[0] <= before.terrain_m[0] and before.terrain_m[1] <= after.terrain_m[1]
    )


def _needed(layer: Layer, others: Sequence[Layer], *, sure: bool) -> BaseGeometry:
    if sure and layer.sure is not None:
        return layer.sure
    if layer.circle is None or any(other.circle == layer.circle for other in others):
        return layer.outline
    return fine_outline(layer.circle)


def _drawn(layer: Layer, others: Sequence[Layer], *, sure: bool) -> BaseGeometry:
    """Never more than the layer covers, unless the same circle is compared with itself."""
    if sure and layer.sure is not None:
        return layer.sure
    if layer.circle is None or any(other.circle == layer.circle for other in others):
        return layer.outline
    return fine_outline(layer.circle, inside=True)


def _is_left(outline: BaseGeometry, taken: Sequence[BaseGeometry]) -> bool:
    """Whether ground of an outline remains after subtracting others; true where the geometry engine fails."""
    if any(shapely.equals_exact(outline, other) for other in taken):
        return False
    try:
        rest = shapely.difference(outline, shapely.union_all(list(taken)))
        return not shapely.is_empty(shapely.buffer(rest, -SLIVER_DEGREES / 2))
    except shapely.GEOSException:
        return True


def _slabs(band: AltitudeBand, others: Sequence[AltitudeBand]) -> Iterator[AltitudeBand]:
    """The band, cut at the limits of others in the same datum: several stacked bands may contain it together."""
    if band.lower_datum != band.upper_datum:
        yield band
        return
    limits = {
        limit
        for other in others
        for limit, datum in ((other.lower_m, other.lower_datum), (other.upper_m, other.upper_datum))
        if datum == band.lower_datum and band.lower_m < limit < band.upper_m
    }
    cuts = [band.lower_m, *sorted(limits), band.upper_m]
    for lower_m, upper_m in pairwise(cuts):
        yield replace(band, lower_m=lower_m, upper_m=upper_m)


def _contains(outer: AltitudeBand, inner: AltitudeBand) -> bool:
    """Whether `outer` contains `inner` for any terrain and geoid. A single height is not inside its own ceiling."""
    if outer == inner:
        return True
    below = outer.lower_m == -math.inf or (outer.lower_datum == inner.lower_datum and outer.lower_m <= inner.lower_m)
    above = outer.upper_m == math.inf or (
        outer.upper_datum == inner.upper_datum
        and (outer.upper_m > inner.upper_m or (outer.upper_m == inner.upper_m and not _is_level(inner)))
    )
    same_takeoff = outer.takeoff_amsl_m == inner.takeoff_amsl_m
    return below and above and same_takeoff


def _is_level(band: AltitudeBand) -> bool:
    return band.lower_datum == band.upper_datum and band.lower_m == band.upper_m


def _ahead(times: Applicability, now: datetime) -> Applicability | None:
    """The applicability without periods that are over; None where none remain."""
    if times.permanent:
        return times
    left = tuple(period for period in times.periods if period.end is None or period.end > now)
    return Applicability(left) if left else None


def _times_kept(before: Applicability, after: Applicability) -> bool:
    if after.permanent:
        return True
    if before.permanent:
        return False
    whole = _joined([period for period in after.periods if not period.schedule])
    return all(
        any(start_s <= period.start_s and period.end_s <= end_s for start_s, end_s in whole)
        or any(_period_kept(period, other) for other in after.periods)
        for period in before.periods
    )


def _period_kept(before: Period, after: Period) -> bool:
    within = after.start_s <= before.start_s and before.end_s <= after.end_s
    return within and bool(before.schedule) and set(before.schedule) <= set(after.schedule)


def _joined(periods: Sequence[Period]) -> list[tuple[float, float]]:
    """The times of periods; periods that follow each other without a gap are merged."""
    joined: list[tuple[float, float]] = []
    for start_s, end_s in sorted((period.start_s, period.end_s) for period in periods):
        if joined and start_s <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(joined[-1][1], end_s)
        else:
            joined.append((start_s, end_s))
    return joined


def _authorities_kept(before: Geozone, after: Geozone) -> bool:
    asked, asks = _who(before, Purpose.AUTHORIZATION), _who(after, Purpose.AUTHORIZATION)
    notified, notifies = _who(before, Purpose.NOTIFICATION), _who(after, Purpose.NOTIFICATION)
    if any(who not in asks or asks[who] < ahead for who, ahead in asked.items()):
        return False
    if any(who not in asks and (who not in notifies or notifies[who] < ahead) for who, ahead in notified.items()):
        return False
    # A zone for which no registered authority can give approval blocks flights; once one can, it no longer does.
    needs_approval = before.restriction in {Restriction.REQ_AUTHORIZATION, Restriction.CONDITIONAL} or (
        before.restriction is Restriction.USPACE and bool(asked)
    )
    return not (needs_approval and not _can_allow(before) and _can_allow(after))


def _can_allow(zone: Geozone) -> bool:
    return any(one.authority for one in zone.authorities_for(Purpose.AUTHORIZATION))


def _who(zone: Geozone, purpose: Purpose) -> dict[object, timedelta]:
    """How long before the flight each authority is asked or notified, by resource name, or else by published names."""
    found: dict[object, timedelta] = {}
    for one in zone.authorities_for(purpose):
        who = _key(one)
        found[who] = max(found.get(who, timedelta()), one.interval_before or timedelta())
    return found


def _key(one: ZoneAuthority) -> object:
    return one.authority or frozenset(one.names)
