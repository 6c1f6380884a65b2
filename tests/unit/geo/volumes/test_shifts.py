"""Shifts: what is said to be free meets nothing, what is said to be forbidden does, and the nearest one comes first."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
from hypothesis import assume, event, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from lowsky.geo.heights.altitude import ANYWHERE, AltitudeBand, AltitudeBands, Datum, VerticalReference, overlap_codes
from lowsky.geo.volumes.shifts import LEVEL_M, free_gaps, height_shifts, nearest_first, time_shifts
from tests.unit.geo.encounters import bands, references

FAR = 10.0
intervals = st.lists(st.tuples(st.integers(-12, 12), st.integers(1, 6)).map(lambda one: (one[0], sum(one))), max_size=6)


def higher(band: AltitudeBand, by_m: float) -> AltitudeBand:
    return replace(band, lower_m=band.lower_m + by_m, upper_m=band.upper_m + by_m)


def is_barely_there(band: AltitudeBand, reference: VerticalReference) -> bool:
    one = AltitudeBands.of([band]).resolved()
    least, _ = reference.differences(one.lower_datum, one.upper_datum)
    return bool((one.lower_datum != one.upper_datum).any() and abs(one.lower_m + least - one.upper_m).min() < 1e-6)


def forbidden(a: AltitudeBand, b: AltitudeBand, reference: VerticalReference = ANYWHERE) -> NDArray[np.float64]:
    return height_shifts(AltitudeBands.of([a]), AltitudeBands.of([b]), reference)


@given(bands(), bands(), references(), st.lists(st.floats(-200, 200) | st.integers(-200, 200), min_size=20))
def test_a_height_is_forbidden_where_the_bands_overlap_and_nowhere_else(
    a: AltitudeBand, b: AltitudeBand, reference: VerticalReference, shifts: list[float]
) -> None:
    # A band of two datums that is a single height at one place on earth is there or not by a rounding.
    assume(not any(is_barely_there(band, reference) for band in (a, b)))
    found = forbidden(a, b, reference)
    event(f"forbidden {len(found)}")
    for shift in shifts:
        met = bool(overlap_codes(AltitudeBands.of([higher(a, shift)]), AltitudeBands.of([b]), reference)[0])
        near_an_end = (np.abs(found - shift) <= 2 * LEVEL_M).any()
        said = bool(((found[:, 0] < shift) & (shift < found[:, 1])).any())
        assert said is met or near_an_end
        assert not met or said or (np.abs(found - shift) <= 1e-9).any()  # never wrong but by a rounding


def test_bands_that_touch_are_free_of_each_other_and_a_single_height_is_inside_its_floor() -> None:
    low, high = AltitudeBand(90, Datum.AGL, 110, Datum.AGL), AltitudeBand(100, Datum.AGL, 120, Datum.AGL)
    assert forbidden(low, high).tolist() == [[-10, 30]]
    level = AltitudeBand(100, Datum.AGL, 100, Datum.AGL)
    assert forbidden(level, high).tolist() == [[-LEVEL_M, 20]]


def test_times_that_touch_are_free_of_each_other() -> None:
    of = np.array
    assert time_shifts(of([100.0]), of([200.0]), of([150.0]), of([400.0])).tolist() == [[-50.0, 300.0]]


@given(intervals, st.integers(-12, 0), st.integers(0, 12))
def test_gaps_are_all_that_the_intervals_leave(taken: list[tuple[int, int]], least: int, greatest: int) -> None:
    gaps = free_gaps(np.array(taken, dtype=float).reshape(-1, 2), least, greatest)
    for shift in np.arange(-14, 14.25, 0.25).tolist():
        free = least <= shift <= greatest and not any(low < shift < high for low, high in taken)
        assert any(low <= shift <= high for low, high in gaps) is free
    assert all(a[1] <= b[0] for a, b in itertools.pairwise(gaps))


@given(intervals, st.floats(-12, 0), st.floats(0, 12), st.sampled_from([0.001, 0.25, 1.0]))
def test_the_first_shift_is_the_smallest_free_multiple_of_a_grain(
    taken: list[tuple[int, int]], least: float, greatest: float, grain: float
) -> None:
    gaps = free_gaps(np.array(taken, dtype=float).reshape(-1, 2), least, greatest)
    found = list(itertools.islice(nearest_first(gaps, grain, 2.0), 50))
    grid = np.arange(math.floor(least / grain) - 1, math.ceil(greatest / grain) + 2) * grain
    free = [
        shift
        for shift in grid
        if least - grain * 1e-3 <= shift <= greatest + grain * 1e-3
        and not any(low + 1e-9 < shift < high - 1e-9 for low, high in taken)
    ]
    event(f"found {bool(found)}")
    assert bool(found) is bool(free)
    if free:
        assert abs(found[0]) <= min(abs(shift) for shift in free) + 1e-9
        assert min(abs(shift - found[0]) for shift in free) < 1e-9
    assert [abs(shift) for shift in found] == sorted(abs(shift) for shift in found)
    assert len(set(found)) == len(found)


def test_of_two_equal_shifts_the_later_or_higher_one_comes_first() -> None:
    gaps = [(-60.0, -20.0), (20.0, 60.0)]
    assert list(itertools.islice(nearest_first(gaps, 1.0, 10.0), 6)) == [20, -20, 21, -21, 30, -30]
