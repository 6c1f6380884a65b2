"""Parses and formats times, names, enumerations and numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from lowsky.cli.deferred import deferred
from lowsky.cli.problems import Problem, invalid

if TYPE_CHECKING:
    from google.protobuf import timestamp_pb2

    from lowsky.api.geo.v1 import geo_pb2
else:
    timestamp_pb2 = deferred("google.protobuf.timestamp_pb2")
    geo_pb2 = deferred("lowsky.api.geo.v1.geo_pb2")


_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~-]{0,199}")


def parse_time(text: str, option: str) -> datetime:
    """Parses an ISO 8601 instant with an offset; without one it would be ambiguous."""
    try:
        instant = datetime.fromisoformat(text.upper())  # RFC 3339, 5.6: t and z may be in lower case
    except ValueError:
        raise invalid(
            "INVALID_TIME", f"{option} {text!r} is not an ISO 8601 time", "write it as 2026-11-25T09:00+08:00"
        ) from None
    if instant.tzinfo is None:
        raise invalid(
            "TIME_WITHOUT_ZONE",
            f"{option} {text!r} has no time zone",
            "add Z (UTC) or the offset, as in 2026-11-25T09:00+08:00",
        )
    try:
        return instant.astimezone(UTC)
    except OverflowError:
        raise out_of_calendar(f"{option} {text!r}") from None


def later(when: datetime, by: timedelta, option: str) -> datetime:
    """An instant this much later; raises Problem if it is outside the calendar."""
    try:
        return when + by
    except OverflowError:
        raise out_of_calendar(f"{option}: {by} after {when.isoformat()}") from None


def out_of_calendar(what: str) -> Problem:
    """Times are between the years 1 and 9999 (google.protobuf.Timestamp)."""
    return invalid("INVALID_TIME", f"{what} does not lie between the years 1 and 9999, in UTC", "give another time")


def timestamp(text: str | None, option: str) -> timestamp_pb2.Timestamp | None:
    """As parse_time, for a message; None stays None."""
    if text is None:
        return None
    stamp = timestamp_pb2.Timestamp()
    stamp.FromDatetime(parse_time(text, option))
    return stamp


def show_time(when: timestamp_pb2.Timestamp | datetime, *, seconds: bool = False) -> str:
    """Formats a time in the local time zone, with its offset; empty for an unset timestamp."""
    if isinstance(when, timestamp_pb2.Timestamp):
        if not when.seconds and not when.nanos:
            return ""
        when = when.ToDatetime(UTC)
    try:
        when = when.astimezone()
    except (OverflowError, ValueError, OSError):  # at the edges of the calendar this machine's zone has no such time
        when = when.astimezone(UTC)
    return when.isoformat(" ", "seconds" if seconds else "minutes")


def resource(collection: str, text: str) -> str:
    """`acme` or `operators/acme` to `operators/acme`."""
    last = text.removeprefix(f"{collection}/")
    if not _ID.fullmatch(last):
        raise invalid("INVALID_NAME", f"{text!r} is neither {collection}/{{id}} nor an id of its own")
    return f"{collection}/{last}"


def child(collection: str, text: str, operator: str | None) -> str:
    """`operators/acme/aircraft/d1`, or `d1` where the operator is known, to the whole name."""
    parts = text.split("/")
    if len(parts) == 4 and (parts[0], parts[2]) == ("operators", collection):
        resource("operators", parts[1])
        resource(collection, parts[3])
        return text
    if len(parts) != 1:
        raise invalid("INVALID_NAME", f"{text!r} is neither operators/{{operator}}/{collection}/{{id}} nor an id")
    if operator is None:
        raise invalid(
            "OPERATOR_MISSING",
            f"{text!r} could be any operator's",
            f"write operators/{{operator}}/{collection}/{text}, or give --operator (LOWSKY_OPERATOR)",
        )
    return resource(operator + "/" + collection, text)


def last(name: str) -> str:
    """The last part of a resource name."""
    return name.rpartition("/")[2]


def enum_name(enum: Any, value: int) -> str:
    """`STATE_UNDER_REVIEW` as UNDER_REVIEW."""
    try:
        full: str = enum.Name(value)
    except ValueError:
        return str(value)
    return full.removeprefix(_prefix(enum))


def enum_value(enum: Any, text: str, option: str) -> Any:
    """`under-review` as the value of STATE_UNDER_REVIEW; a Problem lists the choices if there is none."""
    prefix = _prefix(enum)
    known = [name.removeprefix(prefix) for name in enum.keys() if not name.endswith("_UNSPECIFIED")]  # noqa: SIM118
    wanted = text.upper().replace("-", "_")
    if wanted not in known:
        choices = ", ".join(name.lower().replace("_", "-") for name in known)
        raise invalid("INVALID_CHOICE", f"{option} {text!r} is not known", f"one of {choices}")
    return enum.Value(prefix + wanted)


REFERENCE_SYSTEMS = "wgs-84|cgcs2000|gcj-02|bd-09"
"""For `--reference-system`, as `reference_system_value` takes them."""


def reference_system_value(text: str | None) -> geo_pb2.ReferenceSystem.ValueType:
    """The value of `--reference-system`; unspecified if not given."""
    if text is None:
        return geo_pb2.REFERENCE_SYSTEM_UNSPECIFIED
    value: geo_pb2.ReferenceSystem.ValueType = enum_value(geo_pb2.ReferenceSystem, text, "--reference-system")
    return value


def _prefix(enum: Any) -> str:
    first: str = enum.keys()[0]
    return first.removesuffix("UNSPECIFIED")


def show_band(band: geo_pb2.AltitudeBand) -> str:
    """`0-120 m AGL`."""
    lower = _limit(band.lower_m, band.lower_datum) if band.HasField("lower_m") else "unlimited"
    upper = _limit(band.upper_m, band.upper_datum) if band.HasField("upper_m") else "unlimited"
    return f"{lower} to {upper}"


def _limit(metres: float, datum: int) -> str:
    return f"{metres:.0f} m {enum_name(geo_pb2.AltitudeDatum, datum)}"


def show_ranges(numbers: Iterable[int]) -> str:
    """`1-3, 7`."""
    runs: list[list[int]] = []
    for number in sorted(set(numbers)):
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
