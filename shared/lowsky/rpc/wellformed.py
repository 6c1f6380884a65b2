"""What the rules of the protos cannot say of every field at once: that a time is one, and that a text can be stored.

A Timestamp may hold numbers that name no instant between the years 1 and 9999, and a string may hold U+0000, which
PostgreSQL does not take. Both would fail somewhere inside, as a fault of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple

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


_Look = Callable[[Any, str, list[FieldViolation]], None]
"""Looks at the value of a field, whose path is given, and adds what is wrong."""


class _Part(NamedTuple):
    """A field that holds texts or times, at whatever depth: thousands of waypoints are passed over."""

    name: str
    may_be_absent: bool
    look: _Look


class _Shape(NamedTuple):
    """What is looked at of one type of messages; worked out once, since every call passes here."""

    texts: Callable[[Message], Sequence[str]]
    """All single ones: one look at them together is the usual case."""
    beside_texts: Sequence[_Part]
    all: Sequence[_Part]


def malformed(message: Message, path: str = "") -> list[FieldViolation]:
    """The fields that are set and that nothing could be done with, by their path."""
    found: list[FieldViolation] = []
    _in_message(message, path, found)
    return found


def _in_message(message: Message, path: str, found: list[FieldViolation]) -> None:
    shape = _shape(message.DESCRIPTOR)
    prefix = f"{path}." if path else ""
    for name, may_be_absent, look in shape.all if "\0" in "".join(shape.texts(message)) else shape.beside_texts:
        if not may_be_absent or message.HasField(name):
            look(getattr(message, name), prefix + name, found)


def _in_text(text: str, path: str, found: list[FieldViolation]) -> None:
    if "\0" in text:
        found.append(FieldViolation(path, "must not hold the character U+0000"))


def _in_time(time: Any, path: str, found: list[FieldViolation]) -> None:
    if not (SECONDS_MIN <= time.seconds <= SECONDS_MAX and 0 <= time.nanos <= NANOS_MAX):
        found.append(FieldViolation(path, "must be a time between the years 1 and 9999"))


def _in_duration(duration: Any, path: str, found: list[FieldViolation]) -> None:
    seconds, nanos = duration.seconds, duration.nanos
    if not (abs(seconds) <= DURATION_SECONDS_MAX and abs(nanos) <= NANOS_MAX and seconds * nanos >= 0):
        found.append(FieldViolation(path, "must be a duration of at most 10 000 years"))


def _in_each(look: _Look) -> _Look:
    def looked(values: Sequence[Any], path: str, found: list[FieldViolation]) -> None:
        for index, value in enumerate(values):
            look(value, f"{path}[{index}]", found)

    return looked


def _in_map(key_look: _Look | None, value_look: _Look | None) -> _Look:
    def looked(values: Mapping[Any, Any], path: str, found: list[FieldViolation]) -> None:
        for key, value in values.items():
            if key_look:
                key_look(key, path, found)
            if value_look:
                value_look(value, f'{path}["{str(key)[:KEY_CHARS_SHOWN]}"]', found)

    return looked


_LOOKS: Mapping[str, _Look] = {_TIMESTAMP: _in_time, _DURATION: _in_duration}


@cache
def _shape(descriptor: Descriptor) -> _Shape:
    parts = [_Part(field.name, field.has_presence, look) for field in descriptor.fields if (look := _look_at(field))]
    texts = [part.name for part in parts if part.look is _in_text]
    get = attrgetter(*texts) if texts else lambda _: ()  # of a single name the text itself: it joins to itself
    return _Shape(get, [part for part in parts if part.look is not _in_text], parts)


def _look_at(field: FieldDescriptor) -> _Look | None:
    inner = field.message_type
    if inner is not None and inner.GetOptions().map_entry:
        key_look, value_look = (_look_at(inner.fields_by_name[name]) for name in ("key", "value"))
        return _in_map(key_look, value_look) if key_look or value_look else None
    if not _holds_any(field, frozenset()):
        return None
    look = _LOOKS.get(inner.full_name, _in_message) if inner is not None else _in_text
    return _in_each(look) if field.is_repeated else look


def _holds_any(field: FieldDescriptor, above: frozenset[str]) -> bool:
    if field.type == FieldDescriptor.TYPE_STRING:
        return True
    inner = field.message_type
    if inner is None or inner.full_name in above:
        return False
    if inner.full_name in (_TIMESTAMP, _DURATION):
        return True
    return any(_holds_any(deeper, above | {inner.full_name}) for deeper in inner.fields)
