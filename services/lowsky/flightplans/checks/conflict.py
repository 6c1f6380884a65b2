"""Conflict: findings where the airspace of a plan overlaps that of another flight.

A finding states where, when and at which altitudes, but does not identify the other flight: its alias resolves only for
those whom that flight concerns.
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
from lowsky.geo.volumes.stored_volumes import Overlaps, Run, StoredVolumes
from lowsky.geofence.height_texts import Heights
from lowsky.geofence.meetings import envelopes
from lowsky.geofence.zones import leg_numbers

NAMED_MAX: Final = 20
"""How many of the flights that block one plan have a finding each; one last finding counts the others. A plan with so
many conflicts must be planned elsewhere anyway, and each finding takes a third of a millisecond."""

OVER_NAMED_MAX: Final = 200
"""The same for the flights that give way to one plan. All of them are notified."""

OUTLINES_MAX: Final = 4
"""Outlines of overlaps in one finding: enough to show where to look, since a finding is part of every event."""

VERTICES_MAX: Final = 64
"""Vertices of one such outline; one that has more is replaced by its convex hull."""

_CERTAIN = Overlap.CERTAIN.value

_STATED = {
    Rule.CONFLICT: (
        Severity.BLOCKING,
        "another flight. Plan around, above or below it, or at another time.",
    ),
    Rule.PRIORITY_OVER: (Severity.NOTIFICATION, "a flight of lower priority, which gives way."),
    Rule.DISPLACED_BY_PRIORITY: (
        Severity.BLOCKING,
        "a flight of higher priority, which takes this airspace. Plan around it or at another time.",
    ),
    Rule.OFF_NOMINAL_MEETS: (Severity.NOTIFICATION, "another flight, whose operator has been notified."),
    Rule.OFF_NOMINAL: (Severity.NOTIFICATION, "airspace that a flight which has left its plan may enter."),
}
_IN_FLIGHT = {
    Rule.PRIORITY_OVER: "a flight of lower priority, which is in progress; its operator has been notified.",
    Rule.DISPLACED_BY_PRIORITY: "a flight of higher priority: keep clear of it.",
}


@dataclass(frozen=True, slots=True)
class FlightOverlap:
    """The overlap of two plans; each pair of values is of the one plan and of the other."""

    volumes: tuple[tuple[int, ...], tuple[int, ...]]
    """Indexes of the volumes concerned, the first VOLUMES_NAMED_MAX of them."""
    counts: tuple[int, int]
    """How many volumes are concerned in total."""
    heights: tuple[Heights, Heights]
    start_s: float
    end_s: float
    uncertain: bool
    outlines: tuple[Polygon, ...]
    """The outlines of the first overlaps."""
    has_more_outlines: bool

    def finding(self, rule: Rule, other: str, *, reverse: bool = False, under_way: bool = False) -> Finding:
        """The finding for the one plan, or for the other if reversed.

        Args:
            other: Alias of the other plan (aliases.py).
            under_way: The flight that would give way is in progress, and so no longer can.
        """
        ours, theirs = (1, 0) if reverse else (0, 1)
        severity, what = _STATED[rule]
        if under_way:
            severity, what = Severity.NOTIFICATION, _IN_FLIGHT[rule]
        overlap = "overlaps" if self.counts[ours] == 1 else "overlap"
        more = " Only the first overlaps are outlined." if self.has_more_outlines else ""
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
    """The overlaps, by the index of the pair of plans in `ours` and `theirs`."""
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
    """The finding that counts the conflicting flights that have no finding each."""
    others = f"{count} more flights, not named here, conflict with the plan."
    return Finding(Rule.CONFLICT, Severity.BLOCKING, "", "other flights", (), others)


def others_give_way(count: int) -> Finding:
    """The same for flights of lower priority."""
    others = f"{count} more flights of lower priority, not named here, give way or have been notified."
    return Finding(Rule.PRIORITY_OVER, Severity.NOTIFICATION, "", "other flights", (), others)


def _named(volumes: np.ndarray[tuple[int], np.dtype[np.intp]]) -> tuple[int, ...]:
    return tuple(volumes[:VOLUMES_NAMED_MAX].tolist())


def _shapes(stored: StoredVolumes, overlaps: Overlaps, at: slice) -> tuple[tuple[Polygon, ...], bool]:
    """The outlines of the first few overlaps, and whether there are more."""
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
