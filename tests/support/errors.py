"""What a call failed with, as data: so that tests assert reasons, never texts."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from lowsky.rpc.status import DOMAIN

Answer = TypeVar("Answer")
Detail = TypeVar("Detail", bound=Message)


@dataclass(frozen=True, slots=True)
class Failure:
    """A refusal, read from google.rpc.Status."""

    code: grpc.StatusCode
    message: str
    reason: str
    """Of ErrorInfo; empty where the failure is not one of ours (a deadline, a connection that was lost)."""
    metadata: Mapping[str, str]
    """Of ErrorInfo."""
    fields: Mapping[str, str]
    """Path of each field at fault, and the reason."""
    precondition: Mapping[str, str]
    """Type of each violated precondition, and its subject."""
    retry_delay_s: float | None
    """Of RetryInfo; None where a retry is not advised."""
    status: status_pb2.Status
    """All of it, to look for what must not be there."""


def error_of(error: grpc.RpcError) -> Failure:
    """Reads a failed call."""
    assert isinstance(error, grpc.aio.AioRpcError)
    status = rpc_status.from_call(error) or status_pb2.Status()
    info = _detail(status, error_details_pb2.ErrorInfo())
    retry = _detail(status, error_details_pb2.RetryInfo())
    bad_request = _detail(status, error_details_pb2.BadRequest())
    precondition = _detail(status, error_details_pb2.PreconditionFailure())
    assert info is None or info.domain == DOMAIN
    return Failure(
        code=error.code(),
        message=error.details() or "",
        reason=info.reason if info else "",
        metadata=dict(info.metadata) if info else {},
        fields={v.field: v.reason for v in bad_request.field_violations} if bad_request else {},
        precondition={v.type: v.subject for v in precondition.violations} if precondition else {},
        retry_delay_s=retry.retry_delay.ToTimedelta().total_seconds() if retry else None,
        status=status,
    )


async def outcome(call: Awaitable[Answer]) -> Answer | Failure:
    """Awaits a call that may fail: its answer, or the failure."""
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        return error_of(error)


async def refusal(call: Awaitable[object]) -> Failure:
    """Awaits a call that must fail, and reads the failure."""
    answer = await outcome(call)
    assert isinstance(answer, Failure), f"the call went through, with {answer!r}"
    return answer


def _detail(status: status_pb2.Status, kind: Detail) -> Detail | None:
    for detail in status.details:
        if detail.Unpack(kind):
            return kind
    return None
