"""Conflict: what follows where the airspace of a plan overlaps that of another flight.

A finding says where, when and how high, and nothing of whose the other flight is: its name resolves for those whom it
concerns, and for nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import numpy as np
import shapely
from shapely import Polygon

from lowsky.findings.finding import VOLUMES_NAMED_MAX, Finding, Rule, Severity
from lowsky.geo.heights.altitude import Overlap, VerticalReference
from lowsky.geo.volumes.stored import Overlaps, Run, StoredVolumes
from lowsky.geofence.heights import Heights
from lowsky.geofence.meetings import envelopes
from lowsky.geofence.zones import leg_numbers

NAMED_MAX: Final = 20
"""Of the flights in the way of one plan, those that have a finding of their own; the last finding counts the others.
Whoever meets so many plans elsewhere anyhow, and each finding takes a third of a millisecond."""

OVER_NAMED_MAX: Final = 200
"""Of the flights that give way to one plan, likewise. Each of them is told."""

OUTLINES_MAX: Final = 4
"""Of the places where two flights overlap: they say where to look, and a finding travels in every event."""

VERTICES_MAX: Final = 64
"""Of one of these; what has more is told as its convex hull."""

_CERTAIN = Overlap.CERTAIN.value

_STATED = {
    Rule.CONFLICT: (
        Severity.BLOCKING,
        "another flight. Plan around it, above or below it, or at another time.",
    ),
    Rule.PRIORITY_OVER: (Severity.NOTIFICATION, "a flight of lower priority, which gives way."),
    Rule.DISPLACED_BY_PRIORITY: (
        Severity.BLOCKING,
        "a flight of higher priority, which takes this place. Plan around it or at another time.",
    ),
    Rule.OFF_NOMINAL_MEETS: (Severity.NOTIFICATION, "another flight, which has been told."),
    Rule.OFF_NOMINAL: (Severity.NOTIFICATION, "where a flight may come that has left its plan."),
}
_UNDER_WAY = {
    Rule.PRIORITY_OVER: "a flight of lower priority, which is under way and has been told.",
    Rule.DISPLACED_BY_PRIORITY: "a flight of higher priority: keep clear of it.",
}


@dataclass(frozen=True, slots=True)
class FlightOverlap:
    """Two plans that overlap, seen from either side."""

    volumes: tuple[tuple[int, ...], tuple[int, ...]]
    """The volumes concerned of the one, and of the other, the first VOLUMES_NAMED_MAX of them."""
    counts: tuple[int, int]
    """How many they are in all."""
    heights: tuple[Heights, Heights]
    start_s: float
    end_s: float
    uncertain: bool
    outlines: tuple[Polygon, ...]
    """Where the two overlap, the first places."""
    has_more_outlines: bool

    def finding(self, rule: Rule, other: str, *, reverse: bool = False, under_way: bool = False) -> Finding:
        """What follows for the one, or for the other if reversed.

        Args:
            other: Alias of the other plan (aliases.py).
            under_way: The one that would give way cannot any more.
        """
        ours, theirs = (1, 0) if reverse else (0, 1)
        severity, what = _STATED[rule]
        if under_way:
            severity, what = Severity.NOTIFICATION, _UNDER_WAY[rule]
        overlap = "overlaps" if self.counts[ours] == 1 else "overlap"
        more = " Only the first of the places where they overlap are outlined." if self.has_more_outlines else ""
        return Finding(
            rule=rule,
            severity=severity,
            subject=f"operators/-/flightPlans/{other}",
            subject_title="another flight",
            volumes=self.volumes[ours],
            message=f"{self._where(ours, rule)}, {self._when()}, {overlap} {what}{more}",
            plan_altitude=self.heights[ours].band,
            subject_altitude=self.heights[theirs].band,
            start_s=self.start_s,
            end_s=self.end_s,
            altitude_uncertain=self.uncertain,
            overlap_outlines=self.outlines,
            volumes_left_out=self.counts[ours] - len(self.volumes[ours]),
        )

    def _where(self, side: int, rule: Rule) -> str:
        numbers = leg_numbers(self.volumes[side], self.counts[side])
        if rule is Rule.OFF_NOMINAL_MEETS:
            numbers = numbers.replace("Leg", "Off-nominal volume")
        return f"{numbers} at {self.heights[side].text}"

    def _when(self) -> str:
        start, end = (datetime.fromtimestamp(at, UTC) for at in (self.start_s, self.end_s))
        return f"from {start:%Y-%m-%d %H:%M:%SZ} until {end:%H:%M:%SZ}"


def meetings(
    stored: StoredVolumes, overlaps: Overlaps, ours: Sequence[Run], theirs: Sequence[Run], reference: VerticalReference
) -> Mapping[int, FlightOverlap]:
    """What overlaps, by the place of the pair of plans among those that were asked for."""
    if not len(overlaps):
        return {}
    starts = np.flatnonzero(np.r_[True, np.diff(overlaps.pair) != 0])
    bounds = [*starts.tolist(), len(overlaps)]
    heights = [envelopes(stored.heights[at], starts, reference) for at in (overlaps.ours, overlaps.theirs)]
    start_s = np.maximum(stored.start_s[overlaps.ours], stored.start_s[overlaps.theirs])
    end_s = np.minimum(stored.end_s[overlaps.ours], stored.end_s[overlaps.theirs])
    found = {}
    for n, pair in enumerate(overlaps.pair[starts].tolist()):
        at = slice(bounds[n], bounds[n + 1])
        own, other = np.unique(overlaps.ours[at]), np.unique(overlaps.theirs[at])
        outlines, has_more = _shapes(stored, overlaps, at)
        found[pair] = FlightOverlap(
            volumes=(_named(own - ours[pair].first), _named(other - theirs[pair].first)),
            counts=(len(own), len(other)),
            heights=(heights[0][n], heights[1][n]),
            start_s=float(start_s[at].min()),
            end_s=float(end_s[at].max()),
            uncertain=not bool((overlaps.codes[at] == _CERTAIN).any()),
            outlines=outlines,
            has_more_outlines=has_more,
        )
    return found


def others_in_the_way(count: int) -> Finding:
    """Says how many more there are than have a finding of their own."""
    others = f"{count} more flights are in the way that are not named here."
    return Finding(Rule.CONFLICT, Severity.BLOCKING, "", "other flights", (), others)


def others_give_way(count: int) -> Finding:
    """The same of flights of lower priority."""
    others = f"{count} more flights of lower priority give way, or have been told, that are not named here."
    return Finding(Rule.PRIORITY_OVER, Severity.NOTIFICATION, "", "other flights", (), others)


def _named(volumes: np.ndarray[tuple[int], np.dtype[np.intp]]) -> tuple[int, ...]:
    return tuple(volumes[:VOLUMES_NAMED_MAX].tolist())


def _shapes(stored: StoredVolumes, overlaps: Overlaps, at: slice) -> tuple[tuple[Polygon, ...], bool]:
    """Where the first few pairs of volumes overlap, and whether there are more places."""
    few = slice(at.start, min(at.stop, at.start + OUTLINES_MAX))
    shared = shapely.intersection(stored.outlines[overlaps.ours[few]], stored.outlines[overlaps.theirs[few]])
    parts = [part for part in shapely.get_parts(shared) if isinstance(part, Polygon) and part.area > 0.0]
    return tuple(_simple(part) for part in parts[:OUTLINES_MAX]), len(parts) > OUTLINES_MAX or few.stop < at.stop


def _simple(part: Polygon) -> Polygon:
    if len(part.exterior.coords) > VERTICES_MAX:
        hull = part.convex_hull
        simple = hull if isinstance(hull, Polygon) and len(hull.exterior.coords) <= VERTICES_MAX else part.envelope
        return Polygon(shapely.get_exterior_ring(simple))
    return Polygon(part.exterior)
