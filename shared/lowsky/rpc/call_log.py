"""The log of calls: one line for each, when it has ended."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import grpc
import structlog
from opentelemetry.trace import SpanKind

from lowsky.auth.caller import Caller
from lowsky.errors import LowskyError
from lowsky.ids import new_id
from lowsky.process import tracing
from lowsky.rpc.status import code_of

log = structlog.get_logger()

Metadata = Mapping[str, str | bytes]


class Call:
    """A call that is being answered."""

    __slots__ = ("caller", "code", "method", "reason", "received", "sent")

    def __init__(self, method: str, caller: Caller | None) -> None:
        self.method = method
        self.caller = caller
        """None: the token was refused."""
        self.code = ""
        self.reason = ""
        """Of a refusal. Not the error itself, whose traceback would keep the request alive."""
        self.received: int | None = None
        """Messages of a stream of requests; None if the method takes one."""
        self.sent: int | None = None
        """Messages of a stream of responses; None if the method answers with one."""

    def refuse(self, error: Exception) -> LowskyError:
        """Records a refusal; returns it as the caller may see it."""
        refusal = for_callers(self.method, error)
        self.code, self.reason = code_of(refusal).name, refusal.reason
        return refusal


@contextmanager
def logged(call: Call, metadata: Metadata) -> Iterator[None]:
    """Runs the body within the span of a call, and logs it at its end with the ids of its trace."""
    correlation_id = _text(metadata, "x-correlation-id")[:64] or new_id()
    cause = tracing.Cause(correlation_id=correlation_id, causation_id=correlation_id)
    began_s = time.perf_counter()
    with tracing.span(call.method, SpanKind.SERVER, _text(metadata, "traceparent"), cause):
        code = grpc.StatusCode.OK.name
        try:
            yield
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED.name
            raise
        except BaseException:
            code = grpc.StatusCode.UNKNOWN.name
            raise
        finally:
            _log(call, code, time.perf_counter() - began_s)


def _log(call: Call, code: str, took_s: float) -> None:
    fields: dict[str, str | int | float] = {"method": call.method}
    if call.caller is not None:
        fields["subject"] = call.caller.subject
        if call.caller.operator is not None:
            fields["operator"] = call.caller.operator
        if call.caller.authority is not None:
            fields["authority"] = call.caller.authority
    fields["code"] = call.code or code
    if call.reason:
        fields["reason"] = call.reason
    fields["duration_ms"] = round(took_s * 1000, 1)
    if call.received is not None:
        fields["received"] = call.received
    if call.sent is not None:
        fields["sent"] = call.sent
    log.info("call", **fields)


def for_callers(method: str, error: Exception) -> LowskyError:
    """The error as callers may see it: an internal error becomes an incident id, by which the log has the details."""
    if isinstance(error, LowskyError):
        return error
    incident = new_id()
    log.error("call failed", method=method, incident=incident, exc_info=error)
    return LowskyError(
        "INTERNAL",
        f"an internal error occurred; quote incident {incident} when you report it",
        metadata={"incident": incident},
    )


def _text(metadata: Metadata, key: str) -> str:
    """The value of a metadata key; empty if it is absent or not a string."""
    value = metadata.get(key)
    return value if isinstance(value, str) else ""
