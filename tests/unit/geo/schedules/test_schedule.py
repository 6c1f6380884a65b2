"""Schedules by a civil clock and by the sun: against clock changes, almanacs, and one brute-force look per quarter."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, box

from lowsky.geo.schedules.applicability import EVERY_DAY, Daily
from lowsky.geo.schedules.schedule import civil as civil_zone
from lowsky.geo.schedules.schedule import civil_zones
from lowsky.geo.schedules.sun import Place, SunEvent, event_s, event_within, place_of
from tests.oracle.hours import Hours, applies

HOUR = 3600
MON, TUE, WED, THU, FRI, SAT, SUN = range(7)
BERLIN, SHANGHAI = "Europe/Berlin", "Asia/Shanghai"
SPRING, AUTUMN = "2026-03-29", "2026-10-25"
"""Sundays on which Berlin's clock goes from 02:00 to 03:00 and from 03:00 to 02:00, both at 01:00 UTC."""
VIENNA: Place = (16.3, 48.1, 16.4, 48.2)
PUDONG: Place = (121.4, 31.1, 121.6, 31.3)
TROMSO: Place = (18.9, 69.6, 19.0, 69.7)


def utc(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def meets(entry: Daily, start: str, end: str) -> bool:
    return entry.meets(utc(start), utc(end))


def civil(start: float, end: float, *days: int, zone: str = BERLIN) -> Daily:
    return Daily(frozenset(days or EVERY_DAY), int(start * HOUR), int(end * HOUR), zone=zone)


def by_sun(place: Place, start: SunEvent | None, end: SunEvent | None, *days: int, at_s: int = 0) -> Daily:
    return Daily(frozenset(days or EVERY_DAY), at_s, at_s, start_event=start, end_event=end, place=place)


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("2026-01-05T06:59:00", "2026-01-05T07:00:00", False),  # 08:00 in winter is 07:00 UTC
        ("2026-01-05T07:00:00", "2026-01-05T07:00:01", True),
        ("2026-07-06T05:59:59", "2026-07-06T06:00:00", False),  # and in summer 06:00
        ("2026-07-06T06:00:00", "2026-07-06T06:00:01", True),
        ("2026-07-06T16:00:00", "2026-07-07T06:00:00", False),
    ],
)
def test_hours_follow_the_civil_clock_over_the_year(start: str, end: str, expected: bool) -> None:
    assert meets(civil(8, 18, MON), start, end) is expected


@pytest.mark.parametrize(
    ("entry", "begins", "ends"),
    [
        (civil(1, 4, SUN), f"{SPRING}T00:00:00", f"{SPRING}T02:00:00"),  # two hours long
        (civil(1, 4, SUN), "2026-10-24T23:00:00", f"{AUTUMN}T03:00:00"),  # four
        (civil(2.5, 5, SUN), f"{SPRING}T00:30:00", f"{SPRING}T03:00:00"),  # there is no 02:30: the earlier
        (civil(1, 2.5, SUN), f"{SPRING}T00:00:00", f"{SPRING}T01:30:00"),  # the later
        (civil(2.5, 5, SUN), f"{AUTUMN}T00:30:00", f"{AUTUMN}T04:00:00"),  # 02:30 is there twice: the first
        (civil(1, 2.5, SUN), "2026-10-24T23:00:00", f"{AUTUMN}T01:30:00"),  # the second
        (civil(22, 6, SAT), "2026-03-28T21:00:00", f"{SPRING}T04:00:00"),  # over night, seven hours
        (civil(22, 6, SAT), "2026-10-24T20:00:00", f"{AUTUMN}T05:00:00"),  # nine
        (civil(0, 24, SUN), "2026-03-28T23:00:00", f"{SPRING}T22:00:00"),  # a day of 23 hours
        (civil(0, 0, SUN), "2026-10-24T22:00:00", f"{AUTUMN}T23:00:00"),  # of 25
        (civil(0, 24, MON, zone=SHANGHAI), "2026-05-31T16:00:00", "2026-06-01T16:00:00"),
        (civil(22, 4, MON, zone=SHANGHAI), "2026-06-01T14:00:00", "2026-06-01T20:00:00"),
    ],
)
def test_an_occurrence_holds_its_start_and_not_its_end(entry: Daily, begins: str, ends: str) -> None:
    start, end = utc(begins), utc(ends)
    assert not entry.meets(start - HOUR, start)
    assert entry.meets(start, start + 0.001)
    assert entry.meets(end - 0.001, end)
    assert not entry.meets(end, end + HOUR)


def test_a_window_of_eight_days_meets_any_entry() -> None:
    start = utc("2026-03-20T00:00:00")
    for entry in (civil(8, 9, SUN), by_sun(TROMSO, SunEvent.SR, SunEvent.SS, SUN)):
        assert entry.meets(start, start + 8 * 24 * HOUR)


@pytest.mark.parametrize("bad", ["Berlin", "Europe/Atlantis", "../etc/passwd", "/etc/passwd"])
def test_a_zone_that_nobody_keeps_is_refused(bad: str) -> None:
    with pytest.raises(ValueError, match="time zone"):
        civil(8, 18, zone=bad)


def test_an_event_needs_a_place_and_a_place_an_event() -> None:
    with pytest.raises(ValueError, match="place"):
        Daily(EVERY_DAY, 0, 0, start_event=SunEvent.SR)
    with pytest.raises(ValueError, match="place"):
        Daily(EVERY_DAY, 0, 0, place=VIENNA)


@pytest.mark.parametrize(
    ("longitude", "latitude", "day", "events"),
    [
        # Greenwich: Her Majesty's Nautical Almanac Office; Shanghai: timeanddate.com, CST less eight hours.
        (0.0, 51.48, "2026-06-21", {"SR": "2026-06-21T03:43:00", "SS": "2026-06-21T20:21:00"}),
        (0.0, 51.48, "2026-12-21", {"SR": "2026-12-21T08:03:00", "SS": "2026-12-21T15:53:00"}),
        (121.47, 31.23, "2026-06-21", {"SR": "2026-06-20T20:50:00", "SS": "2026-06-21T11:01:00"}),
        (121.47, 31.23, "2026-12-21", {"SR": "2026-12-20T22:48:00", "SS": "2026-12-21T08:55:00"}),
        (0.0, 51.48, "2026-06-21", {"BMCT": "2026-06-21T02:55:00", "EECT": "2026-06-21T21:09:00"}),
    ],
)
def test_events_are_those_of_the_almanac(longitude: float, latitude: float, day: str, events: dict[str, str]) -> None:
    number = (date.fromisoformat(day) - date(1970, 1, 1)).days
    for name, moment in events.items():
        found = event_s(SunEvent(name), number, longitude, latitude)
        assert found == pytest.approx(utc(moment), abs=120)
        within = event_within(SunEvent(name), number, (longitude, latitude, longitude, latitude))
        assert within is not None
        assert within[0] + 60 < utc(moment) < within[1] - 60


def test_a_zone_from_sunrise_to_sunset_applies_by_day_and_not_by_night() -> None:
    day = by_sun(VIENNA, SunEvent.SR, SunEvent.SS)
    assert meets(day, "2026-06-21T03:00:00", "2026-06-21T03:30:00")
    assert meets(day, "2026-06-21T12:00:00", "2026-06-21T12:01:00")
    assert not meets(day, "2026-06-21T19:10:00", "2026-06-22T02:40:00")
    assert not meets(day, "2026-12-21T16:00:00", "2026-12-22T06:00:00")


def test_a_zone_of_the_night_runs_over_midnight() -> None:
    night = by_sun(VIENNA, SunEvent.EECT, SunEvent.BMCT, SAT)
    assert meets(night, "2026-06-21T01:00:00", "2026-06-21T01:30:00")  # Saturday's night, on Sunday
    assert not meets(night, "2026-06-20T01:00:00", "2026-06-20T01:30:00")
    assert not meets(night, "2026-06-20T03:00:00", "2026-06-20T19:00:00")


def test_a_time_and_an_event_make_an_entry_together() -> None:
    until = by_sun(VIENNA, None, SunEvent.SS, MON, at_s=6 * HOUR)
    assert not meets(until, "2026-06-01T05:00:00", "2026-06-01T06:00:00")
    assert meets(until, "2026-06-01T06:00:00", "2026-06-01T06:01:00")
    assert meets(until, "2026-06-01T18:40:00", "2026-06-01T18:41:00")
    assert not meets(until, "2026-06-01T19:00:00", "2026-06-08T06:00:00")


def test_days_of_utc_and_of_the_place_are_both_meant_where_no_zone_says_which() -> None:
    monday = by_sun(PUDONG, SunEvent.SR, SunEvent.SS, MON)
    assert meets(monday, "2026-06-01T01:00:00", "2026-06-01T02:00:00")  # Monday in Shanghai
    assert meets(monday, "2026-05-31T21:30:00", "2026-05-31T21:40:00")  # Monday's morning there
    assert meets(monday, "2026-06-01T21:30:00", "2026-06-01T21:40:00")  # Monday's sunrise in UTC, on Tuesday there
    assert not meets(monday, "2026-06-02T21:00:00", "2026-06-03T12:00:00")
    local = Daily(frozenset({MON}), 0, 0, zone=SHANGHAI, start_event=SunEvent.SR, end_event=SunEvent.SS, place=PUDONG)
    assert meets(local, "2026-05-31T21:30:00", "2026-05-31T21:40:00")
    assert not meets(local, "2026-06-01T12:00:00", "2026-06-07T20:00:00")


def test_where_the_sun_does_not_rise_or_set_whole_days_are_meant() -> None:
    for start in ("2026-12-21T00:00:00", "2026-06-21T00:00:00"):
        for hour in range(24):
            moment = utc(start) + hour * HOUR
            assert by_sun(TROMSO, SunEvent.SR, SunEvent.SS).meets(moment, moment + 60)
            assert by_sun(TROMSO, SunEvent.SS, SunEvent.SR).meets(moment, moment + 60)
    assert not meets(by_sun(TROMSO, SunEvent.SR, SunEvent.SS), "2026-03-21T21:00:00", "2026-03-22T02:00:00")


def test_a_wide_zone_has_the_earliest_start_and_the_latest_end_in_it() -> None:
    day = (date(2026, 6, 21) - date(1970, 1, 1)).days
    wide = event_within(SunEvent.SR, day, (9.5, 46.4, 17.2, 49.0))
    assert wide is not None
    for longitude in (9.5, 11.0, 13.0, 17.2):
        for latitude in (46.4, 47.3, 48.0, 49.0):
            found = event_s(SunEvent.SR, day, longitude, latitude)
            assert found is not None
            assert wide[0] + 60 < found < wide[1] - 60


def test_one_schedule_at_two_places_is_equal_and_yet_has_hours_of_its_own() -> None:
    here, there = (by_sun(place, SunEvent.SR, SunEvent.SS) for place in (VIENNA, PUDONG))
    assert here == there
    assert meets(here, "2026-06-01T13:00:00", "2026-06-01T13:10:00")
    assert not meets(there, "2026-06-01T13:00:00", "2026-06-01T13:10:00")
    assert meets(here, "2026-06-01T13:00:00", "2026-06-01T13:10:00")


def test_a_place_over_the_antimeridian_is_one_extent() -> None:
    assert place_of([MultiPolygon([box(179, -18, 180, -17), box(-180, -18, -179, -16)])]) == (179, -18, 181, -16)
    assert place_of([box(8, 47, 9, 48), box(10, 46, 11, 47)]) == (8, 46, 11, 48)
    with pytest.raises(ValueError, match="outlines"):
        place_of([])


QUARTER = timedelta(minutes=15)
quarters = st.integers(0, 95)


@settings(max_examples=100, deadline=None)
@given(
    st.frozensets(st.integers(0, 6), min_size=1),
    quarters,
    st.integers(0, 96),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia"]),
    st.sampled_from(["2026-03-05", "2026-03-26", "2026-04-02", "2026-10-02", "2026-10-22", "2026-10-30"]),
    st.integers(0, 96 * 6),
    st.integers(1, 96),
)
def test_civil_hours_agree_with_reading_the_clock_on_the_wall(
    days: frozenset[int], opens: int, closes: int, zone: str, origin: str, start: int, length: int
) -> None:
    entry = Daily(days, opens * 900, closes * 900, zone=zone)
    first = datetime.fromisoformat(origin).replace(tzinfo=UTC) + start * QUARTER
    moments = [first + number * QUARTER for number in range(length)]
    read = any(on_the_wall(entry, moment.astimezone(ZoneInfo(zone))) for moment in moments)
    found = entry.meets(first.timestamp(), (first + length * QUARTER).timestamp())
    # Where a clock changes, the wider reading may have more than the wall shows, and never less.
    assert found >= read
    offsets = {
        (first + timedelta(hours=hour)).astimezone(ZoneInfo(zone)).utcoffset() for hour in range(-72, length // 4 + 73)
    }
    if len(offsets) == 1:
        assert found is read


@settings(max_examples=60, deadline=None)
@given(
    st.frozensets(st.integers(0, 6), min_size=1),
    quarters,
    st.integers(0, 96),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
    st.sampled_from(["2026-03-07", "2026-03-28", "2026-04-04", "2026-10-03", "2026-10-24", "2026-10-31"]),
    st.integers(0, 96 * 3),
    st.integers(1, 96),
)
def test_clock_changes_are_what_the_oracle_says(
    days: frozenset[int], opens: int, closes: int, zone: str, origin: str, start: int, length: int
) -> None:
    entry = Daily(days, opens * 900, closes * 900, zone=zone)
    first = datetime.fromisoformat(origin).replace(tzinfo=UTC) + start * QUARTER
    last = first + length * QUARTER
    told = Hours(None, None, ((days, opens * 900, closes * 900),), zone)
    assert entry.meets(first.timestamp(), last.timestamp()) is applies([told], first, last)


def on_the_wall(entry: Daily, wall: datetime) -> bool:
    """Whether it is on at what a clock shows, by the day it shows or by the one before."""
    shown_s = wall.hour * 3600 + wall.minute * 60
    today, yesterday = wall.weekday() in entry.days, (wall.weekday() - 1) % 7 in entry.days
    if entry.start_s < entry.end_s:
        return today and entry.start_s <= shown_s < entry.end_s
    return (today and shown_s >= entry.start_s) or (yesterday and shown_s < entry.end_s)


def test_names_of_the_iana_database_are_time_zones_and_what_the_machine_decides_is_none() -> None:
    assert {"Asia/Shanghai", "Europe/Vienna", "UTC"} <= civil_zones()
    for of_the_machine in ("localtime", "posixrules", "Factory", "right/Asia/Shanghai", "posix/Asia/Shanghai", ""):
        with pytest.raises(ValueError, match="no time zone of the IANA database"):
            civil_zone(of_the_machine)
