"""Checks of every field that come before the rules of the protos: that times are valid, that strings can be stored,
that no list is too long, and that no output-only field is set.

A Timestamp may hold numbers that are no instant between the years 1 and 9999, and a string may hold U+0000, which
PostgreSQL refuses. Both would fail somewhere inside as an internal error. The length of a list is checked before its
elements: protovalidate checks every element of a list that it has already found too long.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial
from operator import attrgetter
from typing import Any, NamedTuple

from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

from buf.validate import validate_pb2
from lowsky.canonical import is_output_only
from lowsky.errors import FieldViolation

SECONDS_MIN = -62_135_596_800
"""0001-01-01T00:00:00Z."""
SECONDS_MAX = 253_402_300_799
"""9999-12-31T23:59:59Z."""
DURATION_SECONDS_MAX = 315_576_000_000
"""10 000 years, as in google/protobuf/duration.proto."""
NANOS_MAX = 999_999_999

KEY_CHARS_SHOWN = 100
"""Length of a map's key in the path of a field: a status is sent in headers, which are limited."""

_TIMESTAMP = "google.protobuf.Timestamp"
_DURATION = "google.protobuf.Duration"


_Check = Callable[[Any, str, list[FieldViolation]], None]
"""Checks the value of a field, whose path is given, and adds violations to the list."""

VIOLATIONS_NAMED_MAX = 20
"""Violations in a response: enough to correct a request; a thousand bad waypoints need not all be named."""

FOUND_MAX = VIOLATIONS_NAMED_MAX + 1
"""The check ends at this number of violations: one more than named shows that there are more."""


class _Part(NamedTuple):
    """A field to be checked, itself or at any depth."""

    name: str
    has_presence: bool
    check: _Check


class _Shape(NamedTuple):
    """The fields to check of a message type; computed once, since every call needs it."""

    texts: Callable[[Message], Sequence[str]]
    """All singular strings: usually a single check of them together is enough."""
    other_parts: Sequence[_Part]
    all: Sequence[_Part]


def malformed(message: Message, path: str = "", *, output_allowed: bool = False) -> list[FieldViolation]:
    """The fields with values that could not be processed, by their path; at most FOUND_MAX of them.

    Args:
        output_allowed: Whether output-only fields may be set, as in a stored resource.
    """
    found: list[FieldViolation] = []
    _in_message(message, path, found, output_allowed=output_allowed)
    return found


def _in_message(message: Message, path: str, found: list[FieldViolation], *, output_allowed: bool) -> None:
    shape = _shape(message.DESCRIPTOR, output_allowed)
    prefix = f"{path}." if path else ""
    for name, has_presence, check in shape.all if "\0" in "".join(shape.texts(message)) else shape.other_parts:
        if len(found) >= FOUND_MAX:
            return
        if not has_presence or message.HasField(name):
            check(getattr(message, name), prefix + name, found)


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


def _in_output(value: Any, path: str, found: list[FieldViolation]) -> None:
    # A field without presence that has its default is not set; neither is an empty list.
    if isinstance(value, Message) or value:
        found.append(FieldViolation(path, "must not be set: it is output only"))


def _in_list(check: _Check | None, items_max: int) -> _Check:
    def check_all(values: Sequence[Any], path: str, found: list[FieldViolation]) -> None:
        if items_max and len(values) > items_max:
            found.append(FieldViolation(path, f"must contain no more than {items_max} items"))
            return
        if check is None:
            return
        for index, value in enumerate(values):
            check(value, f"{path}[{index}]", found)
            if len(found) >= FOUND_MAX:
                return

    return check_all


def _in_map(key_check: _Check | None, value_check: _Check | None, pairs_max: int) -> _Check:
    def check_all(values: Mapping[Any, Any], path: str, found: list[FieldViolation]) -> None:
        if pairs_max and len(values) > pairs_max:
            found.append(FieldViolation(path, f"must contain no more than {pairs_max} pairs"))
            return
        for key, value in values.items():
            if key_check:
                key_check(key, path, found)
            if value_check:
                value_check(value, f'{path}["{str(key)[:KEY_CHARS_SHOWN]}"]', found)
            if len(found) >= FOUND_MAX:
                return

    return check_all


_CHECKS: Mapping[str, _Check] = {_TIMESTAMP: _in_time, _DURATION: _in_duration}


@cache
def _shape(descriptor: Descriptor, output_allowed: bool) -> _Shape:
    parts = [
        _Part(field.name, field.has_presence, check)
        for field in descriptor.fields
        if (check := _check_of(field, output_allowed, frozenset()))
    ]
    texts = [part.name for part in parts if part.check is _in_text]
    get = attrgetter(*texts) if texts else lambda _: ()  # one name gives the string itself, which joins to itself
    return _Shape(get, [part for part in parts if part.check is not _in_text], parts)


def _check_of(field: FieldDescriptor, output_allowed: bool, above: frozenset[str]) -> _Check | None:
    """The check of a field; None if it needs none, so that thousands of waypoints are skipped.

    Args:
        above: The message types that contain this one, so that a recursive type ends the recursion.
    """
    if not output_allowed and is_output_only(field):
        return _in_output
    inner, rules = field.message_type, field.GetOptions().Extensions[validate_pb2.field]
    if inner is not None and inner.GetOptions().map_entry:
        key_check, value_check = (
            _check_of(inner.fields_by_name[name], output_allowed, above) for name in ("key", "value")
        )
        pairs_max = rules.map.max_pairs
        return _in_map(key_check, value_check, pairs_max) if key_check or value_check or pairs_max else None
    check: _Check | None = None
    if inner is None:
        check = _in_text if field.type == FieldDescriptor.TYPE_STRING else None
    elif inner.full_name in _CHECKS:
        check = _CHECKS[inner.full_name]
    elif inner.full_name not in above:
        # An update sends the resource as it was read, output-only fields included: the mask selects what is used.
        allowed = output_allowed or rules.ignore == validate_pb2.IGNORE_ALWAYS
        if any(_check_of(deeper, allowed, above | {inner.full_name}) for deeper in inner.fields):
            check = partial(_in_message, output_allowed=allowed)
    if not field.is_repeated:
        return check
    items_max = rules.repeated.max_items
    return _in_list(check, items_max) if check or items_max else None
