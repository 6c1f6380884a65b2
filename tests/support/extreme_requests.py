"""What a caller may send and no service may fail at: requests with a field at an extreme, and requests of any size."""

from __future__ import annotations

import asyncio
import math
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, cast

import grpc
import psutil
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from google.protobuf.message import Message

from lowsky.auth.caller import Role
from lowsky.rpc.limits import RECEIVED_BYTES_MAX, request_bytes_max
from tests.architecture.contract import methods
from tests.support.calling import answer_to, path_of
from tests.support.installation import Installation
from tests.support.requests import flooded, largest, lists_of, request_class

M = TypeVar("M", bound=Message)

FAILED = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED})
"""What no request may lead to."""

AT_ONCE = 16

CPU_S = 1.0
"""Of a worker for any request, however small: it does other things beside."""

CPU_US_PER_BYTE = 2.0
"""A second for the largest request of most methods."""

GROWTH_BYTES_MAX = 64 * 1024 * 1024
"""By which a worker grows, at its peak, for one request."""


@dataclass(frozen=True)
class Case:
    """Requests of an RPC that come to something, or are refused for what is stored and not for what they say."""

    messages: Callable[[], Sequence[Message]]
    """One; the first ones of a stream."""


def methods_of(service: str) -> dict[str, MethodDescriptor]:
    """Every RPC of a service (`registration`, …), by `Service/Method`."""
    package = f"lowsky.api.{service}.v1."
    return {
        path.removeprefix(f"/{package}"): method for path, method in methods().items() if path.startswith(f"/{package}")
    }


async def fails_at(installation: Installation, service: str, what: str, case: Case) -> Sequence[tuple[str, str]]:
    """The extremes of the fields of a case's messages that make a service fail, and how."""
    method = methods_of(service)[what]
    channel, token = installation.channel(service), _token(installation)
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, sent: Sequence[Message]) -> tuple[str, grpc.StatusCode]:
        async with slots:
            requests = [message.SerializeToString() for message in sent]
            return name, (await answer_to(channel, method, requests, token))[0]

    messages = case.messages()
    code, reason = await answer_to(channel, method, [message.SerializeToString() for message in messages], token)
    assert code not in FAILED | {grpc.StatusCode.PERMISSION_DENIED}, f"{code} {reason} of what is as usual"
    changed = [
        (name, [*messages[:place], other, *messages[place + 1 :]])
        for place, message in enumerate(messages)
        for name, other in extremes(message)
    ]
    answers = await asyncio.gather(*(one(name, sent) for name, sent in changed))
    return [(name, code.name) for name, code in answers if code in FAILED]


async def require_bounded(installation: Installation, service: str, what: str) -> None:
    """Sends messages as large as they may be, and larger, as the first of their call: each is answered or refused, at a
    cost of processor time and memory that its size bounds."""
    method = methods_of(service)[what]
    limit, cls = request_bytes_max(path_of(method)), request_class(method)
    worker = _Worker(installation.workers[service, "1"].identity.pid)
    for name, raw in (
        ("the largest by its rules", largest(method.input_type, limit - 1_000).SerializeToString()[:limit]),
        *((f"full of {way[-1].full_name}", flooded(cls, way, limit - 100)) for way in lists_of(method.input_type)),
        ("full of what this version does not know", b"\xf8\xff\xff\x0f\x00" * (limit // 5)),
        ("a byte too large", b"x" * (limit + 1)),
        ("as large as is received", flooded(cls, way[0], RECEIVED_BYTES_MAX))
        if (way := list(lists_of(method.input_type)))
        else ("as large as is received", b"x" * RECEIVED_BYTES_MAX),
        ("far too large", b"x" * (4 * RECEIVED_BYTES_MAX)),
    ):
        worker.begin()
        said = await answer_to(installation.channel(service), method, [raw], _token(installation))
        cpu_s, growth = worker.spent()
        assert said[0] not in FAILED, (name, said)
        if len(raw) > RECEIVED_BYTES_MAX:
            assert said == (grpc.StatusCode.RESOURCE_EXHAUSTED, ""), name
        elif len(raw) > limit:
            assert said == (grpc.StatusCode.INVALID_ARGUMENT, "TOO_LARGE"), name
        assert cpu_s < CPU_S + CPU_US_PER_BYTE * 1e-6 * len(raw), (name, len(raw), cpu_s)
        assert growth < GROWTH_BYTES_MAX, (name, len(raw), growth)


class _Worker:
    """What a process spends."""

    def __init__(self, pid: int) -> None:
        self._process, self._folder = psutil.Process(pid), Path(f"/proc/{pid}")
        self._cpu_s, self._resident = 0.0, 0

    def begin(self) -> None:
        """From now on."""
        (self._folder / "clear_refs").write_text("5")  # the peak is that from now on
        self._cpu_s, self._resident = self._busy_s(), self._bytes("VmRSS")

    def spent(self) -> tuple[float, int]:
        """Processor time, seconds, and by how many bytes it grew at its peak."""
        return self._busy_s() - self._cpu_s, self._bytes("VmHWM") - self._resident

    def _busy_s(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _bytes(self, name: str) -> int:
        lines = (self._folder / "status").read_text().splitlines()
        return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def _token(installation: Installation) -> str:
    """Of somebody who may do everything, for an operator and an authority."""
    roles = [role.value for role in Role]
    return installation.token(roles=roles, operator="operators/acme", authority="authorities/tower", subject="all")


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
    for field in cast(Descriptor, message.DESCRIPTOR).fields:  # of either implementation
        if field.message_type is None:
            if not field.is_repeated and (field.containing_oneof is None or message.HasField(field.name)):
                yield way, field
        elif field.is_repeated:
            if not field.message_type.GetOptions().map_entry and len(getattr(message, field.name)):
                yield from _scalars(getattr(message, field.name)[0], (*way, (field.name, 0)))
        elif message.HasField(field.name):
            yield from _scalars(getattr(message, field.name), (*way, (field.name, None)))
