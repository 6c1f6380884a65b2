"""The largest requests that a method can be sent: legal ones, by the rules of their fields, and illegal ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from buf.validate import validate_pb2

TEXT_MAX = 200
"""Characters of a text whose rule names no limit of its own."""


def request_class(method: MethodDescriptor) -> type[Message]:
    """The class of a method's requests."""
    return GetMessageClass(method.input_type)


def lists_of(descriptor: Descriptor, path: tuple[FieldDescriptor, ...] = ()) -> Iterator[tuple[FieldDescriptor, ...]]:
    """The repeated fields beneath a message, each by the way to it through the messages that hold it."""
    for field in descriptor.fields:
        if field.message_type in [step.message_type for step in path]:
            continue
        if field.is_repeated:
            yield (*path, field)
        if field.message_type is not None:
            yield from lists_of(field.message_type, (*path, field))


def flooded(cls: type[Message], way: tuple[FieldDescriptor, ...], size: int) -> bytes:
    """A message, serialised, of about so many bytes, with one list full of elements that say nothing."""
    *above, last = way
    if last.message_type is not None or last.type in (FieldDescriptor.TYPE_STRING, FieldDescriptor.TYPE_BYTES):
        element = _field(last, b"")
    elif last.type in (FieldDescriptor.TYPE_DOUBLE, FieldDescriptor.TYPE_FIXED64, FieldDescriptor.TYPE_SFIXED64):
        element = _key(last, 1) + b"\0" * 8
    else:
        element = _key(last, 0) + b"\0"
    body = element * max(1, size // len(element))
    for field in reversed(above):
        body = _field(field, body)
    return body


def largest(descriptor: Descriptor, size: int) -> Message:
    """A message with every field set and every list as long as its rule allows, until it has about so many bytes."""
    message = GetMessageClass(descriptor)()
    _fill(message, size, ())
    return message


def _fill(message: Message, size: int, above: tuple[Descriptor, ...]) -> int:
    """Fills a message; gives about how many bytes it takes, so that nothing is counted twice."""
    taken = 0
    descriptor = cast(Descriptor, message.DESCRIPTOR)  # of either implementation
    here = (*above, descriptor)
    for field in descriptor.fields:
        if field.message_type in here or taken >= size:
            continue
        rules = field.GetOptions().Extensions[validate_pb2.field]
        if field.message_type is not None and field.message_type.GetOptions().map_entry:
            continue
        if not field.is_repeated and field.message_type is None:
            setattr(message, field.name, value := _scalar(field, rules))
            taken += _size(value)
        elif not field.is_repeated:
            inner = getattr(message, field.name)
            inner.SetInParent()
            taken += _fill(inner, size - taken, here) + 4
        else:
            values = getattr(message, field.name)
            for _ in range(rules.repeated.max_items or 1):
                if taken >= size:
                    break
                if field.message_type is None:
                    values.append(value := _scalar(field, rules.repeated.items))
                    taken += _size(value)
                else:
                    taken += _fill(values.add(), size - taken, here) + 4
    return taken


def _size(value: object) -> int:
    return len(value) + 4 if isinstance(value, str | bytes) else 9


def _scalar(field: FieldDescriptor, rules: validate_pb2.FieldRules) -> object:
    if field.type == FieldDescriptor.TYPE_STRING:
        return "x" * int(rules.string.max_len or rules.string.len or TEXT_MAX)
    if field.type == FieldDescriptor.TYPE_BYTES:
        return b"x" * int(rules.bytes.max_len or TEXT_MAX)
    if field.type == FieldDescriptor.TYPE_BOOL:
        return True
    if field.enum_type is not None:
        return field.enum_type.values[-1].number
    return 1


def _key(field: FieldDescriptor, wire_type: int) -> bytes:
    return _varint(field.number << 3 | wire_type)


def _field(field: FieldDescriptor, body: bytes) -> bytes:
    return _key(field, 2) + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
