"""What the rules of the protos cannot say of every field at once, and what is checked before them: that a time is one,
that a text can be stored, that no list is longer than it may be, and that nothing is sent that only the server says.

A Timestamp may hold numbers that name no instant between the years 1 and 9999, and a string may hold U+0000, which
PostgreSQL does not take. Both would fail somewhere inside, as a fault of ours. The length of a list is checked before
its elements are: protovalidate judges every element of a list that it has already found too long.
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
"""Of a map's key in the path of a field: a status travels in headers, which are limited."""

_TIMESTAMP = "google.protobuf.Timestamp"
_DURATION = "google.protobuf.Duration"


_Look = Callable[[Any, str, list[FieldViolation]], None]
"""Looks at the value of a field, whose path is given, and adds what is wrong."""

VIOLATIONS_NAMED_MAX = 20
"""In an answer: enough to mend a request with; a thousand bad waypoints need not all be named."""

FOUND_MAX = VIOLATIONS_NAMED_MAX + 1
"""The walk ends when so many are found: one more says that there are more."""


class _Part(NamedTuple):
    """A field that something may be wrong with, at whatever depth."""

    name: str
    has_presence: bool
    look: _Look


class _Shape(NamedTuple):
    """What is looked at of one type of messages; worked out once, since every call passes here."""

    texts: Callable[[Message], Sequence[str]]
    """All single ones: one look at them together is the usual case."""
    beside_texts: Sequence[_Part]
    all: Sequence[_Part]


def malformed(message: Message, path: str = "", *, output_allowed: bool = False) -> list[FieldViolation]:
    """The fields that are set and that nothing could be done with, by their path; FOUND_MAX of them at most.

    Args:
        output_allowed: Whether fields may be set that only the server says, as in a resource that is stored.
    """
    found: list[FieldViolation] = []
    _in_message(message, path, found, output_allowed=output_allowed)
    return found


def _in_message(message: Message, path: str, found: list[FieldViolation], *, output_allowed: bool) -> None:
    shape = _shape(message.DESCRIPTOR, output_allowed)
    prefix = f"{path}." if path else ""
    for name, has_presence, look in shape.all if "\0" in "".join(shape.texts(message)) else shape.beside_texts:
        if len(found) >= FOUND_MAX:
            return
        if not has_presence or message.HasField(name):
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


def _in_output(value: Any, path: str, found: list[FieldViolation]) -> None:
    # A field without presence that has its default is not set; neither is an empty list.
    if isinstance(value, Message) or value:
        found.append(FieldViolation(path, "must not be set: only the server says it"))


def _in_list(look: _Look | None, items_max: int) -> _Look:
    def looked(values: Sequence[Any], path: str, found: list[FieldViolation]) -> None:
        if items_max and len(values) > items_max:
            found.append(FieldViolation(path, f"must contain no more than {items_max} item(s)"))
            return
        if look is None:
            return
        for index, value in enumerate(values):
            look(value, f"{path}[{index}]", found)
            if len(found) >= FOUND_MAX:
                return

    return looked


def _in_map(key_look: _Look | None, value_look: _Look | None, pairs_max: int) -> _Look:
    def looked(values: Mapping[Any, Any], path: str, found: list[FieldViolation]) -> None:
        if pairs_max and len(values) > pairs_max:
            found.append(FieldViolation(path, f"must contain no more than {pairs_max} pair(s)"))
            return
        for key, value in values.items():
            if key_look:
                key_look(key, path, found)
            if value_look:
                value_look(value, f'{path}["{str(key)[:KEY_CHARS_SHOWN]}"]', found)
            if len(found) >= FOUND_MAX:
                return

    return looked


_LOOKS: Mapping[str, _Look] = {_TIMESTAMP: _in_time, _DURATION: _in_duration}


@cache
def _shape(descriptor: Descriptor, output_allowed: bool) -> _Shape:
    parts = [
        _Part(field.name, field.has_presence, look)
        for field in descriptor.fields
        if (look := _look_at(field, output_allowed, frozenset()))
    ]
    texts = [part.name for part in parts if part.look is _in_text]
    get = attrgetter(*texts) if texts else lambda _: ()  # of a single name the text itself: it joins to itself
    return _Shape(get, [part for part in parts if part.look is not _in_text], parts)


def _look_at(field: FieldDescriptor, output_allowed: bool, above: frozenset[str]) -> _Look | None:
    """None: nothing can be wrong with the field, so that thousands of waypoints are passed over.

    Args:
        above: The types of messages that this one is in, so that one that holds itself is not followed for ever.
    """
    if not output_allowed and is_output_only(field):
        return _in_output
    inner, rules = field.message_type, field.GetOptions().Extensions[validate_pb2.field]
    if inner is not None and inner.GetOptions().map_entry:
        key_look, value_look = (
            _look_at(inner.fields_by_name[name], output_allowed, above) for name in ("key", "value")
        )
        pairs_max = rules.map.max_pairs
        return _in_map(key_look, value_look, pairs_max) if key_look or value_look or pairs_max else None
    look: _Look | None = None
    if inner is None:
        look = _in_text if field.type == FieldDescriptor.TYPE_STRING else None
    elif inner.full_name in _LOOKS:
        look = _LOOKS[inner.full_name]
    elif inner.full_name not in above:
        # What an update gives of a resource is that resource as it was read: its mask says what counts of it.
        allowed = output_allowed or rules.ignore == validate_pb2.IGNORE_ALWAYS
        if any(_look_at(deeper, allowed, above | {inner.full_name}) for deeper in inner.fields):
            look = partial(_in_message, output_allowed=allowed)
    if not field.is_repeated:
        return look
    items_max = rules.repeated.max_items
    return _in_list(look, items_max) if look or items_max else None
