"""What the rules of the protos cannot say of every field at once: that a time is one, and that a text can be stored.

A Timestamp may hold numbers that name no instant between the years 1 and 9999, and a string may hold U+0000, which
PostgreSQL does not take. Both would fail somewhere inside, as a fault of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from lowsky.errors import FieldViolation

SECONDS_MIN = -62_135_596_800
"""0001-01-01T00:00:00Z."""
SECONDS_MAX = 253_402_300_799
"""9999-12-31T23:59:59Z."""
DURATION_SECONDS_MAX = 315_576_000_000
"""10 000 years, as in google/protobuf/duration.proto."""
NANOS_MAX = 999_999_999

KEY_CHARS_SHOWN = 100
"""Of a map's key in the path of a field: a status travels in headers, which are limited."""

_TIMESTAMP = "google.protobuf.Timestamp"
_DURATION = "google.protobuf.Duration"


def malformed(message: Message, path: str = "") -> Iterator[FieldViolation]:
    """The fields that are set and that nothing could be done with, by their path."""
    for field, value in message.ListFields():
        if field.number not in _worth_a_look(message.DESCRIPTOR):
            continue
        here = f"{path}.{field.name}" if path else field.name
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            for key, item in value.items():
                yield from _in_value(field.message_type.fields_by_name["key"], key, here)
                at = f'{here}["{str(key)[:KEY_CHARS_SHOWN]}"]'
                yield from _in_value(field.message_type.fields_by_name["value"], item, at)
        elif field.is_repeated:
            for index, item in enumerate(value):
                yield from _in_value(field, item, f"{here}[{index}]")
        else:
            yield from _in_value(field, value, here)


def _in_value(field: FieldDescriptor, value: Any, path: str) -> Iterator[FieldViolation]:
    if field.type == FieldDescriptor.TYPE_STRING:
        if "\0" in value:
            yield FieldViolation(path, "must not hold the character U+0000")
    elif field.message_type is None:
        return
    elif field.message_type.full_name == _TIMESTAMP:
        if not (SECONDS_MIN <= value.seconds <= SECONDS_MAX and 0 <= value.nanos <= NANOS_MAX):
            yield FieldViolation(path, "must be a time between the years 1 and 9999")
    elif field.message_type.full_name == _DURATION:
        if not (
            abs(value.seconds) <= DURATION_SECONDS_MAX
            and abs(value.nanos) <= NANOS_MAX
            and value.seconds * value.nanos >= 0
        ):
            yield FieldViolation(path, "must be a duration of at most 10 000 years")
    else:
        yield from malformed(value, path)


@cache
def _worth_a_look(descriptor: Descriptor) -> frozenset[int]:
    """Numbers of the fields that hold texts or times, at whatever depth: thousands of waypoints are passed over."""
    return frozenset(field.number for field in descriptor.fields if _holds_any(field, frozenset()))


def _holds_any(field: FieldDescriptor, above: frozenset[str]) -> bool:
    if field.type == FieldDescriptor.TYPE_STRING:
        return True
    inner = field.message_type
    if inner is None or inner.full_name in above:
        return False
    if inner.full_name in (_TIMESTAMP, _DURATION):
        return True
    return any(_holds_any(deeper, above | {inner.full_name}) for deeper in inner.fields)
