"""The messages of a stream as received, before they are deserialised."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Generic, TypeVar

from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FieldDescriptorProto, FileDescriptorProto
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from lowsky.errors import Invalid
from lowsky.rpc.limits import require_size

Request = TypeVar("Request", bound=Message)


class Incoming(Generic[Request]):
    """One message of a stream. Reading it releases its bytes: deserialised it is many times as large."""

    def __init__(self, method: str, raw: bytes, decode: Callable[[bytes], Request]) -> None:
        """
        Args:
            method: The full path of the method, ``/package.Service/Method``.
            decode: Deserialises its requests; see deserialised.
        """
        self._method = method
        self._raw = raw
        self._decode = decode
        self.size = len(raw)
        """Bytes."""

    def read(self) -> Request:
        """The message; to be called once.

        Raises:
            Invalid: TOO_LARGE for its method, or MALFORMED_MESSAGE.
        """
        require_size(self._method, self.size)
        raw, self._raw = self._raw, b""
        return self._decode(raw)

    def head(self) -> Request:
        """The message with only its strings and numbers, without nested messages and lists: enough to identify the
        sender of a message that is too large to be read.

        Raises:
            Invalid: MALFORMED_MESSAGE.
        """
        # Fields that a class does not declare stay serialised.
        head = deserialised(_head_class(self._decode(b"").DESCRIPTOR).FromString, self._raw)
        head.DiscardUnknownFields()
        return self._decode(head.SerializeToString())


def deserialised(deserialise: Callable[[bytes], Request], raw: bytes) -> Request:
    """Deserialises a message.

    Raises:
        Invalid: MALFORMED_MESSAGE.
    """
    try:
        return deserialise(raw)
    except DecodeError as error:
        raise Invalid(
            "MALFORMED_MESSAGE",
            "the request is not a message of this method: check the protos of your client",
        ) from error


@cache
def _head_class(whole: Descriptor) -> type[Message]:
    file = FileDescriptorProto(name=f"{whole.full_name}.head", package="head", syntax="proto3")
    message = file.message_type.add(name=whole.name)
    for field in whole.fields:
        if not field.is_repeated and field.message_type is None and field.enum_type is None:
            message.field.add(
                name=field.name,
                number=field.number,
                type=FieldDescriptorProto.Type.ValueType(field.type),
                label=FieldDescriptorProto.LABEL_OPTIONAL,
            )
    pool = DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName(f"head.{whole.name}"))
