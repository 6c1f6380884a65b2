"""The canonical form of a request: two requests with the same canonical form count as the same request.

The request id, and how the caller would like to be answered, are no part of it. Unknown fields and what is output only
(google.api.field_behavior, AIP-203) are ignored, times and durations count as precisely as they are stored, of an
update counts what its mask names, and -0.0 is 0.0. The rest is protobuf's: once a message is parsed, the order of
fields and map entries, packed or not, and explicit defaults of fields without presence are all the same.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message

STORED_NANOS = 1_000
"""Times are stored to the microsecond, as PostgreSQL and Python have them."""

_BESIDE = frozenset({"request_id", "wait_for_decision", "suggest_alternatives"})
"""Fields of a request that do not change what is done: its id, how long to wait, what else to answer."""

_IDENTITY = frozenset({"name", "etag"})
"""Of a resource: which one an update means. A new one gets its own, whatever was sent."""

_ROUNDED_UP = frozenset({"time_end", "time_buffer"})
"""A stated interval is stored as no shorter one: its start is rounded down, its end and what is added to it up."""

_TIMES = ("google.protobuf.Timestamp", "google.protobuf.Duration")
_LAST_NANOS = 253_402_300_800 * 1_000_000_000 - STORED_NANOS
"""Of the year 9999, as precisely as it is stored."""

_NEGATIVE_ZERO = struct.pack("<d", -0.0)
"""As it is serialised. Where these bytes are not there, no number has to be looked at."""


class _Parts(NamedTuple):
    """Of the request itself, by its type."""

    beside: Sequence[str]
    is_update: bool
    resources: Sequence[tuple[str, frozenset[str]]]
    """Fields that hold a resource, with the names of its fields."""


class _Shape(NamedTuple):
    """What is to be done with the messages of one type; worked out once, since every mutation passes here."""

    cleared: frozenset[str]
    clears: bool
    """Whether anything is cleared in it, at whatever depth."""
    times: Sequence[tuple[str, bool]]
    """Single fields, and whether they are rounded up."""
    inner: Sequence[tuple[str, bool, _Shape]]
    """Fields that hold messages with something to do in them, and whether they are repeated."""


def canonical(request: Message) -> bytes:
    """The canonical form, serialised; the request itself stays as it is."""
    whole: Any = type(request)()
    whole.CopyFrom(request)
    whole.DiscardUnknownFields()
    parts = _parts(whole.DESCRIPTOR)
    for name in parts.beside:
        whole.ClearField(name)
    updated = {*whole.update_mask.paths} if parts.is_update else set()
    if parts.is_update:
        whole.update_mask.paths[:] = sorted(updated)
    for name, names in parts.resources:
        if whole.HasField(name):
            resource = getattr(whole, name)
            for left_out in names - updated - _IDENTITY if parts.is_update else _IDENTITY:
                resource.ClearField(left_out)
    _clear_within(whole, _shape(whole.DESCRIPTOR))
    return settled(whole, whole.SerializeToString(deterministic=True))


def settled(message: Message, serialised: bytes) -> bytes:
    """The canonical form of a message that holds nothing unknown and nothing that is output only.

    Args:
        message: It is changed.
        serialised: The same in deterministic serialisation: of most messages that is the canonical form.
    """
    rounded = _round_times(message, _shape(message.DESCRIPTOR))
    has_negative_zero = _NEGATIVE_ZERO in serialised
    if has_negative_zero:
        _without_negative_zeros(message)
    return message.SerializeToString(deterministic=True) if rounded or has_negative_zero else serialised


def is_output_only(field: FieldDescriptor) -> bool:
    """Whether only the server sets it (google.api.field_behavior, AIP-203)."""
    return field_behavior_pb2.OUTPUT_ONLY in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def clear_output_only(message: Message) -> None:
    """Clears the output-only fields of the message itself."""
    cleared = _shape(message.DESCRIPTOR).cleared
    # Few are set, if any, and to clear one that is not costs more than to look.
    for name in [field.name for field, _ in message.ListFields() if field.name in cleared]:
        message.ClearField(name)


def _clear_within(message: Any, shape: _Shape) -> None:
    if shape.cleared:
        clear_output_only(message)
    for name, repeated, inner in shape.inner:
        if not inner.clears:
            continue
        if repeated:
            for one in getattr(message, name):
                _clear_within(one, inner)
        elif message.HasField(name):
            _clear_within(getattr(message, name), inner)


def _round_times(message: Any, shape: _Shape) -> bool:
    """Whether any was not as precise as it is stored."""
    rounded = False
    for name, up in shape.times:
        if message.HasField(name) and (time := getattr(message, name)).nanos % STORED_NANOS:
            nanos = time.ToNanoseconds() // STORED_NANOS * STORED_NANOS
            # Beyond the year 9999 no calendar goes: as lowsky.moments.end_of.
            time.FromNanoseconds(nanos + STORED_NANOS if up and nanos < _LAST_NANOS else nanos)
            rounded = True
    for name, repeated, inner in shape.inner:
        if repeated:
            for one in getattr(message, name):
                rounded |= _round_times(one, inner)
        elif message.HasField(name):
            rounded |= _round_times(getattr(message, name), inner)
    return rounded


@cache
def _parts(descriptor: Descriptor) -> _Parts:
    names = {field.name for field in descriptor.fields}
    resources = [
        (field.name, inner)
        for field in descriptor.fields
        if field.message_type is not None and not field.is_repeated
        if (inner := frozenset(one.name for one in field.message_type.fields)) >= _IDENTITY
    ]
    return _Parts(sorted(_BESIDE & names), "update_mask" in names, resources)


@cache
def _shape(descriptor: Descriptor) -> _Shape:
    cleared: set[str] = set()
    times: list[tuple[str, bool]] = []
    inner: list[tuple[str, bool, _Shape]] = []
    for field in descriptor.fields:
        kind = field.message_type
        if is_output_only(field):
            cleared.add(field.name)
        elif kind is None or kind.GetOptions().map_entry:
            continue  # no map of the contract holds messages, as a test says
        elif kind.full_name in _TIMES:
            times.append((field.name, field.name in _ROUNDED_UP))  # none of them is repeated, as a test says
        elif any(shape := _shape(kind)):
            inner.append((field.name, field.is_repeated, shape))
    clears = bool(cleared) or any(shape.clears for _, _, shape in inner)
    return _Shape(frozenset(cleared), clears, times, inner)


def _without_negative_zeros(message: Any) -> None:
    for field, value in message.ListFields():
        if field.message_type is not None:
            if field.message_type.GetOptions().map_entry:
                continue
            for one in value if field.is_repeated else (value,):
                _without_negative_zeros(one)
        elif field.type == FieldDescriptor.TYPE_DOUBLE:
            if field.is_repeated:
                value[:] = [number + 0.0 for number in value]
            else:
                setattr(message, field.name, value + 0.0)  # -0.0 + 0.0 is 0.0
