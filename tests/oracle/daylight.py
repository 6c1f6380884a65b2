"""Schedule entries that begin or end with the sun: occurrences as intervals, once as short and once as long as allowed.

What is stated, and taken from docstrings (`lowsky.geo.schedules.schedule.Daily`, `lowsky.geo.schedules.sun`):

- An event may be STATED_DEG of the sun's height and STATED_S seconds earlier or later; an occurrence begins with the
  earliest in the extent of the zone and ends with the latest.
- Days of UTC are read twice, as days of UTC and as solar days of the place; those of a civil zone once, as the solar
  day whose noon is the nearest to the noon of that clock. A time by the clock is on the day that is named, or on the
  next where it would not be after the start.
- Where the sun may not rise or set, the civil and the solar day are meant, until the end of the next day over night.
  Whether an entry of one event that does not happen runs over night is a doubt, and so the longer.

Each reading is taken with the margins a little narrower (what must apply) and a little wider (what may).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache

import numpy as np

from tests.oracle.geofence import Verdict
from tests.oracle.hours import shown
from tests.oracle.sun import DAY_S, ORDER, Floats, noon_s, passes_s

STATED_DEG, STATED_S = 0.25, 60.0
SLACK_DEG, SLACK_S = 0.03, 3.0
"""How far two low-accuracy suns may differ: 0.016° between the equation of time of NOAA and sidereal time, at most."""
AROUND_DAYS = 3
"""An occurrence of a day begins, and its last event is, within so many days of it."""
_ACROSS = 5
"""Points along each side of the extent that are asked."""

Extent = tuple[float, float, float, float]
"""West, south, east, north."""
Span = tuple[float, float]


@dataclass(frozen=True)
class SunHours:
    """On some days of the week from a time of day, in seconds, or an event until before another."""

    days: frozenset[int]
    opens: int | str
    closes: int | str
    zone: str = "UTC"


def sun_verdict(hours: SunHours, extent: Extent, start_s: float, end_s: float) -> Verdict:
    """Whether a zone of that extent applies somewhere in [start_s, end_s)."""
    must, may = (readings(hours, extent, start_s, end_s, wider) for wider in (False, True))
    if any(begins < end_s and start_s < ends for begins, ends in must):
        return Verdict.MEETS
    return Verdict.EITHER if any(begins < end_s and start_s < ends for begins, ends in may) else Verdict.APART


def readings(hours: SunHours, extent: Extent, start_s: float, end_s: float, wider: bool) -> list[Span]:
    """Occurrences around a window, as short or as long as they may be read."""
    first, last = (date(1970, 1, 1) + timedelta(days=moment // DAY_S) for moment in (start_s, end_s))
    days = [first + timedelta(days=n) for n in range(-AROUND_DAYS, (last - first).days + AROUND_DAYS + 1)]
    reading = _Reading(hours, extent, days[0], days[-1], wider)
    return [occurrence for day in days if day.weekday() in hours.days for occurrence in reading.of(day)]


class _Reading:
    def __init__(self, hours: SunHours, extent: Extent, first: date, last: date, wider: bool) -> None:
        self.hours, self.extent, self.wider = hours, extent, wider
        self.first = _number(first) - 3
        self.spans = {
            event: self._spans(event, np.arange(self.first, _number(last) + 5, dtype=np.float64))
            for event in (hours.opens, hours.closes)
            if isinstance(event, str)
        }

    def _spans(self, event: str, solar_days: Floats) -> list[Span | None]:
        """The earliest and the latest that the event can be anywhere in the extent; None where it may not happen."""
        slack = 1.0 if self.wider else -1.0
        margin_deg, margin_s = STATED_DEG + slack * SLACK_DEG, STATED_S + slack * SLACK_S
        west, south, east, north = self.extent
        points = np.meshgrid(np.linspace(west, east, _ACROSS), np.linspace(south, north, _ACROSS))
        lons, lats = (np.tile(axis.ravel(), 2) for axis in points)
        higher = np.repeat([-margin_deg, margin_deg], _ACROSS**2)
        found = passes_s(event, solar_days[:, None], lons, lats, higher)
        return [
            None if np.isnan(row).any() else (float(row.min()) - margin_s, float(row.max()) + margin_s) for row in found
        ]

    def of(self, day: date) -> Iterator[Span]:
        """The occurrences of one day."""
        middle = (self.extent[0] + self.extent[2]) / 2.0
        around = [_number(day) + n for n in range(-2, 3)]
        noon = min(self.clock(day, 12 * 3600))
        own = min(around, key=lambda solar: abs(noon_of(solar, middle) - noon))
        yield from self.occurrence(day, own)
        if self.hours.zone != "UTC":
            return
        event = self.hours.opens if isinstance(self.hours.opens, str) else str(self.hours.closes)
        midnight = min(self.clock(day, 0))
        for solar in around:
            span = self.span(event, solar)
            if solar != own and span is not None and span[0] < midnight + DAY_S and midnight <= span[1]:
                yield from self.occurrence(day, solar)

    def occurrence(self, day: date, solar: int) -> Iterator[Span]:
        """By the civil day and the solar day."""
        opens, closes = self.hours.opens, self.hours.closes
        start, end = self.bound(opens, day, solar), self.bound(closes, day, solar)
        if isinstance(opens, str) and isinstance(closes, str):
            over_night = ORDER.index(closes) <= ORDER.index(opens)
        else:
            over_night = start is None or end is None or end[0] <= start[1]
        next_end = self.bound(closes, day + timedelta(days=1), solar + 1) if over_night else end
        if start is not None and next_end is not None:
            if end is not None or not self.wider:
                yield start[0], next_end[1]
            if self.happens_for_certain(solar):
                return
        yield self.whole_day(day, solar, over_night)

    def happens_for_certain(self, solar: int) -> bool:
        """Whether every event that matters happens with the wider margins too; else the whole day may be meant."""
        if not self.wider:
            return True
        events = [event for event in (self.hours.opens, self.hours.closes) if isinstance(event, str)]
        return all(self.span(event, k) is not None for event in events for k in (solar, solar + 1))

    def whole_day(self, day: date, solar: int, over_night: bool) -> Span:
        west, _, east, _ = self.extent
        if not self.wider:
            west = east = (west + east) / 2.0
        begins = min(*self.clock(day, 0), noon_of(solar, east) - DAY_S / 2.0)
        ends = max(*self.clock(day + timedelta(days=1), 0), noon_of(solar, west) + DAY_S / 2.0)
        return begins, ends + (DAY_S if over_night else 0.0)

    def bound(self, what: int | str, day: date, solar: int) -> Span | None:
        if isinstance(what, str):
            return self.span(what, solar)
        moments = self.clock(day, what)
        return min(moments), max(moments)

    def clock(self, day: date, seconds: int) -> list[float]:
        return _shown_s(datetime.combine(day, time()) + timedelta(seconds=seconds), self.hours.zone)

    def span(self, event: str, solar: int) -> Span | None:
        return self.spans[event][solar - self.first]


def _number(day: date) -> int:
    return (day - date(1970, 1, 1)).days


@lru_cache(maxsize=10_000)
def _shown_s(wall: datetime, zone: str) -> list[float]:
    return [moment.timestamp() for moment in shown(wall, zone)]


def noon_of(solar: int, longitude: float) -> float:
    """Mean noon of a solar day."""
    return float(noon_s(np.asarray(float(solar)), np.asarray(longitude)))
