"""When the sun rises and sets over a zone: the events of ED-318 schedules, each as the earliest and latest it can be.

Source: the definitions of ICAO Annex 2 and of almanacs: the upper limb at a level horizon (90.833° from the zenith with
refraction) for sunrise and sunset, the centre 6° below it for civil twilight. Where
the sun is comes from `astral` (NOAA's equations).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from enum import StrEnum
from functools import lru_cache

from astral.julian import julianday_to_juliancentury
from astral.sun import eq_of_time, sun_declination
from shapely import MultiPolygon, Polygon

DAY_S = 86_400
"""UTC days all have this length in POSIX time."""
MARGIN_DEG = 0.25
"""Of the sun's height: refraction near the horizon varies by that much with the weather, and NOAA's equations are good
to 0.02°. One minute at the equator, two at 60°; as an angle it grows where the sun only grazes the horizon."""
MARGIN_S = 60
"""Almanacs, which publishers and pilots go by, give whole minutes."""
FOUND_S = 0.1
"""Moments are looked for until they move by less."""
_EPOCH_JULIAN_DAY = 2_440_587.5

Place = tuple[float, float, float, float]
"""West, south, east, north in degrees; an extent over the antimeridian has an east beyond 180."""


class SunEvent(StrEnum):
    """An event of ED-318, by its code there, in the order of the day."""

    BMCT = "BMCT"
    """Begin of morning civil twilight."""
    SR = "SR"
    """Sunrise."""
    SS = "SS"
    """Sunset."""
    EECT = "EECT"
    """End of evening civil twilight."""

    @property
    def zenith_deg(self) -> float:
        """The sun's centre from the zenith, refraction included."""
        return 96.0 if self in (SunEvent.BMCT, SunEvent.EECT) else 90.833

    @property
    def rising(self) -> bool:
        """Whether it is a morning's."""
        return self in (SunEvent.BMCT, SunEvent.SR)

    def after(self, other: SunEvent) -> bool:
        """Whether it is later on the same day."""
        order = list(SunEvent)
        return order.index(self) > order.index(other)


def place_of(outlines: Iterable[Polygon | MultiPolygon]) -> Place:
    """The extent of outlines that are cut at the antimeridian.

    Raises:
        ValueError: There are none.
    """
    parts = [part.bounds for outline in outlines for part in getattr(outline, "geoms", (outline,))]
    if not parts:
        raise ValueError("no outlines")
    if max(part[2] for part in parts) - min(part[0] for part in parts) > 180.0:
        # Both sides of the antimeridian: the western ones are reached by going on eastwards.
        shifted = [(w + 360.0, s, e + 360.0, n) if e <= 0.0 else (w, s, e, n) for w, s, e, n in parts]
        if max(part[2] for part in shifted) - min(part[0] for part in shifted) < 360.0:
            parts = shifted
    return (
        min(part[0] for part in parts),
        min(part[1] for part in parts),
        max(part[2] for part in parts),
        max(part[3] for part in parts),
    )


def noon_s(day: int, longitude: float) -> float:
    """Mean solar noon of a day (counted from 1970-01-01) at a longitude, in seconds since the epoch."""
    return day * DAY_S + DAY_S / 2 - longitude * 240.0


def event_s(event: SunEvent, day: int, longitude: float, latitude: float, higher_deg: float = 0.0) -> float | None:
    """When the event happens on the solar day of that place, in seconds since the epoch; None when it does not.

    Looked for between the sun's midnight and noon, so that it is right also where the sun only grazes the horizon:
    astral's own moments are off there by some 0.4° of height, and by hours.

    Args:
        higher_deg: Asks for the moment at which the sun is that much higher than at the event.
    """
    light_s = noon_s(day, longitude)
    light_s -= eq_of_time(_century(light_s)) * 60.0
    dark_s = light_s + (-DAY_S / 2 if event.rising else DAY_S / 2)

    def missing_deg(moment_s: float) -> float:
        return 90.0 - event.zenith_deg + higher_deg - _height_deg(moment_s, longitude, latitude)

    return _zero_between(missing_deg, light_s, dark_s)


def _zero_between(function: Callable[[float], float], low_s: float, high_s: float) -> float | None:
    """Where a function passes from below zero to above it; None where it does not.

    By false position; an end that is kept twice counts half (the Illinois rule), so that both close in.
    """
    low, high = function(low_s), function(high_s)
    if low > 0.0 or high < 0.0:
        return None
    last_s, last = math.inf, 0.0
    while True:
        moment_s = (low_s * high - high_s * low) / (high - low)
        if abs(moment_s - last_s) < FOUND_S:
            return moment_s
        value = function(moment_s)
        if value <= 0.0:
            low_s, low, high = moment_s, value, high / 2.0 if last < 0.0 else high
        else:
            high_s, high, low = moment_s, value, low / 2.0 if last > 0.0 else low
        last_s, last = moment_s, value


def _century(moment_s: float) -> float:
    return float(julianday_to_juliancentury(moment_s / DAY_S + _EPOCH_JULIAN_DAY))


def _height_deg(moment_s: float, longitude: float, latitude: float) -> float:
    """Of the sun's centre above a level horizon, without refraction."""
    century = _century(moment_s)
    of_noon = math.radians((moment_s - noon_s(0, longitude)) / 240.0 + eq_of_time(century) / 4.0)
    declination, north = math.radians(sun_declination(century)), math.radians(latitude)
    sine = math.sin(north) * math.sin(declination) + math.cos(north) * math.cos(declination) * math.cos(of_noon)
    return math.degrees(math.asin(max(-1.0, min(1.0, sine))))


@lru_cache(maxsize=32_768)
def event_within(event: SunEvent, day: int, place: Place) -> tuple[float, float] | None:
    """The earliest and the latest moment of the event anywhere in the place, with the margins; None where it may not
    happen.

    Kept for each place and day: neighbouring days of a schedule, and its many zones of one place, ask for the same.
    Between the points asked, the event is no more than a small part of the margin earlier or later: with longitude it
    moves evenly, with latitude it bends by 0.1° over 40°.
    """
    west, south, east, north = place
    moments: list[float] = []
    for longitude in {west, east}:
        for latitude in {south, (south + north) / 2, north}:
            for higher_deg in (-MARGIN_DEG, MARGIN_DEG):
                moment_s = event_s(event, day, longitude, latitude, higher_deg)
                if moment_s is None:
                    return None
                moments.append(moment_s)
    return math.floor(min(moments)) - MARGIN_S, math.ceil(max(moments)) + MARGIN_S


def solar_day(noon_of_day_s: float, longitude: float) -> int:
    """The solar day of a longitude whose noon is the nearest to a moment, such as the noon of a civil day."""
    return round((noon_of_day_s - noon_s(0, longitude)) / DAY_S)
