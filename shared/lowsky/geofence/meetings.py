"""Touches of legs and layers, grouped on arrays into meetings: of one plan with one zone each, for a whole batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lowsky.findings.finding import VOLUMES_NAMED_MAX
from lowsky.geo.heights.altitude import AltitudeBands, VerticalReference
from lowsky.geo.shapes.grouped_arrays import changes
from lowsky.geo.volumes.volumes import Volumes
from lowsky.geo.zones.index import Touches, ZoneIndex
from lowsky.geo.zones.zone_block import Floats, Indices
from lowsky.geofence.height_texts import AmslRange, Heights, heights_of


class ZoneEntry(NamedTuple):
    """A plan and a zone that it enters, by their indexes in the batch and in the zone index."""

    plan: int
    zone: int
    legs: tuple[int, ...]
    """The plan's volumes that enter, the first VOLUMES_NAMED_MAX of them."""
    legs_count: int
    """How many enter in all."""
    plan_heights: Heights
    zone_heights: Heights
    start_s: float
    end_s: float
    begins: str
    """The start as people read it, in UTC, to the second."""
    reach_m: tuple[AmslRange, AmslRange] | None
    """Where it is uncertain whether the altitudes meet: the least and greatest height above mean sea level of the plan,
    and of the zone."""


def meetings(
    zones: ZoneIndex[object], touches: Touches, volumes: Volumes, reference: VerticalReference
) -> Iterator[ZoneEntry]:
    """By plan, then zone."""
    if not len(touches):
        return iter(())
    order = np.lexsort((touches.zone, volumes.owner[touches.volume]))
    volume, zone, layer = touches.volume[order], touches.zone[order], touches.layer[order]
    owner = volumes.owner[volume]
    begins = changes(owner, zone)
    starts = begins.nonzero()[0]
    legs, counts = _legs(volumes, volume, begins)
    plan_heights = envelopes(volumes.altitudes[volume], starts, reference)
    zone_heights = envelopes(zones.altitudes(zone, layer), starts, reference)
    start_s = np.minimum.reduceat(volumes.start_s[volume], starts)
    end_s = np.maximum.reduceat(volumes.end_s[volume], starts).tolist()
    certain = np.logical_or.reduceat(touches.certain[order], starts)
    reaches = _reaches(touches.reach_m[order], starts, certain)
    places = owner[starts].tolist(), zone[starts].tolist()
    times = start_s.tolist(), end_s, moments_of(start_s)
    return map(ZoneEntry, *places, legs, counts, plan_heights, zone_heights, *times, reaches)


def moments_of(times_s: Floats) -> list[str]:
    """Seconds since the epoch as "2026-06-01 09:00:00Z", as `datetime` rounds them: to a microsecond, then down."""
    whole_s = np.floor(times_s)
    whole_s += np.rint((times_s - whole_s) * 1e6) >= 1e6
    texts = np.datetime_as_string(whole_s.astype("datetime64[s]")).tolist()
    return [f"{text[:10]} {text[11:]}Z" for text in texts]


def _reaches(reach_m: Floats, starts: Indices, certain: NDArray[np.bool_]) -> list[tuple[AmslRange, AmslRange] | None]:
    """`Meeting.reach_m` of each group."""
    reaches: list[tuple[AmslRange, AmslRange] | None] = [None] * len(starts)
    if not certain.all():
        least = np.minimum.reduceat(reach_m, starts, axis=0).tolist()
        greatest = np.maximum.reduceat(reach_m, starts, axis=0).tolist()
        for n in np.flatnonzero(~certain).tolist():
            reaches[n] = (least[n][0], greatest[n][1]), (least[n][2], greatest[n][3])
    return reaches


def _legs(volumes: Volumes, volume: Indices, begins: NDArray[np.bool_]) -> tuple[list[tuple[int, ...]], list[int]]:
    """Each volume of a meeting once, though it may touch several layers, in the order of volumes; how many they are."""
    fresh = begins | changes(volume)
    legs = volumes.leg[volume[fresh]].tolist()
    firsts = begins[fresh].nonzero()[0].tolist()
    bounds = list(zip(firsts, [*firsts[1:], len(legs)], strict=True))
    named = [tuple(legs[first : min(last, first + VOLUMES_NAMED_MAX)]) for first, last in bounds]
    return named, [last - first for first, last in bounds]


def envelopes(bands: AltitudeBands, starts: Indices, reference: VerticalReference) -> Sequence[Heights]:
    """Of each group: from the lowest floor to the highest ceiling; each keeps its datum, heights above a known take-off
    become AMSL.

    Limits in different datums are ranked by the least floor and the greatest ceiling that they may stand for.
    """
    limits = bands.resolved()
    group = np.zeros(len(limits), dtype=np.intp)
    group[starts[1:]] = 1
    group = group.cumsum()
    floor = np.lexsort((limits.lower_m + reference.offsets(limits.lower_datum)[:, 0], group))[starts]
    ceiling = np.lexsort((-limits.upper_m - reference.offsets(limits.upper_datum)[:, 1], group))[starts]
    floor_m, ceiling_m = limits.lower_m[floor], limits.upper_m[ceiling]
    floor_datum, ceiling_datum = limits.lower_datum[floor], limits.upper_datum[ceiling]
    # Ranked across datums, floor and ceiling may belong to different bands, so that the ceiling may be below the floor.
    ceiling_m = np.where(floor_datum == ceiling_datum, np.maximum(ceiling_m, floor_m), ceiling_m)
    return list(map(heights_of, floor_m.tolist(), floor_datum.tolist(), ceiling_m.tolist(), ceiling_datum.tolist()))
