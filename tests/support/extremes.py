"""Requests with one field at an extreme: what a caller may send, and no service may fail at."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

M = TypeVar("M", bound=Message)

_FLOATS = (5e-324, -5e-324, sys.float_info.max, -sys.float_info.max, 1e-300, -0.0, math.inf, math.nan)
_YEARS_S = (-62135596800, -62135596801, 253402300799, 253402300800)
"""Of the first and the last moment of a Timestamp, and just beyond."""

_OF: dict[int, Sequence[Any]] = {
    FieldDescriptor.CPPTYPE_DOUBLE: _FLOATS,
    FieldDescriptor.CPPTYPE_INT32: (-(2**31), 2**31 - 1, 0, 1),
    FieldDescriptor.CPPTYPE_INT64: (-(2**63), 2**63 - 1, 0, *_YEARS_S),
    FieldDescriptor.CPPTYPE_ENUM: (0, -1, 2**31 - 1),
    FieldDescriptor.CPPTYPE_STRING: ("", "\0", "x" * 50_000, "\U0010ffff"),
}


def extremes(request: M) -> Iterator[tuple[str, M]]:
    """The request, changed in one scalar field at a time: the field's path with the value, and the whole."""
    for way, field in _scalars(request, ()):
        for value in _OF.get(field.cpp_type, ()):
            changed = type(request)()
            changed.CopyFrom(request)
            place: Any = changed
            for name, index in way:
                place = getattr(place, name) if index is None else getattr(place, name)[index]
            try:
                setattr(place, field.name, value)
            except (TypeError, ValueError):
                continue  # bytes in place of text; no client can send it either
            yield f"{'.'.join(name for name, _ in way)}.{field.name} = {str(value)[:30]!r}", changed


Way = tuple[tuple[str, int | None], ...]


def _scalars(message: Message, way: Way) -> Iterator[tuple[Way, FieldDescriptor]]:
    for field in message.DESCRIPTOR.fields:
        if field.message_type is None:
            if not field.is_repeated and (field.containing_oneof is None or message.HasField(field.name)):
                yield way, field
        elif field.is_repeated:
            if not field.message_type.GetOptions().map_entry and len(getattr(message, field.name)):
                yield from _scalars(getattr(message, field.name)[0], (*way, (field.name, 0)))
        elif message.HasField(field.name):
            yield from _scalars(getattr(message, field.name), (*way, (field.name, None)))
