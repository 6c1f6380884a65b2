"""Altitude bands over terrain, undulation and take-off points that are known within bounds: difference constraints.

Above mean sea level a limit is a number plus at most one unknown: the terrain, minus the undulation, or a take-off
point's elevation. That a floor lies below a ceiling bounds the difference of two unknowns, and bounds on differences
can be met together if and only if no cycle of them adds up to less than nothing (Bellman).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

NOTHING, TERRAIN, SEA, OURS, THEIRS = range(5)
"""The unknowns: none, the ground, mean sea level below the ellipsoid (minus the undulation), two take-off points."""


@dataclass(frozen=True)
class Limits:
    """A floor and a ceiling, each metres and a datum by name; a level band is one height, which is inside."""

    lower_m: float
    lower_datum: str
    upper_m: float
    upper_datum: str
    takeoff_amsl_m: float | None = None


@dataclass(frozen=True)
class Bounds:
    """What is known of ground and geoid where two volumes meet, and of take-off points, where it is not that."""

    terrain: tuple[float, float]
    geoid: tuple[float, float]
    takeoff: tuple[float, float] | None = None


Limit = tuple[float, int]
Condition = tuple[Limit, Limit, bool]
"""A floor that lies below a ceiling, or at it where that is allowed."""


def possible_and_certain(ours: Limits, theirs: Limits, bounds: Bounds) -> tuple[bool, bool]:
    """Whether some height is in both bands for some, and for all, values of the unknowns."""
    conditions = _conditions(ours, theirs)
    spans = _spans(bounds)
    return _together(conditions, spans), all(_always(condition, spans) for condition in conditions)


def possible_of_any(ours: Sequence[Limits], theirs: Limits, bounds: Bounds) -> bool:
    """Whether a band from the lowest floor to the highest ceiling of several, whichever these are, may meet another."""
    spans = _spans(bounds)
    for low, high in itertools.product(ours, ours):
        floor, ceiling = _limits(low, OURS)[0], _limits(high, OURS)[1]
        their_floor, their_ceiling = _limits(theirs, THEIRS)
        level = theirs.lower_datum == theirs.upper_datum and theirs.lower_m == theirs.upper_m
        conditions: list[Condition] = [(floor, their_ceiling, level), (their_floor, ceiling, False)]
        if not level:
            conditions.append((their_floor, their_ceiling, False))
        if _together(conditions, spans):
            return True
    return False


def _limits(limits: Limits, takeoff: int) -> tuple[Limit, Limit]:
    unknown = {"AMSL": NOTHING, "AGL": TERRAIN, "WGS84": SEA, "TAKEOFF": takeoff}
    found = []
    for metres, datum in ((limits.lower_m, limits.lower_datum), (limits.upper_m, limits.upper_datum)):
        if datum == "TAKEOFF" and limits.takeoff_amsl_m is not None:
            found.append((metres + limits.takeoff_amsl_m, NOTHING))
        else:
            found.append((metres, unknown[datum]))
    return found[0], found[1]


def _conditions(ours: Limits, theirs: Limits) -> list[Condition]:
    (our_floor, our_ceiling), (their_floor, their_ceiling) = _limits(ours, OURS), _limits(theirs, THEIRS)
    our_level, their_level = our_floor == our_ceiling, their_floor == their_ceiling
    return [
        (our_floor, their_ceiling, their_level),
        (their_floor, our_ceiling, our_level),
        (our_floor, our_ceiling, our_level),
        (their_floor, their_ceiling, their_level),
    ]


def _spans(bounds: Bounds) -> list[tuple[Fraction, Fraction]]:
    low, high = (Fraction(bound) for bound in bounds.terrain)
    sea = -Fraction(bounds.geoid[1]), -Fraction(bounds.geoid[0])
    takeoff = low, high
    if bounds.takeoff is not None:
        takeoff = Fraction(bounds.takeoff[0]), Fraction(bounds.takeoff[1])
    return [(Fraction(0), Fraction(0)), (low, high), sea, takeoff, takeoff]


def _always(condition: Condition, spans: list[tuple[Fraction, Fraction]]) -> bool:
    (floor, below), (ceiling, above), at = condition
    if math.isinf(floor) or math.isinf(ceiling):
        return True
    same = below == above
    gap = Fraction(ceiling) - Fraction(floor) + (0 if same else spans[above][0] - spans[below][1])
    return gap > 0 or (at and gap == 0)


def _together(conditions: list[Condition], spans: list[tuple[Fraction, Fraction]]) -> bool:
    """Whether all can hold at once: shortest paths, each length with -1 for every strict step on it."""
    far = (Fraction(10**9), 0)
    count = len(spans)
    paths = [[(Fraction(0), 0) if i == j else far for j in range(count)] for i in range(count)]

    def bound(x: int, y: int, most: Fraction, strict: int) -> None:
        """x - y <= most, or < where strict is -1."""
        paths[y][x] = min(paths[y][x], (most, strict))

    for unknown, (low, high) in enumerate(spans):
        bound(unknown, NOTHING, high, 0)
        bound(NOTHING, unknown, -low, 0)
    for (floor, below), (ceiling, above), at in conditions:
        if not (math.isinf(floor) or math.isinf(ceiling)):
            bound(below, above, Fraction(ceiling) - Fraction(floor), 0 if at else -1)
    for k, i, j in itertools.product(range(count), repeat=3):
        through = paths[i][k][0] + paths[k][j][0], paths[i][k][1] + paths[k][j][1]
        paths[i][j] = min(paths[i][j], through)
    return all(paths[i][i] >= (0, 0) for i in range(count))
