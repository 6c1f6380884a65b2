"""How a plan may be moved: against every plan near it, moved and compared as it would be."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

import lowsky.flightplans.openings.free_shifts
from lowsky.flightplans.openings.free_shifts import clearance_m, free_heights, free_times
from lowsky.flightplans.openings.nearby_reservations import TooManyFlights
from lowsky.geo.heights.altitude import AltitudeBand, Datum, VerticalReference
from lowsky.geo.volumes.shifts import LEVEL_M, Gap, nearest_first
from lowsky.geo.volumes.stored_volumes import Run, StoredVolumes
from lowsky.geo.volumes.volumes import Volume4D, Volumes
from tests.unit.flightplans.flights import START, box_volume, square
from tests.unit.geo.encounters import encounters, references

FLAT = VerticalReference(0, 0, 0, 0)
HERE = square((113.5, 22.0))


def meet(mine: Volumes, others: Volumes, reference: VerticalReference) -> bool:
    stored = StoredVolumes(len(mine) + len(others))
    runs = [Run(stored.add(mine), len(mine))], [Run(stored.add(others), len(others))]
    return bool(len(stored.overlaps(*runs, reference)))


def later(volumes: Volumes, by_s: float) -> Volumes:
    return replace(volumes, start_s=volumes.start_s + by_s, end_s=volumes.end_s + by_s)


def higher(volumes: Volumes, by_m: float) -> Volumes:
    return replace(volumes, lower_m=volumes.lower_m + by_m, upper_m=volumes.upper_m + by_m)


def says(gaps: list[Gap], shift: float, slack: float) -> bool | None:
    """Whether a shift is free; None so near to an end that rounding decides."""
    if any(abs(shift - end) <= slack for gap in gaps for end in gap):
        return None
    return any(low <= shift <= high for low, high in gaps)


@settings(max_examples=60, deadline=None)
@given(encounters(), references(), st.lists(st.floats(-8_000, 8_000), min_size=5, max_size=10))
def test_a_time_is_free_when_the_plan_meets_nothing_then(
    pair: tuple[list[Volume4D], list[Volume4D]], reference: VerticalReference, shifts: list[float]
) -> None:
    mine, others = (Volumes.of([plan]) for plan in pair)
    gaps = list(free_times(mine, [others], (-7_200.0, 7_200.0), reference))
    event(f"gaps {len(gaps)}")
    for shift in [*shifts, *itertools.islice(nearest_first(gaps, 1.0, 300.0), 5)]:
        said = says(gaps, shift, 1e-5)
        if said is not None and abs(shift) <= 7_200:
            assert said is not meet(later(mine, shift), others, reference)


@settings(max_examples=60, deadline=None)
@given(encounters(), references(), st.lists(st.floats(-150, 150), min_size=5, max_size=10))
def test_a_height_is_free_when_the_plan_meets_nothing_there(
    pair: tuple[list[Volume4D], list[Volume4D]], reference: VerticalReference, shifts: list[float]
) -> None:
    mine, others = (Volumes.of([plan]) for plan in pair)
    gaps = list(free_heights(mine, [others], (-120.0, 120.0), reference))
    event(f"gaps {len(gaps)}")
    for shift in [*shifts, *itertools.islice(nearest_first(gaps, 1.0, 10.0), 5)]:
        said = says(gaps, shift, 2 * LEVEL_M)
        if said is not None and abs(shift) <= 120:
            assert said is not meet(higher(mine, shift), others, reference)


def flights(draw: st.DrawFn, most: int) -> list[Volume4D]:
    """Volumes of some minutes over a few crossing places, in whole seconds and metres."""
    made = []
    for _ in range(draw(st.integers(1, most))):
        low, start_s = draw(st.integers(0, 100)), START.timestamp() + draw(st.integers(-1_800, 1_800))
        area = square((113.5 + 0.01 * draw(st.integers(0, 3)), 22.0))
        band = AltitudeBand(low, Datum.AGL, low + draw(st.integers(0, 40)), Datum.AGL)
        made.append(Volume4D(area, band, start_s, start_s + draw(st.integers(1, 900))))
    return made


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_the_nearest_shift_meets_nothing_and_every_smaller_one_does(data: st.DataObject) -> None:
    mine, others = (Volumes.of([data.draw(st.composite(flights)(most))]) for most in (3, 12))
    for free, move, limits, grain in (
        (free_times, later, (-3_600.0, 3_600.0), 1.0),
        (free_heights, higher, (-120.0, 120.0), 1.0),
    ):
        nearest = next(nearest_first(free(mine, [others], limits, FLAT), grain, 300.0), None)
        event(f"{free.__name__} {'none' if nearest is None else 'as it is' if nearest == 0 else 'moved'}")
        assert nearest is None or not meet(move(mine, nearest), others, FLAT)
        least = limits[1] if nearest is None else abs(nearest) - grain
        for shift in np.unique(np.r_[np.arange(0.0, least, 7.0), least - 2, least - 1, least]):
            if 0 <= shift <= least:
                assert meet(move(mine, shift), others, FLAT)
                assert meet(move(mine, -shift), others, FLAT)


def test_where_nothing_is_near_every_shift_is_free() -> None:
    mine = Volumes.of([[box_volume(HERE, AltitudeBand(90, Datum.AGL, 110, Datum.AGL))]])
    assert free_times(mine, [], (-60, 60), FLAT) == [(-60, 60)]
    assert free_heights(mine, [], (-60, 60), FLAT) == [(-60, 60)]


def test_the_nearest_shifts_are_those_at_which_whole_plans_touch() -> None:
    band = AltitudeBand(90, Datum.AGL, 110, Datum.AGL)
    mine = Volumes.of([[box_volume(HERE, band, minutes=5)]])
    busy = [
        Volumes.of([[box_volume(HERE, band, minutes=10)]]),
        Volumes.of([[box_volume(HERE, replace(band, lower_m=110, upper_m=131.5), minutes=10)]]),
    ]
    times = list(nearest_first(free_times(mine, busy[:1], (-7_200, 7_200), FLAT), 0.001, 300))
    assert times[0] == -300
    heights = list(nearest_first(free_heights(mine, busy, (-90, 90), FLAT), 1.0, 10))
    assert heights[0] == -20
    assert min(height for height in heights if height > 0) == 42  # 41.5 m, which nobody can set


def test_a_plan_is_not_shifted_into_a_time_at_which_its_aircraft_is_busy_wherever_that_is() -> None:
    band, start_s = AltitudeBand(90, Datum.AGL, 110, Datum.AGL), START.timestamp()
    mine = Volumes.of([[box_volume(HERE, band, minutes=2), box_volume(HERE, band, minutes=5)]])
    taken = [(start_s + 60, start_s + 120), (start_s - 400, start_s - 300)]
    gaps = free_times(mine, [], (-7_200, 7_200), FLAT, taken)
    # It takes 300 s, and may begin or end where the other ends or begins.
    assert gaps == [(-7_200, -700), (-300, -240), (120, 7_200)]


@pytest.mark.parametrize(
    ("band", "clear_m"),
    [
        (AltitudeBand(30, Datum.AGL, 50, Datum.AGL), 30),
        (AltitudeBand(-10, Datum.AGL, 50, Datum.AGL), 0),
        (AltitudeBand(130, Datum.AMSL, 150, Datum.AMSL), 70),
        (AltitudeBand(130, Datum.TAKEOFF, 150, Datum.TAKEOFF), 70),
        (AltitudeBand(130, Datum.TAKEOFF, 150, Datum.TAKEOFF, 20), 90),
    ],
)
def test_the_clearance_is_what_is_left_over_the_highest_ground_there_may_be(band: AltitudeBand, clear_m: float) -> None:
    volumes = Volumes.of([[box_volume(HERE, band), box_volume(HERE, replace(band, upper_m=200))]])
    assert clearance_m(volumes, VerticalReference(0, 60, 0, 0)) == clear_m


def test_more_than_is_compared_for_anybody_is_told_and_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lowsky.flightplans.openings.free_shifts, "PAIRS_MAX", 3)
    band = AltitudeBand(90, Datum.AGL, 110, Datum.AGL)
    two = Volumes.of([[box_volume(HERE, band, START)] * 2])
    assert len(free_times(two, [two[:1]], (-60, 60), FLAT)) == 0
    with pytest.raises(TooManyFlights):
        free_times(two, [two], (-60, 60), FLAT)
    assert np.isfinite(two.start_s).all()
