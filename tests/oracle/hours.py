"""Whether a zone applies in a window: every occurrence of its schedules as a pair of instants, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo


@dataclass(frozen=True)
class Hours:
    """From a start until before an end, on some days of the week (0 is Monday) between two times of day, or always."""

    start: datetime | None
    end: datetime | None
    daily: tuple[tuple[frozenset[int], int, int], ...] = ()
    """(days, seconds of the day from, seconds until before): at or before the start, the end is on the next day."""
    zone: str = "UTC"
    """Whose days and clock, of the IANA database."""


def applies(periods: Sequence[Hours], start: datetime, end: datetime) -> bool:
    """Whether any instant of [start, end) is in a period; without periods a zone always applies."""
    if not periods:
        return True
    for period in periods:
        for begins, ends in _occurrences(period, start, end):
            latest = max(moment for moment in (begins, period.start, start) if moment is not None)
            earliest = min(moment for moment in (ends, period.end, end) if moment is not None)
            if latest < earliest:
                return True
    return False


def _occurrences(period: Hours, start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    if not period.daily:
        yield start, end
    for days, opens_s, closes_s in period.daily:
        day: date = start.date() - timedelta(days=2)
        while day <= end.date() + timedelta(days=1):
            if day.weekday() in days:
                midnight = datetime.combine(day, time())
                closes = closes_s if closes_s > opens_s else closes_s + 86_400
                yield (
                    min(shown(midnight + timedelta(seconds=opens_s), period.zone)),
                    max(shown(midnight + timedelta(seconds=closes), period.zone)),
                )
            day += timedelta(days=1)


def shown(wall: datetime, zone: str) -> list[datetime]:
    """Every moment at which the clock shows that; where it never does, what it is by the offsets before and after."""
    clock, as_utc = ZoneInfo(zone), wall.replace(tzinfo=UTC)
    found = [
        moment
        for quarter in range(-14 * 4, 14 * 4 + 1)
        if (moment := as_utc - timedelta(minutes=15 * quarter)).astimezone(clock).replace(tzinfo=None) == wall
    ]
    around = [(as_utc + timedelta(days=days)).astimezone(clock).utcoffset() for days in (-1, 1)]
    return found or [as_utc - offset for offset in around if offset is not None]
