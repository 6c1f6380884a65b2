"""Whether a zone certainly applies all the time, as what permits must: what forbids needs no more than an instant."""

from __future__ import annotations

import math

from lowsky.geo.schedules.applicability import DAY_S, Applicability, Daily, Period
from lowsky.geo.schedules.schedule import weekday


def applies_throughout(times: Applicability, start_s: float, end_s: float) -> bool:
    """Whether one period, and one occurrence of its schedule, holds all of [start_s, end_s), seconds since the epoch.

    Where only several together would, the answer is no, as it is for schedules that are not hours of UTC days: what is
    known of these is the longest that they can be.
    """
    return not times.periods or any(_period_holds(period, start_s, end_s) for period in times.periods)


def _period_holds(period: Period, start_s: float, end_s: float) -> bool:
    if start_s < period.start_s or period.end_s < end_s:
        return False
    return not period.schedule or any(_entry_holds(entry, start_s, end_s) for entry in period.schedule)


def _entry_holds(entry: Daily, start_s: float, end_s: float) -> bool:
    if entry != Daily(entry.days, entry.start_s, entry.end_s):
        return False
    day = math.floor((start_s - entry.start_s) / DAY_S)
    ends_s = day * DAY_S + entry.start_s + entry.length_s
    return weekday(day) in entry.days and end_s <= ends_s
