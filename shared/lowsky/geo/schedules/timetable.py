"""The times of many zones as arrays: whether each applies in its window, for a whole batch of pairs at once.

Hours of UTC days are decided here, exactly as `Applicability` decides them one by one. Those of a civil clock and of
the sun have no arrays: of a zone that has any, only the extent of its periods is known here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from lowsky.geo.schedules.applicability import Applicability
from lowsky.geo.schedules.schedule import EVERY_DAY, WEEK_S, Daily, weekday
from lowsky.geo.schedules.sun import DAY_S

Floats = NDArray[np.float64]

Indices = NDArray[np.intp]

EXACT_S = 2.0**52
"""Seconds up to which float64 holds every whole one, with room for a day more: beyond, zones are asked one by one."""

_THURSDAY = weekday(0)
"""1970-01-01."""

_ALWAYS = Daily(EVERY_DAY, 0, DAY_S)


@dataclass(frozen=True, slots=True, eq=False)
class _Rules:
    """Schedule entries, each within a period, zone after zone."""

    from_s: Floats
    until_s: Floats
    """Of the period."""
    days: NDArray[np.int64]
    """A bit for each day of two weeks, the first Monday's the lowest."""
    opens_s: NDArray[np.int64]
    """Into the day."""
    closes_s: NDArray[np.int64]
    """Into the day; beyond its end where it runs over midnight."""


class Timetable:
    """When zones apply, in the order in which they were given. Threads may share one."""

    __slots__ = ("_count", "_first", "_rules", "_times", "open_hours")

    def __init__(self, times: Sequence[Applicability]) -> None:
        self._times = tuple(times)
        self.open_hours = np.array([not _is_plain(each) for each in self._times], dtype=np.bool_)
        """The zones whose hours are not decided on arrays: by a civil clock, or by the sun."""
        found: list[tuple[float, float, int, int, int]] = []
        counts: list[int] = []
        for each, is_open in zip(self._times, self.open_hours.tolist(), strict=True):
            before = len(found)
            if is_open:
                extent = min(p.start_s for p in each.periods), max(p.end_s for p in each.periods)
                found.append(_rule(*extent, _ALWAYS))
            else:
                found += [_rule(p.start_s, p.end_s, entry) for p in each.periods for entry in p.schedule or (_ALWAYS,)]
            counts.append(len(found) - before)
        columns = np.array(found, dtype=np.float64).reshape(-1, 5).T
        self._rules = _Rules(columns[0], columns[1], *columns[2:].astype(np.int64))
        self._count: Indices = np.array(counts, dtype=np.intp)
        """Of the rules of each zone; permanent ones have none."""
        self._first: Indices = np.cumsum(self._count) - self._count

    def may_apply(self, zone: Indices, start_s: Floats, end_s: Floats) -> NDArray[np.bool_]:
        """Whether the zones apply within windows [start_s, end_s), pair by pair; of those of `open_hours`, whether it
        is possible. As `Applicability.applies`, a window of no length is its one instant."""
        apply = np.ones(len(zone), dtype=np.bool_)
        limited = self._count[zone].nonzero()[0]
        if not len(limited):
            return apply
        zone, start_s, end_s = zone[limited], start_s[limited], end_s[limited]
        with np.errstate(over="ignore"):  # after the last number comes infinity
            end_s = np.where(start_s == end_s, np.nextafter(start_s, math.inf), end_s)
        counts = self._count[zone]
        ends = np.cumsum(counts)
        rule = np.arange(ends[-1]) + np.repeat(self._first[zone] - ends + counts, counts)
        meets = self._meets(rule, np.repeat(start_s, counts), np.repeat(end_s, counts))
        apply[limited] = np.logical_or.reduceat(meets, ends - counts)
        for pair in np.flatnonzero(~((np.abs(start_s) < EXACT_S) & (np.abs(end_s) < EXACT_S))).tolist():
            times = self._times[zone[pair]]
            apply[limited[pair]] = times.applies(float(start_s[pair]), float(end_s[pair]))
        return apply

    def applies(self, zone: Indices, start_s: Floats, end_s: Floats) -> NDArray[np.bool_]:
        """The same where it was possible, with the hours of `open_hours`, which are asked one by one.

        Raises:
            ValueError: For such a zone, when a window ends before it starts.
        """
        apply = np.ones(len(zone), dtype=np.bool_)
        for pair in self.open_hours[zone].nonzero()[0].tolist():
            apply[pair] = self._times[zone[pair]].applies(float(start_s[pair]), float(end_s[pair]))
        return apply

    def _meets(self, rule: Indices, start_s: Floats, end_s: Floats) -> NDArray[np.bool_]:
        """`Period.meets` and `Daily.meets`, for windows within EXACT_S."""
        rules = self._rules
        start_s, end_s = np.maximum(start_s, rules.from_s[rule]), np.minimum(end_s, rules.until_s[rule])
        lasts = start_s < end_s
        # Only of these: an instant at infinity has no length.
        lasts_s = np.subtract(end_s, start_s, out=np.zeros_like(end_s), where=lasts)
        meets: NDArray[np.bool_] = lasts & (lasts_s >= WEEK_S)
        short = np.flatnonzero(lasts & (lasts_s < WEEK_S) & (np.abs(start_s) < EXACT_S))
        rule, start_s, end_s = rule[short], start_s[short], end_s[short]
        opens_s, closes_s = rules.opens_s[rule], rules.closes_s[rule]
        # The first day whose occurrence ends after the window's start and the last whose begins before its end: what
        # dividing rounds, the exact comparison puts right.
        first = np.floor((start_s - closes_s) / DAY_S).astype(np.int64)
        first += first * DAY_S + closes_s <= start_s
        last = np.ceil((end_s - opens_s) / DAY_S).astype(np.int64)
        last -= last * DAY_S + opens_s >= end_s
        # A week at most, and an occurrence that began before it: more than seven days hold every day of the week.
        asked = (1 << np.clip(last - first + 1, 0, 7)) - 1
        meets[short] = (rules.days[rule] >> (first + _THURSDAY) % 7) & asked != 0
        return meets


def _is_plain(times: Applicability) -> bool:
    return not any(entry.zone or entry.by_sun for period in times.periods for entry in period.schedule)


def _rule(from_s: float, until_s: float, entry: Daily) -> tuple[float, float, int, int, int]:
    days = sum(1 << day for day in entry.days)
    return from_s, until_s, days | days << 7, entry.start_s, entry.start_s + entry.length_s
