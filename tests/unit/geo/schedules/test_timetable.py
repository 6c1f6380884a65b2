"""Times on arrays: against asking zone by zone, both sides of each edge, with windows of every size."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lowsky.geo.schedules.applicability import EVERY_DAY, PERMANENT, Applicability, Daily, Period
from lowsky.geo.schedules.sun import SunEvent
from lowsky.geo.schedules.timetable import EXACT_S, Timetable

HOUR, DAY, WEEK = 3600, 86_400, 604_800
MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
T0 = MONDAY.timestamp()

times_of_day = st.integers(0, 24).map(lambda n: n * HOUR) | st.integers(0, DAY)
utc_entries = st.builds(
    lambda days, opens, closes, uncertain: Daily(days, opens % DAY, closes, uncertain),
    st.frozensets(st.integers(0, 6), min_size=1),
    times_of_day,
    times_of_day,
    st.booleans(),
)
civil_entries = st.builds(
    lambda days, opens, closes: Daily(days, opens % DAY, closes, zone="Asia/Shanghai"),
    st.frozensets(st.integers(0, 6), min_size=1),
    times_of_day,
    times_of_day,
)
NIGHT = Daily(EVERY_DAY, 0, 0, start_event=SunEvent.SS, end_event=SunEvent.SR, place=(121.4, 31.1, 121.6, 31.3))


@st.composite
def periods_of(draw: st.DrawFn, entries: st.SearchStrategy[Daily]) -> Period:
    first, last = sorted(draw(st.lists(st.integers(-200, 400), min_size=2, max_size=2, unique=True)))
    start = draw(st.sampled_from([MONDAY + timedelta(hours=first), None]))
    end = draw(st.sampled_from([MONDAY + timedelta(hours=last), None]))
    return Period(start, end, tuple(draw(st.lists(entries, max_size=3))))


def applicabilities(entries: st.SearchStrategy[Daily]) -> st.SearchStrategy[Applicability]:
    return st.builds(lambda found: Applicability(tuple(found)), st.lists(periods_of(entries), max_size=3))


hours = st.integers(-300, 500).map(lambda n: T0 + n * HOUR)
moments = st.one_of(
    hours,
    hours.map(lambda s: math.nextafter(s, math.inf)),
    hours.map(lambda s: math.nextafter(s, -math.inf)),
    st.integers(-40, 40).map(lambda n: float(n * HOUR)),  # around the epoch, where float64 is finest
    st.sampled_from([5e-324, -5e-324, 1e-300, -1e-300, -0.0]),
    st.floats(-1e12, 1e12),
    st.floats(allow_nan=False),  # of any size, and infinite
    st.sampled_from([EXACT_S, -EXACT_S, math.nextafter(EXACT_S, 0), EXACT_S + 1.0, 2.0**53 + 2.0, 1e17]),
)
lengths = st.one_of(
    st.just(0.0),
    st.integers(0, 300).map(lambda n: float(n * HOUR)),
    st.sampled_from([float(WEEK), math.nextafter(WEEK, 0), float(WEEK - DAY), 1e-6, math.inf]),
    st.floats(0, 1e18),
)


@st.composite
def windows(draw: st.DrawFn) -> tuple[float, float]:
    start = draw(moments)
    return start, max(start, draw(moments | lengths.map(lambda length: start + length if start > -math.inf else 0.0)))


asked = st.lists(windows(), min_size=1, max_size=8)
NEW_YEAR = datetime(1970, 1, 1, tzinfo=UTC)


@settings(max_examples=600, deadline=None)
@given(st.lists(applicabilities(utc_entries), min_size=1, max_size=4), asked)
@example([Applicability((Period(schedule=(Daily(frozenset({2}), 0, DAY),)),))], [(-5e-324, 0.0), (-1e-323, -5e-324)])
@example([Applicability((Period(schedule=(Daily(frozenset({3}), 0, 1),)),))], [(0.0, 5e-324), (-1.0, 0.0)])
@example([Applicability((Period(NEW_YEAR),))], [(math.inf, math.inf), (-math.inf, -math.inf)])
@example([Applicability((Period(NEW_YEAR),)), Applicability((Period(None, NEW_YEAR),))], [(0.0, 0.0), (-1.0, 0.0)])
def test_hours_of_utc_days_are_what_each_zone_says(
    times: list[Applicability], found: list[tuple[float, float]]
) -> None:
    table = Timetable(times)
    assert not table.open_hours.any()
    zone, window = (each.reshape(-1) for each in np.indices((len(times), len(found))))
    start_s, end_s = np.array(found)[window].T
    expected = [times[z].applies(*found[w]) for z, w in zip(zone, window, strict=True)]
    assert table.may_apply(zone, start_s, end_s).tolist() == expected
    assert table.applies(zone, start_s, end_s).all()


@settings(max_examples=200, deadline=None)
@given(
    st.lists(applicabilities(utc_entries | civil_entries | st.just(NIGHT)), min_size=1, max_size=4),
    st.lists(st.tuples(hours, st.integers(0, 200).map(lambda n: float(n * HOUR))), min_size=1, max_size=4),
)
def test_hours_of_other_clocks_are_first_possible_and_then_what_each_zone_says(
    times: list[Applicability], found: list[tuple[float, float]]
) -> None:
    table = Timetable(times)
    zone, window = (each.reshape(-1) for each in np.indices((len(times), len(found))))
    start_s, end_s = np.array([(start, start + length) for start, length in found])[window].T
    expected = np.array(
        [times[z].applies(float(a), float(b)) for z, a, b in zip(zone, start_s, end_s, strict=True)], dtype=np.bool_
    )
    possible = table.may_apply(zone, start_s, end_s)
    assert (possible | ~expected).all()
    assert ((possible & table.applies(zone, start_s, end_s)) == expected).all()
    assert (possible == expected)[~table.open_hours[zone]].all()


@pytest.mark.parametrize("length_s", [1.0, HOUR, DAY, WEEK - HOUR, WEEK, 2 * WEEK])
def test_an_entry_over_midnight_holds_its_start_and_not_its_end(length_s: float) -> None:
    table = Timetable([Applicability((Period(schedule=(Daily(frozenset({6}), 22 * HOUR, 4 * HOUR),)),))])
    opens, closes = T0 - 2 * HOUR, T0 + 4 * HOUR

    def meets(start_s: float, end_s: float) -> bool:
        return bool(table.may_apply(np.array([0]), np.array([start_s]), np.array([end_s]))[0])

    assert meets(opens, opens + length_s)
    assert meets(math.nextafter(opens, 0) - length_s, math.nextafter(opens, math.inf))
    assert meets(opens - length_s, opens) is (length_s > WEEK - 6 * HOUR)
    assert meets(math.nextafter(closes, 0), closes + length_s)
    assert meets(closes, closes + length_s) is (length_s > WEEK - 6 * HOUR)


def test_permanent_zones_and_no_pairs_at_all_need_no_rules() -> None:
    none = np.zeros(0)
    table = Timetable([PERMANENT])
    assert table.may_apply(np.array([0]), np.array([-math.inf]), np.array([math.inf])).all()
    assert len(table.may_apply(np.zeros(0, dtype=np.intp), none, none)) == 0
    assert len(Timetable([]).may_apply(np.zeros(0, dtype=np.intp), none, none)) == 0
