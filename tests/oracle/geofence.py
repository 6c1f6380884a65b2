"""A leg or a volume against a layer of a zone: in plan, in altitude and in time, and what an index may find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

import numpy as np

from tests.oracle.exact import interiors_meet
from tests.oracle.height import Bounds, Limits, possible_and_certain, possible_of_any
from tests.oracle.hours import Hours, applies
from tests.oracle.plan import ERROR_M, Floats, Point, distance_m

PRECISION_M = 0.01
"""Of ASTM F3548-21."""


class Verdict(Enum):
    """What may be found."""

    MEETS = "must be found"
    EITHER = "within the tolerance: may be found"
    APART = "must not be found"


@dataclass(frozen=True)
class Area:
    """Rings with continuous longitudes, shells and holes alike, or a circle's centre with its radius."""

    rings: tuple[Floats, ...]
    radius_m: float = 0.0


@dataclass(frozen=True)
class Flown:
    """A leg with its buffer, or an area (`start` is None); the readings of its heights; its half-open time."""

    start: Point | None
    end: Point | None
    buffer_m: float
    area: Area | None
    readings: tuple[Limits, ...]
    """One band; two where the ends of a leg are in different datums, each end a band of its own."""
    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class Zone:
    """A zone as its layers and times."""

    layers: tuple[tuple[Area, Limits], ...]
    hours: tuple[Hours, ...]


Key = tuple[int, int, int]
"""Volume, zone, layer."""


def in_plan(flown: Flown, area: Area) -> Verdict:
    """In plan view: what is apart by less than the precision may be found, what meets must be."""
    if flown.area is not None:
        return _volume(flown.area, area)
    assert flown.start is not None
    assert flown.end is not None
    return _by_distance(distance_m(flown.start, flown.end, area.rings), flown.buffer_m + area.radius_m)


def _by_distance(away_m: float, reach_m: float) -> Verdict:
    if away_m < reach_m - ERROR_M:
        return Verdict.MEETS
    return Verdict.APART if away_m > reach_m + PRECISION_M - ERROR_M else Verdict.EITHER


def _volume(volume: Area, area: Area) -> Verdict:
    if not area.radius_m:
        return Verdict.MEETS if interiors_meet(_lists(volume), _lists(area)) else Verdict.APART
    centre = float(area.rings[0][0, 0]), float(area.rings[0][0, 1])
    return _by_distance(distance_m(centre, centre, volume.rings), area.radius_m)


def _lists(area: Area) -> list[list[list[float]]]:
    return [ring.tolist() for ring in area.rings]


def expected(flown: Sequence[Flown], zones: Sequence[Zone], bounds: Bounds) -> dict[Key, tuple[Verdict, bool | None]]:
    """For each volume and layer: the verdict, and whether the altitudes meet for certain, None where not asked."""
    verdicts: dict[Key, tuple[Verdict, bool | None]] = {}
    for v, volume in enumerate(flown):
        for z, zone in enumerate(zones):
            in_time = applies(zone.hours, volume.begins, volume.ends)
            for n, (area, limits) in enumerate(zone.layers):
                possible, certain = _heights(volume.readings, limits, bounds)
                verdict = in_plan(volume, area) if in_time and possible is not Verdict.APART else Verdict.APART
                if verdict is Verdict.MEETS:
                    verdict = possible
                verdicts[v, z, n] = verdict, certain
    return verdicts


def _heights(readings: Sequence[Limits], limits: Limits, bounds: Bounds) -> tuple[Verdict, bool | None]:
    if len(readings) > 1:
        # The service widens such a leg to one band above the sea, which may only err to overlap.
        return Verdict.MEETS if possible_of_any(readings, limits, bounds) else Verdict.EITHER, None
    (ours,) = readings
    possible, certain = possible_and_certain(ours, limits, bounds)
    if possible:
        return Verdict.MEETS, certain
    # Of limits in different datums, conditions that cannot hold together may each seem possible.
    mixed = limits.lower_datum != limits.upper_datum
    return Verdict.EITHER if mixed else Verdict.APART, certain


def disagreements(found: Mapping[Key, bool], verdicts: Mapping[Key, tuple[Verdict, bool | None]]) -> list[str]:
    """Where what was found, with its certainty, is not what may be: in words."""
    wrong = [f"{key} is unknown" for key in found if key not in verdicts]
    for key, (verdict, certain) in verdicts.items():
        if verdict is Verdict.MEETS and key not in found:
            wrong.append(f"{key} was missed")
        if verdict is Verdict.APART and key in found:
            wrong.append(f"{key} was found, but is apart")
        if key in found and verdict is Verdict.MEETS and certain is not None and found[key] is not certain:
            wrong.append(f"{key} is {'certain' if certain else 'uncertain'}, not as found")
    return wrong


def ring(points: Sequence[Point]) -> Floats:
    """An open ring as an array."""
    return np.array(points, dtype=np.float64)
