"""The errors of calls. Every error has a stable reason and a text for people.

    LowskyApiError
    ├── InvalidArgument      the request breaks a rule: `fields` names each invalid field
    ├── Unauthenticated      no token, or one that is not accepted
    ├── PermissionDenied     none of the caller's roles may do this
    ├── NotFound             it does not exist, or the caller may not see it
    ├── AlreadyExists        the id, or an identifier that must be unique, is taken
    ├── FailedPrecondition   not allowed in the current state: `metadata` gives the state
    ├── Aborted
    │   └── StaleEtag        the resource was changed meanwhile: read it again, then decide again
    ├── OutOfRange           a resume token that lies before what is retained
    ├── ResourceExhausted    too much at once: retry after `retry_delay_s`
    ├── Unavailable          temporarily unavailable, or the connection was lost
    ├── DeadlineExceeded     the call's deadline passed
    └── Internal             an internal error of the server: `metadata["incident"]` is the id to quote

The client itself retries calls where that is safe (see lowsky.client.retries), so an error is final within the deadline
of the call.
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
"""Trailing metadata key of google.rpc.Status."""

TRANSPORT_LOST = "TRANSPORT_LOST"
"""Reason of this client for a call that ended without a status of the server: whether it had an effect is unknown."""

WRITE_LOST = "WRITE_LOST"
"""Reason of this client for a message that could not be sent because the server had ended the stream. The server's
status is lost then (grpc/grpc#36066: a failed write overwrites it), so the stream is opened again with a longer
wait."""

_WRITE_LOST_TEXT = "Internal error from Core"
"""The details that grpc.aio itself, never a server, sets for such a failure."""


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One invalid field."""

    field: str
    """Path in the request, as in ``flight_plan.trajectory.waypoints[3].latitude``."""
    message: str
    reason: str = ""


class LowskyApiError(Exception):
    """Base of all errors."""

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
        """Seconds after which to retry, if the server gave them."""
        self.details = tuple(details)
        self.correlation_id = correlation_id
        """Correlation id of the call, as in the server's logs and events."""

    def __str__(self) -> str:
        fields = "".join(f"; {violation.field}: {violation.message}" for violation in self.fields)
        return f"{self.reason}: {self.message}{fields}"

    def detail(self, kind: type[M]) -> M | None:
        """The status detail of that message type; None if the server sent none."""
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
    """Never retried automatically: a decision or change applies to what the caller saw."""


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
    """The error of a failed RPC."""
    for key, value in error.trailing_metadata() or ():
        if key == STATUS_DETAILS_KEY and isinstance(value, bytes):
            try:
                return from_status(status_pb2.Status.FromString(value), correlation_id)
            except DecodeError:
                break
    text = error.details() or "no further information"
    code = error.code()
    if code in (grpc.StatusCode.UNKNOWN, grpc.StatusCode.CANCELLED):
        # Our servers never send either: a stream was reset, or a server that shuts down has cancelled its calls.
        return Unavailable(TRANSPORT_LOST, f"the connection was lost: {text}", correlation_id=correlation_id)
    if code is grpc.StatusCode.INTERNAL and text == _WRITE_LOST_TEXT:
        return Unavailable(
            WRITE_LOST, "the server ended the stream while a message was being sent", correlation_id=correlation_id
        )
    if code is grpc.StatusCode.UNIMPLEMENTED:
        text = f"the server does not know this method; is it older than this client? ({text})"
    return _KINDS.get(code.name, LowskyApiError)(code.name, text, correlation_id=correlation_id)


def from_status(status: status_pb2.Status, correlation_id: str = "") -> LowskyApiError:
    """The error of a google.rpc.Status, as contained in responses of streams."""
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
    """Whether the current CancelledError came from the server: grpc.aio raises it for the status CANCELLED too."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() == 0
