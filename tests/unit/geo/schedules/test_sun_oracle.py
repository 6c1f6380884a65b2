"""Schedules by the sun against an oracle with another sun (tests/oracle): almanac formulas, read by halving intervals.

A zone may only apply earlier or later than that by the stated margins, and always within them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from shapely import Polygon, box

import lowsky.geo.schedules.schedule
import lowsky.geo.schedules.sun
from lowsky.geo.heights.altitude import AltitudeBand, Datum
from lowsky.geo.schedules.applicability import Applicability, Daily, Period
from lowsky.geo.schedules.sun import SunEvent, place_of
from lowsky.geo.shapes.antimeridian import cut
from lowsky.geo.volumes.volumes import Volume4D, Volumes
from lowsky.geo.zones.geozone import Geozone, Layer, Restriction
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from tests.oracle.daylight import Extent, SunHours, sun_verdict
from tests.oracle.geofence import Verdict
from tests.oracle.profile import PROFILE, TEETH
from tests.oracle.sun import height_deg, passes_s
from tests.oracle.sun_cases import Case, sun_windows

BAND = AltitudeBand(0.0, Datum.AGL, 120.0, Datum.AGL)
Patch = pytest.MonkeyPatch


def daily(hours: SunHours, extent: Extent) -> Daily:
    """The service's form, at the place of a zone with that extent."""
    place = place_of([cut(box(*extent))])
    clock = [what if isinstance(what, int) else 0 for what in (hours.opens, hours.closes)]
    events = [SunEvent(what) if isinstance(what, str) else None for what in (hours.opens, hours.closes)]
    zone = "" if hours.zone == "UTC" else hours.zone
    return Daily(hours.days, clock[0], clock[1], zone=zone, start_event=events[0], end_event=events[1], place=place)


def found(hours: SunHours, extent: Extent, start_s: float, end_s: float) -> bool:
    """Whether a flight in the zone meets it."""
    outline = cut(box(*extent))
    times = Applicability((Period(schedule=(daily(hours, extent),)),))
    geozone = Geozone("Z", "CHE", (), Restriction.PROHIBITED, (Layer(outline, BAND),), times)
    west, south, east, north = extent
    across = Polygon([(west, south), (east, south), ((west + east) / 2, north)])
    volumes = Volumes.of([[Volume4D(across, BAND, start_s, end_s)]])
    return len(ZoneIndex([IndexedZone("geozones/Z", geozone, None)], 1).touching(volumes)) > 0


def check(case: Case) -> None:
    verdict = sun_verdict(*case)
    if verdict is not Verdict.EITHER:
        assert found(*case) is (verdict is Verdict.MEETS), f"disagreements: {verdict.value}"


@PROFILE
@given(sun_windows())
def test_a_zone_by_the_sun_applies_when_the_oracle_says(case: Case) -> None:
    check(case)


@pytest.mark.parametrize(
    ("event", "longitude", "latitude", "almanac"),
    [
        # Greenwich: Her Majesty's Nautical Almanac Office; Shanghai: timeanddate.com, CST less eight hours.
        ("SR", 0.0, 51.48, "2026-06-21T03:43:00"),
        ("SS", 0.0, 51.48, "2026-12-21T15:53:00"),
        ("SS", 121.47, 31.23, "2026-06-21T11:01:00"),
        ("BMCT", 0.0, 51.48, "2026-06-21T02:55:00"),
        ("EECT", 0.0, 51.48, "2026-06-21T21:09:00"),
    ],
)
def test_the_sun_of_the_oracle_is_that_of_the_almanac(
    event: str, longitude: float, latitude: float, almanac: str
) -> None:
    moment_s = datetime.fromisoformat(almanac).replace(tzinfo=UTC).timestamp()
    day = np.asarray(moment_s // 86_400)
    assert passes_s(event, day, np.asarray(longitude), np.asarray(latitude)) == pytest.approx(moment_s, abs=60)


def test_an_event_is_where_the_sun_is_that_high_also_where_it_hardly_rises_or_sets() -> None:
    draw = np.random.default_rng(7)
    seen = 0
    for _ in range(3000):
        event, day = SunEvent(draw.choice(list(SunEvent))), int(draw.integers(18_000, 24_000))
        longitude, latitude = draw.uniform(-180, 180), draw.uniform(60, 84) * draw.choice([-1, 1])
        moment_s = lowsky.geo.schedules.sun.event_s(event, day, longitude, latitude)
        if moment_s is not None:
            height = height_deg(np.asarray(moment_s), np.asarray(longitude), np.asarray(latitude))
            assert height == pytest.approx(90.0 - event.zenith_deg, abs=0.02)
            seen += 1
    assert seen > 1000


# --- The oracle has teeth: each of these mistakes is caught

SUN = lowsky.geo.schedules.sun
SCHEDULE = lowsky.geo.schedules.schedule


def events_later_by(seconds: float) -> Callable[[Patch], None]:
    def wrong(patch: Patch) -> None:
        real = SUN.event_within

        def later(*asked: Any) -> tuple[float, float] | None:
            within = real(*asked)
            return None if within is None else (within[0] + seconds, within[1] + seconds)

        patch.setattr(SCHEDULE, "event_within", later)

    return wrong


def margin(name: str, value: float) -> Callable[[Patch], None]:
    return lambda patch: patch.setattr(SUN, name, value)


def twilight_is_sunrise(patch: Patch) -> None:
    patch.setattr(SunEvent, "zenith_deg", property(lambda _: 90.833))


def middle_of_the_zone(patch: Patch) -> None:
    real = SUN.event_within.__wrapped__
    patch.setattr(
        SCHEDULE,
        "event_within",
        lambda event, day, p: real(event, day, ((p[0] + p[2]) / 2, p[1], (p[0] + p[2]) / 2, p[3])),
    )


def days_of_utc_are_solar_only(patch: Patch) -> None:
    real = SCHEDULE._occurrences.__wrapped__
    patch.setattr(SCHEDULE, "_occurrences", lambda *asked: real(*asked)[:1])


def no_sun_no_hours(patch: Patch) -> None:
    patch.setattr(SCHEDULE, "_whole_day", lambda *_, **__: (0.0, 0.0))


def whole_day_ends_with_it(patch: Patch) -> None:
    real = SCHEDULE._whole_day
    patch.setattr(SCHEDULE, "_whole_day", lambda *asked, over_night: real(*asked, over_night=False))


def nights_end_with_the_day(patch: Patch) -> None:
    patch.setattr(SunEvent, "after", lambda *_: True)


def south_is_north(patch: Patch) -> None:
    real = SUN.event_s
    patch.setattr(SUN, "event_s", lambda event, day, lon, lat, *rest: real(event, day, lon, abs(lat), *rest))


MUTANTS = [
    ("an hour late", events_later_by(3600.0)),
    ("an hour early", events_later_by(-3600.0)),
    ("half a minute late", events_later_by(30.0)),
    ("no margin for almanacs", margin("MARGIN_S", 0)),
    ("no margin for refraction", margin("MARGIN_DEG", 0.0)),
    ("a wide margin", margin("MARGIN_DEG", 0.5)),
    ("twilight is sunrise", twilight_is_sunrise),
    ("middle of the zone", middle_of_the_zone),
    ("days of UTC are solar only", days_of_utc_are_solar_only),
    ("no sun, no hours", no_sun_no_hours),
    ("a whole day ends with it", whole_day_ends_with_it),
    ("nights end with the day", nights_end_with_the_day),
    ("south is north", south_is_north),
]


@pytest.mark.parametrize("wrong", [pytest.param(wrong, id=name) for name, wrong in MUTANTS])
def test_a_mistake_is_caught(wrong: Callable[[Patch], None], monkeypatch: Patch) -> None:
    @settings(TEETH, max_examples=200)
    @given(sun_windows())
    def compare(case: Case) -> None:
        check(case)

    SUN.event_within.cache_clear()
    SCHEDULE._occurrences.cache_clear()
    try:
        wrong(monkeypatch)
        with pytest.raises(AssertionError, match="disagreements"):
            compare()
    finally:
        monkeypatch.undo()
        SUN.event_within.cache_clear()
        SCHEDULE._occurrences.cache_clear()
