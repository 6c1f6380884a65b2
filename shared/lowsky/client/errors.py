"""What a call may end in, other than an answer. Every error says a stable reason and a text for people.

    LowskyApiError
    ├── InvalidArgument      the request breaks a rule: `fields` names each field at fault
    ├── Unauthenticated      no token, or one that does not count
    ├── PermissionDenied     none of the caller's roles may do this
    ├── NotFound             it does not exist, or is not the caller's to see
    ├── AlreadyExists        the id, or an identifier that must be unique, is taken
    ├── FailedPrecondition   not in the present state: `metadata` says which
    ├── Aborted
    │   └── StaleEtag        somebody changed the resource meanwhile: read it again, then decide again
    ├── OutOfRange           a resume token that lies before what is kept
    ├── ResourceExhausted    too much at once: `retry_delay_s` says when another try makes sense
    ├── Unavailable          not now, or the connection was lost
    ├── DeadlineExceeded     the call's time was up
    └── Internal             a fault of the server: `metadata["incident"]` is the id to quote

Calls are tried again by the client itself where that is safe (see lowsky.client.retries), so what arrives here is final
for the time that the call had.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError, Message
from google.rpc import error_details_pb2, status_pb2

M = TypeVar("M", bound=Message)

STATUS_DETAILS_KEY = "grpc-status-details-bin"
"""Where gRPC puts google.rpc.Status."""

TRANSPORT_LOST = "TRANSPORT_LOST"
"""Our reason for an end that the server did not speak: whether the call had an effect is not known."""

WRITE_LOST = "WRITE_LOST"
"""Our reason for a message that could not be sent because the server had ended the stream. Its own word is lost then
(grpc/grpc#36066: a failed write overwrites the status), so the stream is opened again, more patiently."""

_WRITE_LOST_TEXT = "Internal error from Core"
"""What grpc.aio itself, and no server, gives as the details of such a failure."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field at fault."""

    field: str
    """Path in the request, as in ``flight_plan.trajectory.waypoints[3].latitude``."""
    message: str
    reason: str = ""


class LowskyApiError(Exception):
    """Base of all."""

    code: ClassVar[str] = "UNKNOWN"
    """Name of the gRPC status code."""

    def __init__(
        self,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        fields: Sequence[FieldViolation] = (),
        retry_delay_s: float | None = None,
        details: Sequence[AnyMessage] = (),
        correlation_id: str = "",
    ) -> None:
        super().__init__(reason, message)
        self.reason = reason
        """``lowsky.api.errors.v1.Reason`` without its prefix, or a reason of this client."""
        self.message = message
        self.metadata = dict(metadata or {})
        self.fields = tuple(fields)
        self.retry_delay_s = retry_delay_s
        """When another try makes sense, where the server says so."""
        self.details = tuple(details)
        self.correlation_id = correlation_id
        """Of the call, as the server's logs and events have it."""

    def __str__(self) -> str:
        fields = "".join(f"; {violation.field}: {violation.message}" for violation in self.fields)
        return f"{self.reason}: {self.message}{fields}"

    def detail(self, kind: type[M]) -> M | None:
        """The status detail of that message type; None where the server sent none."""
        for detail in self.details:
            message = kind()
            if detail.TypeName() == message.DESCRIPTOR.full_name:
                try:
                    detail.Unpack(message)
                except DecodeError:
                    return None
                return message
        return None


class InvalidArgument(LowskyApiError):
    code = "INVALID_ARGUMENT"


class Unauthenticated(LowskyApiError):
    code = "UNAUTHENTICATED"


class PermissionDenied(LowskyApiError):
    code = "PERMISSION_DENIED"


class NotFound(LowskyApiError):
    code = "NOT_FOUND"


class AlreadyExists(LowskyApiError):
    code = "ALREADY_EXISTS"


class FailedPrecondition(LowskyApiError):
    code = "FAILED_PRECONDITION"


class Aborted(LowskyApiError):
    code = "ABORTED"


class StaleEtag(Aborted):
    """Never tried again by itself: one approves or changes what one saw."""


class OutOfRange(LowskyApiError):
    code = "OUT_OF_RANGE"


class ResourceExhausted(LowskyApiError):
    code = "RESOURCE_EXHAUSTED"


class Unavailable(LowskyApiError):
    code = "UNAVAILABLE"


class DeadlineExceeded(LowskyApiError):
    code = "DEADLINE_EXCEEDED"


class Internal(LowskyApiError):
    code = "INTERNAL"


_KINDS: Mapping[str, type[LowskyApiError]] = {
    kind.code: kind
    for kind in (
        InvalidArgument,
        Unauthenticated,
        PermissionDenied,
        NotFound,
        AlreadyExists,
        FailedPrecondition,
        Aborted,
        OutOfRange,
        ResourceExhausted,
        Unavailable,
        DeadlineExceeded,
        Internal,
    )
}
_CODE_NAMES = {code.value[0]: code.name for code in grpc.StatusCode}


def from_rpc_error(error: grpc.aio.AioRpcError, correlation_id: str = "") -> LowskyApiError:
    """The error that a failed RPC stands for."""
    for key, value in error.trailing_metadata() or ():
        if key == STATUS_DETAILS_KEY and isinstance(value, bytes):
            try:
                return from_status(status_pb2.Status.FromString(value), correlation_id)
            except DecodeError:
                break
    text = error.details() or "no further information"
    code = error.code()
    if code in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED):
        # Servers of ours never say either: a stream was torn, or a server that stops has ended its calls.
        return Unavailable(TRANSPORT_LOST, f"the connection was lost: {text}", correlation_id=correlation_id)
    if code is grpc.StatusCode.INTERNAL and text == _WRITE_LOST_TEXT:
        return Unavailable(
            WRITE_LOST, "the server ended the stream while it was written to", correlation_id=correlation_id
        )
    if code is grpc.StatusCode.UNIMPLEMENTED:
        text = f"the server does not know this call; is it older than this client? ({text})"
    return _KINDS.get(code.name, LowskyApiError)(code.name, text, correlation_id=correlation_id)


def from_status(status: status_pb2.Status, correlation_id: str = "") -> LowskyApiError:
    """The error that a google.rpc.Status stands for, as answers on streams carry it."""
    name = _CODE_NAMES.get(status.code, "UNKNOWN")
    info, bad, retry = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest(), error_details_pb2.RetryInfo()
    for detail in status.details:
        for known in (info, bad, retry):
            if detail.Is(known.DESCRIPTOR):
                detail.Unpack(known)
    reason = info.reason or name
    kind = StaleEtag if reason == "STALE_ETAG" else _KINDS.get(name, LowskyApiError)
    return kind(
        reason,
        status.message,
        metadata=dict(info.metadata),
        fields=[FieldViolation(v.field, v.description, v.reason) for v in bad.field_violations],
        retry_delay_s=retry.retry_delay.ToTimedelta().total_seconds() if retry.HasField("retry_delay") else None,
        details=list(status.details),
        correlation_id=correlation_id,
    )


def cancelled_by_peer() -> bool:
    """Whether a CancelledError in hand came from the server: grpc.aio raises it for a status of CANCELLED too."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() == 0
