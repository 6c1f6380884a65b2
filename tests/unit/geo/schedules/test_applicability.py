"""Times of zones: both sides of each edge, and a brute-force oracle."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowsky.geo.schedules.applicability import EVERY_DAY, PERMANENT, Applicability, Daily, Period, periods

MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
HOUR = 3600


def at(day: float, hour: float = 0.0) -> float:
    """Seconds since the epoch, of an hour of a day of June 2026, whose 1st is a Monday."""
    return datetime(2026, 6, 1, tzinfo=UTC).timestamp() + (day - 1) * 86_400 + hour * HOUR


def on(*days: int, start: float = 0, end: float = 24) -> Applicability:
    return Applicability((Period(schedule=(Daily(frozenset(days), int(start * HOUR), int(end * HOUR)),)),))


def test_a_permanent_zone_applies_in_every_window() -> None:
    assert PERMANENT.permanent
    assert PERMANENT.applies(-math.inf, math.inf)
    assert PERMANENT.applies(0, 0)


@pytest.mark.parametrize(
    ("start_s", "end_s", "applies"),
    [
        (at(1), at(2), False),  # ends as the period starts
        (at(1), at(2) + 1e-3, True),
        (at(3) - 1e-3, at(4), True),
        (at(3), at(4), False),  # starts as the period ends
        (at(1), at(9), True),
        (at(2.5), at(2.6), True),
        (at(2), at(2), True),  # an instant: the first of the period
        (at(3), at(3), False),
    ],
)
def test_a_period_holds_its_start_and_not_its_end(start_s: float, end_s: float, applies: bool) -> None:
    zone = periods([Period(datetime(2026, 6, 2, tzinfo=UTC), datetime(2026, 6, 3, tzinfo=UTC))])
    assert zone.applies(start_s, end_s) is applies


def test_a_period_open_at_one_end_reaches_to_infinity_there() -> None:
    moment = datetime(2026, 6, 2, tzinfo=UTC)
    after, before = periods([Period(start=moment)]), periods([Period(end=moment)])
    assert after.applies(at(4000), math.inf)
    assert not after.applies(-math.inf, at(2))
    assert before.applies(-math.inf, at(-9000))
    assert not before.applies(at(2), math.inf)


@pytest.mark.parametrize(
    ("start_s", "end_s", "applies"),
    [
        (at(1, 7), at(1, 8), False),
        (at(1, 7), at(1, 8.01), True),
        (at(1, 17.99), at(1, 20), True),
        (at(1, 18), at(2, 8), False),  # Tuesday is not named
        (at(1, 18), at(8, 8), False),  # until the next Monday's start
        (at(1, 18), at(8, 8.01), True),
        (at(1, 18), at(9, 8), True),
        (at(2), at(8), False),
    ],
)
def test_a_schedule_applies_on_its_days_only(start_s: float, end_s: float, applies: bool) -> None:
    assert on(MON, start=8, end=18).applies(start_s, end_s) is applies


@pytest.mark.parametrize(
    ("start_s", "end_s", "applies"),
    [
        (at(1, 21), at(1, 22), False),
        (at(1, 23), at(1, 23.5), True),
        (at(2, 3.9), at(2, 5), True),  # Monday's night, on Tuesday
        (at(2, 4), at(2, 22), False),
        (at(2, 23), at(3, 2), False),  # Tuesday's night is not named
        (at(1, 0), at(1, 4), False),  # Sunday's night is not named
    ],
)
def test_an_end_before_the_start_runs_over_midnight(start_s: float, end_s: float, applies: bool) -> None:
    assert on(MON, start=22, end=4).applies(start_s, end_s) is applies


@pytest.mark.parametrize("end", [0, 24])
def test_both_midnights_end_the_day(end: float) -> None:
    zone = on(SUN, start=22, end=end)
    assert zone.applies(at(7, 23.9), at(8))
    assert not zone.applies(at(8), at(8, 4))


def test_an_end_at_the_start_is_a_whole_day() -> None:
    zone = on(MON, start=8, end=8)
    assert zone.applies(at(2, 7.9), at(2, 8))
    assert not zone.applies(at(2, 8), at(2, 9))


def test_a_night_that_began_before_the_period_counts_inside_it_only() -> None:
    night = Daily(frozenset({SUN}), 22 * HOUR, 2 * HOUR)
    zone = periods([Period(datetime(2026, 6, 8, tzinfo=UTC), None, (night,))])  # Monday
    assert zone.applies(at(8, 1), at(8, 1.5))
    assert not zone.applies(at(7, 22), at(8))


def test_one_of_several_unordered_periods_is_enough() -> None:
    late = Period(datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 2, tzinfo=UTC))
    early = Period(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 2, tzinfo=UTC))
    assert periods([late, early]).applies(at(1, 3), at(1, 4))
    assert not periods([late, early]).applies(at(2), at(90))


def test_uncertain_entries_show_on_the_whole() -> None:
    assert periods([Period(schedule=(Daily(EVERY_DAY, 0, 86_400, uncertain=True),))]).uncertain
    assert not on(MON).uncertain


def test_what_is_no_window_is_refused() -> None:
    for start_s, end_s in ((2.0, 1.0), (math.nan, 1.0), (0.0, math.nan)):
        with pytest.raises(ValueError, match="not a window"):
            PERMANENT.applies(start_s, end_s)


def test_values_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="days"):
        Daily(frozenset(), 0, 1)
    with pytest.raises(ValueError, match="days"):
        Daily(frozenset({7}), 0, 1)
    with pytest.raises(ValueError, match="times"):
        Daily(EVERY_DAY, 86_400, 1)
    with pytest.raises(ValueError, match="not in UTC"):
        Period(datetime(2026, 6, 1, tzinfo=UTC).replace(tzinfo=None))
    with pytest.raises(ValueError, match="not after"):
        Period(datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="PERMANENT"):
        periods([])


MINUTE = timedelta(minutes=1)
ORIGIN = datetime(2026, 3, 27, tzinfo=UTC)
minutes = st.integers(0, 16 * 1440)
entries = st.builds(
    lambda days, start, end: Daily(days, start * 60, end * 60),
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 1439),
    st.integers(0, 1440),
)


@st.composite
def some_period(draw: st.DrawFn) -> Period:
    first, second = sorted(draw(st.lists(minutes, min_size=2, max_size=2, unique=True)))
    start = draw(st.sampled_from([ORIGIN + first * MINUTE, None]))
    end = draw(st.sampled_from([ORIGIN + second * MINUTE, None]))
    return Period(start, end, tuple(draw(st.lists(entries, max_size=3))))


def holds(period: Period, moment: datetime) -> bool:
    """The oracle: one instant, read from the definition, with dates and not with seconds."""
    if (period.start is not None and moment < period.start) or (period.end is not None and moment >= period.end):
        return False
    if not period.schedule:
        return True
    midnight = moment.replace(hour=0, minute=0)
    for entry in period.schedule:
        for day in (midnight, midnight - timedelta(days=1)):
            start = day + timedelta(seconds=entry.start_s)
            end = day + timedelta(seconds=entry.end_s, days=entry.end_s <= entry.start_s)
            if day.weekday() in entry.days and start <= moment < end:
                return True
    return False


@settings(max_examples=150, deadline=None)
@given(st.lists(some_period(), min_size=1, max_size=3), minutes, st.integers(0, 9 * 1440))
def test_applies_agrees_with_asking_every_minute(found: list[Period], start: int, length: int) -> None:
    moment, end = ORIGIN + start * MINUTE, ORIGIN + (start + length) * MINUTE
    expected = any(holds(period, moment) for period in found)
    while moment < end and not expected:
        expected = any(holds(period, moment) for period in found)
        moment += MINUTE
    window = ((ORIGIN + start * MINUTE).timestamp(), end.timestamp())
    assert periods(found).applies(*window) is expected
