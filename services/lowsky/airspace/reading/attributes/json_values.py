"""Tolerant reading of single JSON values: numbers, texts, lists, instants and durations."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta

from lowsky.airspace.reading.attributes.markup import as_text
from lowsky.airspace.reading.report import Notes
from lowsky.geo.schedules.schedule import earliest_and_latest
from lowsky.geo.zones.geozone import LocalizedText

TEXT_LENGTH_MAX = 10_000
"""ED-318 allows 1 000; published messages are a few hundred."""
TEXTS_MAX = 100
"""Languages and parts of one text."""

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff]")
_LOCALIZED_KEYS = (("text", "lang"), ("message", "language"))


def text(value: object) -> str:
    """A JSON value as a text: numbers as their digits, all else but texts as "".

    Characters that a database or protobuf would refuse are replaced, and long texts are cut to TEXT_LENGTH_MAX.
    """
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str):
        return ""
    return _UNPRINTABLE.sub("\ufffd", value[:TEXT_LENGTH_MAX]).strip()


def code(value: object) -> str:
    """A text as a code: "Air traffic" is AIR_TRAFFIC."""
    return re.sub(r"[\s-]+", "_", text(value)).upper()


def number(value: object) -> float | None:
    """A finite number, also one that is written as a text; None for anything else."""
    if isinstance(value, str) and len(value) <= 64 and _NUMBER.fullmatch(value.strip()):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def joined(value: object) -> str:
    """A text, or those of a list with semicolons between them."""
    return text("; ".join(word for word in map(text, listed(value)[:TEXTS_MAX]) if word))


def mapping(value: object) -> Mapping[str, object]:
    """The object, or an empty one."""
    return value if isinstance(value, dict) else {}


def listed(value: object) -> list[object]:
    """The list; a lone value becomes a list of it, an absent one an empty list."""
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def empty(value: object) -> bool:
    """Whether nothing is published: null, "", [], {}, or containers of nothing but these."""
    if isinstance(value, dict):
        return all(empty(item) for item in value.values())
    if isinstance(value, list):
        return all(empty(item) for item in value)
    return value is None or (isinstance(value, str) and not value.strip())


def texts(value: object) -> tuple[LocalizedText, ...]:
    """Texts in any known shape: "…", ["…"], {text, lang}, [{text, lang}], [{message, language}]; HTML as plain text."""
    found: list[LocalizedText] = []
    for item in listed(value)[:TEXTS_MAX]:
        if isinstance(item, dict):
            for text_key, language_key in _LOCALIZED_KEYS:
                if words := as_text(text(item.get(text_key))):
                    found.append(LocalizedText(words, text(item.get(language_key)) or None))
                    break
        elif words := as_text(text(item)):
            found.append(LocalizedText(words))
    return tuple(found)


def note_not_taken(value: object, taken: object, field: str, notes: Notes) -> None:
    """Notes a published value that cannot be read, and so is not taken over."""
    if not taken and not empty(value):
        notes.unclear(
            "NOT_TAKEN_OVER", field, f"{text(value)[:100] or type(value).__name__!r} cannot be read: left out"
        )


def yes_no(value: object) -> bool | None:
    """YES, NO, true or false in any case; None for anything else."""
    if isinstance(value, bool):
        return value
    return {"YES": True, "TRUE": True, "Y": True, "NO": False, "FALSE": False, "N": False}.get(text(value).upper())


_INSTANT = re.compile(
    r"(?P<date>\d{4}-\d{2}-\d{2})(?:[Tt ](?P<hour>\d{2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,](?P<part>\d+))?)?"
    r"\s*(?P<zone>[Zz]|[+-]\d{2}(?::?\d{2})?)?)?"
)
_ZONE_EARLIEST, _ZONE_LATEST = timedelta(hours=14), timedelta(hours=12)
"""The world's clocks run from UTC+14 to UTC-12."""


def instant(value: object, *, end: bool, field: str, notes: Notes) -> datetime | None:
    """An ISO 8601 instant in UTC, or None when it cannot be read.

    `end` says which way is the wider: a last second or minute (…:59) is inside, so that the end is the next one; a date
    alone is the whole day; a time without a zone is by the clock that the publisher declares, or else in whichever zone
    is the wider.
    """
    found = _INSTANT.fullmatch(text(value))
    if found is None:
        return None
    if end and (found["second"] == "59" or (found["second"] is None and found["minute"] == "59")):
        notes.unclear("END_INSIDE", field, f"{text(value)} names the last instant that is inside: read to its very end")
    try:
        moment = _moment(found, end=end)
        if (found["hour"] is None or found["zone"] is None) and notes.time_zone:
            moment = earliest_and_latest(moment.replace(tzinfo=None), notes.time_zone)[1 if end else 0]
        elif found["hour"] is None or found["zone"] is None:
            notes.unclear("TIME_ZONE_ABSENT", field, f"{text(value)} has no time zone: read as the widest it can mean")
            moment += _ZONE_LATEST if end else -_ZONE_EARLIEST
        else:
            moment -= timedelta(seconds=zone_offset_s(found["zone"]))
    except (ValueError, OverflowError):
        return None
    return moment


def _moment(found: re.Match[str], *, end: bool) -> datetime:
    day = date.fromisoformat(found["date"])
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
    if found["hour"] is None:
        return moment + timedelta(days=1) if end else moment
    seconds = clock_s(found["hour"], found["minute"], found["second"], found["part"], end=end)
    if seconds is None:
        raise ValueError("not a time of day")
    return moment + timedelta(seconds=seconds)


def clock_s(hour: str, minute: str, second: str | None, part: str | None, *, end: bool) -> int | None:
    """Seconds of the day of a clock time, whole ones, None when there is no such time; 24:00 is the day's end.

    The wider way: a start is rounded down, an end up, and an end at the last minute or second of its unit takes it in
    whole.
    """
    hours, minutes, seconds = int(hour), int(minute), int(second or 0)
    if hours > 24 or minutes > 59 or seconds > 60 or (hours == 24 and (minutes or seconds)):
        return None
    total = hours * 3600 + minutes * 60 + min(seconds, 59)
    if not end:
        return total
    if second is None:
        return total + 60 if minutes == 59 else total
    if seconds >= 59 or int(part or 0):
        return total + 1
    return total


def zone_offset_s(zone: str) -> int:
    """Seconds east of UTC of "Z", "+02", "+0200" or "+02:00"; ValueError when there is no such zone."""
    if zone in "Zz":
        return 0
    digits = zone[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 14 or minutes > 59:
        raise ValueError(f"no such time zone: {zone}")
    return (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)


_DURATION = re.compile(
    r"P(?:(\d{1,5})Y)?(?:(\d{1,5})M)?(?:(\d{1,5})W)?(?:(\d{1,5})D)?"
    r"(?:T(?:(\d{1,6})H)?(?:(\d{1,7})M)?(?:(\d{1,9})(?:[.,]\d+)?S)?)?"
)
_DURATION_UNITS_S = (366 * 86_400, 31 * 86_400, 7 * 86_400, 86_400, 3600, 60, 1)
"""A year and a month at their longest."""


def duration(value: object) -> timedelta | None:
    """An ISO 8601 duration, such as P30D or P05DT00H00M, None when it cannot be read."""
    found = _DURATION.fullmatch(text(value).upper())
    if found is None or not any(found.groups()):
        return None
    return timedelta(
        seconds=sum(int(count or 0) * unit for count, unit in zip(found.groups(), _DURATION_UNITS_S, strict=True))
    )
