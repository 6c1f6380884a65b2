"""Times of zones: as published where they are clear, the wider reading and a note where they are not."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from lowsky.airspace.reading import AS_PUBLISHED, Declared, ZoneOutcome
from lowsky.geo.schedules.applicability import EVERY_DAY, PERMANENT, Applicability, Daily, Period
from lowsky.geo.schedules.sun import SunEvent
from tests.support.whole_reading import read

RING = [[8.0, 47.0], [8.1, 47.0], [8.1, 47.1], [8.0, 47.1], [8.0, 47.0]]
BAND = {"upper": 120, "upperReference": "AGL", "lower": 0, "lowerReference": "AGL"}
HOUR = 3600
PLACE = (8.0, 47.0, 8.1, 47.1)


def times(key: str, value: object, declared: Declared = AS_PUBLISHED) -> tuple[Applicability, list[str]]:
    """Of an ED-318 zone for `limitedApplicability`, of an ED-269 zone for `applicability`."""
    properties: dict[str, object] = {"identifier": "Z", key: value}
    properties |= {"restriction": "PROHIBITED"} if key == "applicability" else {"type": "PROHIBITED"}
    geometry = {"type": "Polygon", "coordinates": [RING], "layer": BAND}
    found = read(json.dumps({"type": "Feature", "geometry": geometry, "properties": properties}).encode(), declared)
    assert found.entries[0].outcome is ZoneOutcome.TAKEN
    limits = {"UPPER_ABSENT", "LOWER_ABSENT"}  # the ED-269 zone has no limits here
    return found.zones[0].geozone.applicability, [n.reason for n in found.entries[0].notes if n.reason not in limits]


def entry(**changes: object) -> Applicability:
    schedule = [{"day": ["MON"], "startTime": "08:00Z", "endTime": "18:00Z"} | changes]
    return times("limitedApplicability", [{"schedule": schedule}])[0]


def when(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("period", "start", "end", "noted"),
    [
        (("2026-04-01T00:00:00.000Z", "2026-11-30T00:00:00.000Z"), "2026-04-01", "2026-11-30", []),
        (("2026-04-01T00:00Z", None), "2026-04-01", None, []),
        ((None, "2026-04-01T02:00:00+02:00"), None, "2026-04-01", []),
        (("2026-10-25T01:00:00Z", "2027-03-28T00:59:59Z"), "2026-10-25T01:00", "2027-03-28T01:00", ["END_INSIDE"]),
        ((None, "2027-12-31T23:59Z"), None, "2028-01-01", ["END_INSIDE"]),
        ((None, "2027-12-31T23:59:00Z"), None, "2027-12-31T23:59", []),
        ((None, "2027-12-31T24:00:00Z"), None, "2028-01-01", []),
        (("2026-04-01", "2026-04-02"), "2026-03-31T10:00", "2026-04-03T12:00", ["TIME_ZONE_ABSENT"] * 2),
        (("2026-04-01T12:00:00", None), "2026-03-31T22:00", None, ["TIME_ZONE_ABSENT"]),
        (("soon", "2026-04-02T00:00:00Z"), None, "2026-04-02", ["TIME_UNREADABLE"]),
        (("2026-02-30T00:00:00Z", "2026-04-02T00:00:00Z"), None, "2026-04-02", ["TIME_UNREADABLE"]),
    ],
)
def test_periods_keep_their_bounds_or_grow(
    period: tuple[str | None, str | None], start: str | None, end: str | None, noted: list[str]
) -> None:
    found, reasons = times("limitedApplicability", [{"startDateTime": period[0], "endDateTime": period[1]}])
    assert found == Applicability((Period(when(start) if start else None, when(end) if end else None),))
    assert reasons == noted


@pytest.mark.parametrize(
    ("key", "value", "noted"),
    [
        ("limitedApplicability", None, []),
        ("limitedApplicability", [], []),
        ("applicability", [{"permanent": "YES"}], []),
        (
            "applicability",
            [{"permanent": "YES", "startDateTime": None, "dailyPeriod": [{"day": [], "startTime": None}]}],
            [],
        ),
        ("applicability", {"permanent": "YES"}, []),
        ("applicability", [{"permanent": True}], []),
        ("applicability", [{"permanent": "YES", "schedule": []}], []),
        ("applicability", None, ["APPLICABILITY_ABSENT"]),
        ("applicability", [{"permanent": "NO"}], ["PERIOD_UNBOUNDED"]),
        ("applicability", [{"permanent": "YES", "endDateTime": "2020-01-01T00:00:00Z"}], ["PERMANENT_WITH_TIMES"]),
        ("applicability", ["always"], ["PERIOD_UNREADABLE"]),
        ("applicability", [{"permanent": "NO", "startDateTime": "x"}], ["TIME_UNREADABLE"]),
        (
            "limitedApplicability",
            [{"startDateTime": "2026-01-02T00:00:00Z", "endDateTime": "2026-01-01T00:00:00Z"}],
            ["PERIOD_CONTRADICTS"],
        ),
        ("limitedApplicability", [{"startDateTime": "2026-01-02T00:00:00Z"}] * 1001, ["TOO_MANY_PERIODS"]),
    ],
)
def test_times_that_bind_nothing_leave_a_zone_permanent(key: str, value: object, noted: list[str]) -> None:
    assert times(key, value) == (PERMANENT, noted)


def test_one_permanent_period_among_others_makes_the_zone_permanent() -> None:
    assert times("applicability", [{"startDateTime": "2026-01-01T00:00:00Z"}, {"permanent": "YES"}])[0] == PERMANENT


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, Daily(frozenset({0}), 8 * HOUR, 18 * HOUR)),
        ({"day": ["SUN", "MON", "FRI"]}, Daily(frozenset({0, 4, 6}), 8 * HOUR, 18 * HOUR)),
        ({"day": "Monday"}, Daily(frozenset({0}), 8 * HOUR, 18 * HOUR)),
        ({"day": ["ANY"]}, Daily(EVERY_DAY, 8 * HOUR, 18 * HOUR)),
        ({"day": ["MON", "HOL"]}, Daily(EVERY_DAY, 8 * HOUR, 18 * HOUR)),
        ({"day": None}, Daily(EVERY_DAY, 8 * HOUR, 18 * HOUR)),
        ({"startTime": "22:00Z", "endTime": "04:00Z"}, Daily(frozenset({0}), 22 * HOUR, 4 * HOUR)),
        ({"startTime": "00:00:00.00Z", "endTime": "23:59:59.00Z"}, Daily(frozenset({0}), 0, 0)),
        ({"endTime": "24:00:00Z"}, Daily(frozenset({0}), 8 * HOUR, 0)),
        ({"endTime": "00:00Z"}, Daily(frozenset({0}), 8 * HOUR, 0)),
        ({"endTime": None}, Daily(frozenset({0}), 8 * HOUR, 0)),
        ({"startTime": None}, Daily(frozenset({0}), 0, 18 * HOUR)),
        ({"startTime": "01:00+02:00", "endTime": "05:00+02:00"}, Daily(frozenset({6}), 23 * HOUR, 3 * HOUR)),
        ({"startTime": "20:00-05:00", "endTime": "21:00-05:00"}, Daily(frozenset({1}), HOUR, 2 * HOUR)),
        (
            {"endTime": None, "endEvent": "SS"},
            Daily(frozenset({0}), 8 * HOUR, 0, end_event=SunEvent.SS, place=PLACE),
        ),
        (
            {"startTime": None, "startEvent": "bmct"},
            Daily(frozenset({0}), 0, 18 * HOUR, start_event=SunEvent.BMCT, place=PLACE),
        ),
        ({"endEvent": "SS"}, Daily(frozenset({0, 1}), 0, 24 * HOUR, uncertain=True)),  # and a time beside it
        ({"endTime": None, "endEvent": "NOON"}, Daily(frozenset({0, 1}), 0, 24 * HOUR, uncertain=True)),
        (
            {"startTime": "08:00+02:00", "endTime": None, "endEvent": "SS"},
            Daily(frozenset({6, 0, 1}), 0, 24 * HOUR, uncertain=True),
        ),
        ({"startTime": "8 o'clock"}, Daily(frozenset({0, 1}), 0, 24 * HOUR, uncertain=True)),
        ({"startTime": "25:00Z"}, Daily(frozenset({0, 1}), 0, 24 * HOUR, uncertain=True)),
        ({"startTime": "08:00", "endTime": "18:00"}, Daily(frozenset({6, 0, 1}), 0, 24 * HOUR, uncertain=True)),
    ],
)
def test_schedule_entries_are_placed_in_utc_or_widened(changes: dict[str, object], expected: Daily) -> None:
    (period,) = entry(**changes).periods
    assert period.schedule == (expected,)


def test_events_of_the_sun_are_placed_where_the_zone_is() -> None:
    schedule = [{"day": ["SAT"], "startEvent": "SR", "endEvent": "SS"}]
    found, reasons = times("limitedApplicability", [{"schedule": schedule}])
    entry = Daily(frozenset({5}), 0, 0, start_event=SunEvent.SR, end_event=SunEvent.SS, place=PLACE)
    assert found == Applicability((Period(schedule=(entry,)),))
    assert not found.uncertain
    assert found.periods[0].schedule[0].place == PLACE
    assert reasons == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"startTime": "22:00", "endTime": "06:00"}, Daily(frozenset({0}), 22 * HOUR, 6 * HOUR, zone="Europe/Berlin")),
        ({"startTime": "24:00", "endTime": "06:00"}, Daily(frozenset({1}), 0, 6 * HOUR, zone="Europe/Berlin")),
        ({"startTime": "24:00", "endEvent": "SS"}, Daily(frozenset({0, 1}), 0, 24 * HOUR, uncertain=True)),
        ({"startTime": "22:00Z", "endTime": "06:00Z"}, Daily(frozenset({0}), 22 * HOUR, 6 * HOUR)),
        ({"startTime": "22:00Z", "endTime": "06:00"}, Daily(frozenset({6, 0, 1}), 0, 24 * HOUR, uncertain=True)),
        (
            {"startTime": "08:00", "endEvent": "EECT"},
            Daily(frozenset({0}), 8 * HOUR, 0, zone="Europe/Berlin", end_event=SunEvent.EECT, place=PLACE),
        ),
        (
            {"startTime": "08:00Z", "endEvent": "EECT"},
            Daily(frozenset({0}), 8 * HOUR, 0, end_event=SunEvent.EECT, place=PLACE),
        ),
    ],
)
def test_times_without_a_zone_are_by_the_declared_clock(fields: dict[str, object], expected: Daily) -> None:
    schedule = [{"day": ["MON"]} | fields]
    found, _ = times("limitedApplicability", [{"schedule": schedule}], Declared(time_zone="Europe/Berlin"))
    assert found.periods[0].schedule == (expected,)


def test_bounds_without_a_zone_are_by_the_declared_clock() -> None:
    period = {"startDateTime": "2026-07-01T12:00:00", "endDateTime": "2026-10-25"}
    found, reasons = times("limitedApplicability", [period], Declared(time_zone="Europe/Berlin"))
    assert found == Applicability((Period(when("2026-07-01T10:00"), when("2026-10-25T23:00")),))
    assert reasons == []


def test_a_schedule_with_an_unreadable_entry_is_all_day() -> None:
    period = {"startDateTime": "2026-01-01T00:00:00Z", "schedule": [{"day": ["MON"], "startTime": "08:00Z"}, "x"]}
    found, reasons = times("limitedApplicability", [period])
    assert found == Applicability((Period(when("2026-01-01")),))
    assert "SCHEDULE_UNREADABLE" in reasons


def test_the_austrian_winter_and_summer_halves_meet_without_a_gap() -> None:
    halves = [("2025-10-26T01:00:00Z", "2026-03-29T00:59:59Z"), ("2026-03-29T01:00:00Z", "2026-10-25T00:59:59Z")]
    found, _ = times("applicability", [{"permanent": "NO", "startDateTime": a, "endDateTime": b} for a, b in halves])
    change = when("2026-03-29T01:00").timestamp()
    assert found.applies(change - 0.5, change - 0.25)
