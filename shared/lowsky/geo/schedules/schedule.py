"""Weekly schedules of geozones: hours of UTC days, of days of a civil time zone, or by the sun.

Intervals are half-open, [start, end), asked in seconds since the epoch. The answer is exact for hours of the clock,
occurrence by occurrence, so neither long windows, schedules over midnight nor clock changes are sampled; where the
clock or the sun leaves a doubt, an occurrence is the longest that it can be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from lowsky.geo.schedules.sun import DAY_S, Place, SunEvent, event_within, noon_s, solar_day

WEEK_S = 7 * DAY_S
EVERY_DAY = frozenset(range(7))
"""Monday is 0, as `datetime.weekday` counts."""
_EPOCH_WEEKDAY = 3
"""1970-01-01 was a Thursday."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS_S = (-40_000_000_000, 200_000_000_000)
"""From the year 702 to 8307: what lies outside is answered without a calendar."""
_OCCURRENCES_KEPT = 32_768
"""Of a thousand entries, the days of a month: a few megabytes."""


def weekday(day: int) -> int:
    """Of a day since 1970-01-01."""
    return (day + _EPOCH_WEEKDAY) % 7


@dataclass(frozen=True, slots=True)
class Daily:
    """One schedule entry: on each of `days`, from `start_s` until before `end_s`, or from and until events of the sun.

    `start_s` is in [0, 86 400) and `end_s` in [0, 86 400], seconds of the day by the clock of `zone`, an IANA name; ""
    is UTC. An end at or before the start is on the following day: 22:00 to 04:00 runs over midnight, 22:00 to 00:00
    ends with the day, 08:00 to 08:00 is a day. A time that a clock change leaves out or has twice is the one that makes
    the occurrence longer.

    An event replaces the time at its end of the entry, which is then ignored; `place` is the extent in which it is
    computed: the earliest moment in it for a start, the latest for an end. Where the sun may not rise or set, the whole
    day is meant, until the end of the next where the entry runs over night. With UTC days, an event is on a day when it
    happens on that day in UTC, and also when it does on the solar day of the place, since publishers mean either.
    Entries that differ only in `place` are equal: it follows from the zone's outlines, not from the schedule.

    `uncertain` states that the published entry could not be interpreted exactly and this is its wider reading.

    Raises:
        ValueError: for no days, unknown days, times outside the day, an unknown zone, or an event without a place.
    """

    days: frozenset[int]
    start_s: int
    end_s: int
    uncertain: bool = False
    zone: str = ""
    start_event: SunEvent | None = None
    end_event: SunEvent | None = None
    place: Place | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        if not self.days or not self.days <= EVERY_DAY:
            raise ValueError(f"days must be some of 0 (Monday) to 6 (Sunday), not {sorted(self.days)}")
        if not 0 <= self.start_s < DAY_S or not 0 <= self.end_s <= DAY_S:
            raise ValueError(f"times must lie in the day: {self.start_s} to {self.end_s} seconds")
        if self.zone:
            civil(self.zone)
        if self.by_sun is (self.place is None):
            raise ValueError("a place is for events of the sun, and they need one")

    @property
    def by_sun(self) -> bool:
        """Whether it starts or ends with the sun."""
        return self.start_event is not None or self.end_event is not None

    @property
    def length_s(self) -> int:
        """How long one occurrence lasts by the clock, in (0, 86 400]."""
        length_s = self.end_s - self.start_s
        return length_s if length_s > 0 else length_s + DAY_S

    def meets(self, start_s: float, end_s: float) -> bool:
        """Whether an occurrence has an instant in [start_s, end_s), of which `start_s < end_s`."""
        if self.zone or self.by_sun:
            return self._meets_civil(start_s, end_s)
        if end_s - start_s >= WEEK_S:
            return True  # a week holds the start of an occurrence, whichever its day
        first = math.floor((start_s - self.start_s - self.length_s) / DAY_S)
        last = math.ceil((end_s - self.start_s) / DAY_S)
        for day in range(first, last + 1):
            if weekday(day) in self.days:
                begins_s = day * DAY_S + self.start_s
                if begins_s < end_s and start_s < begins_s + self.length_s:
                    return True
        return False

    def _meets_civil(self, start_s: float, end_s: float) -> bool:
        # Eight days: a week that a clock change, or the sun, makes shorter still holds the start of an occurrence.
        if end_s - start_s >= WEEK_S + DAY_S or start_s < _YEARS_S[0] or end_s > _YEARS_S[1]:
            return True
        # An occurrence begins less than three days before its day in UTC, and ends less than four after.
        for day in range(math.floor(start_s / DAY_S) - 4, math.floor(end_s / DAY_S) + 4):
            if weekday(day) in self.days:
                for begins_s, ends_s in _occurrences(self, self.place, day):
                    if begins_s < end_s and start_s < ends_s:
                        return True
        return False


_OF_THE_MACHINE = frozenset({"localtime", "Factory", "posixrules"})
"""In the directory of the IANA database, but no time zones of it: what they mean depends on the machine."""


@cache
def civil_zones() -> frozenset[str]:
    """The names of the IANA database that mean the same on every machine; without `right/…` and `posix/…`, which are
    other ways to compile it."""
    return frozenset(available_timezones() - _OF_THE_MACHINE)


@lru_cache(maxsize=512)
def civil(zone: str) -> ZoneInfo:
    """The time zone of an IANA name: the one check of every name that is given to lowsky.

    Raises:
        ValueError: There is none of that name.
    """
    if zone not in civil_zones():
        raise ValueError(f"{zone!r} is no time zone of the IANA database, as in Asia/Shanghai")
    return ZoneInfo(zone)


def earliest_and_latest(wall: datetime, zone: str) -> tuple[datetime, datetime]:
    """The UTC moments of a wall-clock time: two where a clock change skips or repeats it.

    Raises:
        ValueError: The zone is unknown.
        OverflowError: It is not within the years 1 to 9999 in UTC.
    """
    moments = [wall.replace(tzinfo=civil(zone), fold=fold).astimezone(UTC) for fold in (0, 1)]
    return min(moments), max(moments)


def _clock_s(entry: Daily, day: int, seconds: int) -> tuple[float, float]:
    """The earliest and latest moment of a time of that day."""
    if not entry.zone:
        return (day * DAY_S + seconds,) * 2
    earliest, latest = earliest_and_latest(_EPOCH + timedelta(days=day, seconds=seconds), entry.zone)
    return earliest.timestamp(), latest.timestamp()


@lru_cache(maxsize=_OCCURRENCES_KEPT)
def _occurrences(entry: Daily, place: Place | None, day: int) -> tuple[tuple[float, float], ...]:
    """Those of a day, counted from 1970-01-01: one, and with events of the sun on UTC days sometimes two."""
    if place is None:
        end_day = day if entry.end_s > entry.start_s else day + 1
        return ((_clock_s(entry, day, entry.start_s)[0], _clock_s(entry, end_day, entry.end_s)[1]),)
    noon = _clock_s(entry, day, DAY_S // 2)[0]
    longitude = (place[0] + place[2]) / 2
    solar = solar_day(noon, longitude)
    found = [_by_sun(entry, place, day, solar)]
    if not entry.zone:
        event = entry.start_event or entry.end_event
        for beside in (solar - 1, solar + 1):
            within = event_within(event, beside, place) if event else None
            if within and within[0] < (day + 1) * DAY_S and day * DAY_S <= within[1]:
                found.append(_by_sun(entry, place, day, beside))
    return tuple(found)


def _by_sun(entry: Daily, place: Place, day: int, solar: int) -> tuple[float, float]:
    def bound(event: SunEvent | None, seconds: int, later: int = 0) -> tuple[float, float] | None:
        return event_within(event, solar + later, place) if event else _clock_s(entry, day + later, seconds)

    start, end = bound(entry.start_event, entry.start_s), bound(entry.end_event, entry.end_s)
    if entry.start_event and entry.end_event:
        over_night = not entry.end_event.after(entry.start_event)
    else:
        # Where the margins leave a doubt, the longer.
        over_night = start is None or end is None or end[0] <= start[1]
    if over_night and end is not None:
        end = bound(entry.end_event, entry.end_s, 1)
    if start is not None and end is not None:
        return start[0], end[1]
    return _whole_day(entry, place, day, solar, over_night=over_night)


def _whole_day(entry: Daily, place: Place, day: int, solar: int, *, over_night: bool) -> tuple[float, float]:
    """The civil and the solar day, wherever in the place; over night, also the next."""
    west, _, east, _ = place
    begins = min(_clock_s(entry, day, 0)[0], noon_s(solar, east) - DAY_S / 2)
    ends = max(_clock_s(entry, day + 1, 0)[1], noon_s(solar, west) + DAY_S / 2)
    return begins, ends + DAY_S if over_night else ends
