"""When the sun rises and sets over a zone: the events of ED-318 schedules, each as the earliest and latest it can be.

Source: the definitions of ICAO Annex 2 and of almanacs: the upper limb at a level horizon (90.833° from the zenith with
refraction) for sunrise and sunset, the centre 6° below it for civil twilight. Computed by `astral` (NOAA's equations).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, date, timedelta
from enum import StrEnum
from functools import lru_cache

from astral import Observer, SunDirection
from astral.sun import time_of_transit
from shapely import MultiPolygon, Polygon

DAY_S = 86_400
"""UTC days all have this length in POSIX time."""
MARGIN_DEG = 0.25
"""Of the sun's height: refraction near the horizon varies by that much with the weather, and NOAA's equations are good
to 0.01°. One minute at the equator, two at 60°; as an angle it grows where the sun only grazes the horizon."""
MARGIN_S = 60
"""Almanacs, which publishers and pilots go by, give whole minutes."""

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

    Args:
        higher_deg: Asks for the moment at which the sun is that much higher than at the event.
    """
    expected_s = noon_s(day, longitude) + (-DAY_S / 4 if event.rising else DAY_S / 4)
    observer = Observer(latitude, (longitude + 180.0) % 360.0 - 180.0)
    direction = SunDirection.RISING if event.rising else SunDirection.SETTING
    asked = date(1970, 1, 1) + timedelta(days=day)
    for _ in range(3):
        try:
            moment = time_of_transit(observer, asked, event.zenith_deg - higher_deg, direction, with_refraction=False)
        except ValueError:
            return None  # polar day or night
        found_s = moment.astimezone(UTC).timestamp()
        # astral gives the event of some day in UTC; the one wanted is within half a day of a quarter from noon.
        days_off = round((expected_s - found_s) / DAY_S)
        if days_off == 0:
            return found_s
        asked += timedelta(days=days_off)
    return None


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
    """The solar day of a longitude whose noon is the nearest to a moment: the noon of somebody's civil day."""
    return round((noon_of_day_s - noon_s(0, longitude)) / DAY_S)
