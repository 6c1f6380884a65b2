"""Times of zones: a doubtful time is read in the wider way, with a note.

A time with Z or an offset is used as stated. A time without one is in the time zone that the publisher declares for the
file; where none is declared it is read as whole days. Events of the sun are computed at the zone's location, on days of
the declared time zone, or of UTC.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from lowsky.airspace.reading.attributes.json_values import (
    clock_s,
    empty,
    instant,
    listed,
    mapping,
    text,
    yes_no,
    zone_offset_s,
)
from lowsky.airspace.reading.report import Notes
from lowsky.geo.schedules.applicability import DAY_S, EVERY_DAY, PERMANENT, Applicability, Daily, Period
from lowsky.geo.schedules.sun import Place, SunEvent, place_of
from lowsky.geo.zones.geozone import Layer

PERIODS_MAX = 1_000
"""A zone with a period a day for two years is better published as a schedule; a longer list is read as always."""

_DAYS = {name: day for day, name in enumerate(("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"))}
_UTC_NAMES = ("UTC", "Etc/UTC", "Zulu")
_CLOCK = re.compile(
    r"T?(?P<hour>\d{2}):?(?P<minute>\d{2})(?::?(?P<second>\d{2})(?:[.,](?P<part>\d+))?)?\s*(?P<zone>[Zz]|[+-]\d{2}(?::?\d{2})?)?"
)


def read_ed269(source: Mapping[str, object], layers: Sequence[Layer], path: str, notes: Notes) -> Applicability:
    """`applicability` of ED-269, of a zone of these layers; absent is permanent."""
    value = source.get("applicability")
    if empty(value):
        notes.unclear("APPLICABILITY_ABSENT", f"{path}applicability", "no times are published: applies always")
        return PERMANENT
    return _periods(value, place_of(layer.outline for layer in layers), f"{path}applicability", notes)


def read_ed318(source: Mapping[str, object], layers: Sequence[Layer], path: str, notes: Notes) -> Applicability:
    """`limitedApplicability` of ED-318, of a zone of these layers; absent is permanent, by the standard."""
    value = source.get("limitedApplicability")
    if empty(value):
        return PERMANENT
    return _periods(value, place_of(layer.outline for layer in layers), f"{path}limitedApplicability", notes)


def _periods(value: object, place: Place, path: str, notes: Notes) -> Applicability:
    entries = listed(value)
    if len(entries) > PERIODS_MAX:
        notes.unclear("TOO_MANY_PERIODS", path, f"{len(entries)} periods; more than {PERIODS_MAX} are read as always")
        return PERMANENT
    found = [_period(entry, place, f"{path}[{number}]", notes) for number, entry in enumerate(entries)]
    periods = tuple(period for period in found if period is not None)
    return Applicability(periods) if len(periods) == len(found) else PERMANENT


def _period(entry: object, place: Place, path: str, notes: Notes) -> Period | None:
    """One period; None when it is permanent."""
    if not isinstance(entry, dict):
        notes.unclear("PERIOD_UNREADABLE", path, "not a period: applies always")
        return None
    schedule_key = "schedule" if not empty(entry.get("schedule")) else "dailyPeriod"
    limits = [key for key in ("startDateTime", "endDateTime", schedule_key) if not empty(entry.get(key))]
    permanent = yes_no(entry.get("permanent"))
    if permanent or not limits:
        if permanent and limits:
            notes.unclear("PERMANENT_WITH_TIMES", path, f"permanent, and yet with {', '.join(limits)}: applies always")
        if not permanent:
            notes.unclear("PERIOD_UNBOUNDED", path, "a period without a start, an end or a schedule: applies always")
        return None
    schedule = _schedule(entry.get(schedule_key), place, f"{path}.{schedule_key}", notes)
    start = _bound(entry, "startDateTime", path, notes)
    end = _bound(entry, "endDateTime", path, notes)
    if start is not None and end is not None and end <= start:
        notes.unclear("PERIOD_CONTRADICTS", path, f"ends at {end} and starts at {start}: neither binds")
        start = end = None
    if start is None and end is None and not schedule:
        return None
    return Period(start, end, schedule)


def _bound(entry: Mapping[str, object], key: str, path: str, notes: Notes) -> datetime | None:
    value = entry.get(key)
    if empty(value):
        return None
    moment = instant(value, end=key.startswith("end"), field=f"{path}.{key}", notes=notes)
    if moment is None:
        notes.unclear("TIME_UNREADABLE", f"{path}.{key}", f"{text(value)!r} is no instant: open on that side")
    return moment


def _schedule(value: object, place: Place, path: str, notes: Notes) -> tuple[Daily, ...]:
    """The schedule's entries, () when there is none or one of them leaves no limit."""
    if empty(value):
        return ()
    entries = listed(value)
    if len(entries) > PERIODS_MAX:
        notes.unclear("TOO_MANY_PERIODS", path, f"{len(entries)} entries; more than {PERIODS_MAX} are read as all day")
        return ()
    found = [_daily(entry, place, f"{path}[{number}]", notes) for number, entry in enumerate(entries)]
    return tuple(entry for entry in found if entry is not None) if None not in found else ()


def _daily(entry: object, place: Place, path: str, notes: Notes) -> Daily | None:
    """One entry; None when it is every day, all day."""
    fields = mapping(entry)
    if empty(fields):
        notes.unclear("SCHEDULE_UNREADABLE", path, "not a schedule entry: all day")
        return None
    days = _days(fields.get("day"), f"{path}.day", notes)
    if days == EVERY_DAY and all(
        empty(fields.get(f"{end}{of}")) for end in ("start", "end") for of in ("Time", "Event")
    ):
        return None
    if any(not empty(fields.get(key)) for key in ("startEvent", "endEvent")):
        return _by_sun(fields, days, place, path, notes)
    start = _clock(fields.get("startTime"), f"{path}.startTime", end=False, notes=notes)
    end = _clock(fields.get("endTime"), f"{path}.endTime", end=True, notes=notes)
    if start is None or end is None:
        return _whole_days(days)
    if empty(fields.get("startTime")):
        start = (0, end[1])
    elif empty(fields.get("endTime")):
        end = (DAY_S, start[1])
    (start_s, start_offset), (end_s, end_offset) = start, end
    if start_offset is None and end_offset is None and notes.time_zone:
        if start_s == DAY_S:
            days, start_s = frozenset((day + 1) % 7 for day in days), 0
        return Daily(days, start_s, end_s, zone=notes.time_zone)
    if start_offset is None or end_offset is None:
        notes.unclear("TIME_ZONE_ABSENT", path, "times without a zone: the whole day, the day before and the day after")
        return Daily(_with(_with(days, -1), 1), 0, DAY_S, uncertain=True)
    start_utc, end_utc = start_s - start_offset, end_s - end_offset
    if end_s <= start_s:
        end_utc += DAY_S
    if end_utc - start_utc > DAY_S or end_utc <= start_utc:
        return _whole_days(days)
    shift, start_of_day = divmod(start_utc, DAY_S)
    end_of_day = (end_utc - shift * DAY_S) % DAY_S
    return Daily(frozenset((day + shift) % 7 for day in days), start_of_day, end_of_day)


def _by_sun(fields: Mapping[str, object], days: frozenset[int], place: Place, path: str, notes: Notes) -> Daily:
    """An entry that starts or ends with the sun: its other end may be a time, whose zone then applies to the days."""
    ends: list[tuple[SunEvent | None, int]] = []
    zone = "" if notes.time_zone in _UTC_NAMES else notes.time_zone
    for name, end in (("start", False), ("end", True)):
        event, time = fields.get(f"{name}Event"), fields.get(f"{name}Time")
        if empty(event):
            found = _clock(time, f"{path}.{name}Time", end=end, notes=notes)
            if found is None:
                return _whole_days(days)
            seconds, offset = found
            if seconds == DAY_S and not end:
                return _whole_days(days)
            if not empty(time):
                if offset or (offset is None and not notes.time_zone):
                    notes.unclear("SUN_EVENT", path, "an event of the sun and a time of another zone: whole days")
                    return Daily(_with(_with(days, -1), 1), 0, DAY_S, uncertain=True)
                zone = "" if offset == 0 else zone
            ends.append((None, seconds))
        elif text(event).upper() not in list(SunEvent) or not empty(time):
            notes.unclear("SUN_EVENT", f"{path}.{name}Event", "no event of ED-318, or a time beside it: whole days")
            return _whole_days(days)
        else:
            ends.append((SunEvent(text(event).upper()), 0))
    (start_event, start_s), (end_event, end_s) = ends
    return Daily(days, start_s, end_s, zone=zone, start_event=start_event, end_event=end_event, place=place)


def _whole_days(days: frozenset[int]) -> Daily:
    """These days and the days after them, into which the entry may extend."""
    return Daily(_with(days, 1), 0, DAY_S, uncertain=True)


def _clock(value: object, field: str, *, end: bool, notes: Notes) -> tuple[int, int | None] | None:
    """Seconds of the day, and of the zone east of UTC, None where it has none; None for what cannot be read."""
    if empty(value):
        if not end:
            notes.unclear("TIME_ABSENT", field, "no start: from the start of the day")
            return 0, 0
        notes.unclear("TIME_ABSENT", field, "no end: to the end of the day")
        return DAY_S, 0
    found = _CLOCK.fullmatch(text(value))
    seconds = (
        None if found is None else clock_s(found["hour"], found["minute"], found["second"], found["part"], end=end)
    )
    if found is None or seconds is None:
        notes.unclear("TIME_UNREADABLE", field, f"{text(value)!r} is no time of day: the whole day and the day after")
        return None
    if end and (found["second"] == "59" or (not found["second"] and found["minute"] == "59")):
        notes.unclear("END_INSIDE", field, f"{text(value)} names the last instant that is inside: read to its very end")
    try:
        return seconds, None if found["zone"] is None else zone_offset_s(found["zone"])
    except ValueError:
        return seconds, None


def _days(value: object, field: str, notes: Notes) -> frozenset[int]:
    names = [text(name).upper()[:3] for name in listed(value)]
    if names and all(name in _DAYS for name in names):
        return frozenset(_DAYS[name] for name in names)
    if "ANY" not in names:
        notes.unclear("DAYS_UNREADABLE", field, f"{', '.join(names) or 'no days'}: read as every day")
    return EVERY_DAY


def _with(days: frozenset[int], step: int) -> frozenset[int]:
    return days | frozenset((day + step) % 7 for day in days)
