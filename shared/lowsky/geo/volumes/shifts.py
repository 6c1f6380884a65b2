"""Shifts of a volume in time or height that would make it overlap another, and the nearest free shifts.

Touching is not meeting, so forbidden shifts are open intervals and their ends are free.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from lowsky.geo.heights.altitude import AltitudeBands, VerticalReference

Floats = NDArray[np.float64]
Gap = tuple[float, float]
"""Free shifts from the first value to the second, both included."""

LEVEL_M: Final = 0.01
"""A band that is a single height meets what begins or ends there: forbidden shifts are wider by this instead, which is
more than is taken for a rounding."""

_ROUNDING: Final = 1e-3
"""Of a grain: what floating point may be off by, so that a shift of 20 m is not taken for one of 20.000000001."""


def time_shifts(a_start_s: Floats, a_end_s: Floats, b_start_s: Floats, b_end_s: Floats) -> Floats:
    """Seconds by which the first of each pair of times may not be shifted, (n, 2)."""
    return np.stack([b_start_s - a_end_s, b_end_s - a_start_s], axis=1)


def height_shifts(
    a: AltitudeBands,
    b: AltitudeBands,
    reference: VerticalReference,
    geoid_m: Floats | None = None,
    terrain_m: Floats | None = None,
) -> Floats:
    """Metres by which the first of each pair of bands may not be shifted, (m, 2): where `overlap_codes` is not zero.

    Exact in one datum, but for LEVEL_M; across datums as wide as the bounds ask for. Pairs that meet nowhere are left
    out.
    """
    a, b = a.resolved(), b.resolved()
    a_one, b_one = a.lower_datum == a.upper_datum, b.lower_datum == b.upper_datum
    floor_least, _ = reference.differences(a.lower_datum, b.upper_datum, geoid_m, terrain_m)
    other_least, _ = reference.differences(b.lower_datum, a.upper_datum, geoid_m, terrain_m)
    low = b.lower_m + other_least - a.upper_m - np.where(a_one & (a.lower_m == a.upper_m), LEVEL_M, 0.0)
    high = b.upper_m - floor_least - a.lower_m + np.where(b_one & (b.lower_m == b.upper_m), LEVEL_M, 0.0)
    there = low < high
    for bands, one in ((a, a_one), (b, b_one)):
        # A band of two datums is empty where the ground rises above its ceiling.
        least, _ = reference.differences(bands.lower_datum, bands.upper_datum, geoid_m, terrain_m)
        there &= one | (bands.lower_m + least < bands.upper_m)
    return np.stack([low, high], axis=1)[there]


def free_gaps(forbidden: Floats, least: float, greatest: float) -> Sequence[Gap]:
    """What open intervals, (n, 2), leave of the shifts from one to another, in order."""
    gaps: list[Gap] = []
    begin = least
    for low, high in forbidden[np.argsort(forbidden[:, 0])].tolist():
        if low >= begin and begin <= greatest:
            gaps.append((begin, min(low, greatest)))
        begin = max(begin, high)
    if begin <= greatest:
        gaps.append((begin, greatest))
    return gaps


def nearest_first(gaps: Sequence[Gap], grain: float, stride: float) -> Iterator[float]:
    """Multiples of a grain that are free, the smallest shift first, of two that are equal the later or higher one.

    Those where each gap is nearest, and a grain further, lest a rounding should be in the way; then stride by stride.
    """
    streams = []
    for low, high in gaps:
        first, last = math.ceil(low / grain - _ROUNDING), math.floor(high / grain + _ROUNDING)
        step = max(round(stride / grain), 2)
        later, earlier = max(first, 0), min(last, -1)
        streams.append(itertools.chain(range(later, min(later + 1, last) + 1), range(later + step, last + 1, step)))
        streams.append(
            itertools.chain(range(earlier, max(earlier - 1, first) - 1, -1), range(earlier - step, first - 1, -step))
        )
    return (n * grain for n in heapq.merge(*streams, key=lambda n: 2 * abs(n) + (n < 0)))
