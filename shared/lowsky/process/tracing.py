"""Traces: W3C trace context from the RPC through the outbox and Kafka to whatever consumes the event.

Also causality: every event carries a correlation id (the request at the start of the chain) and a causation id (the
event or request that directly caused it).
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags, Tracer, TracerProvider
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("lowsky")


@dataclass(frozen=True, slots=True)
class Cause:
    """The event or request that is being handled."""

    correlation_id: str
    causation_id: str


_cause: ContextVar[Cause | None] = ContextVar("cause", default=None)


class _OnlyIds(Tracer):
    """Spans that keep nothing but their ids: nothing here exports spans, and those of the SDK cost five times as much.
    Trace id and sampling flag are those of the parent; a trace that starts here is sampled."""

    def start_span(self, name: str, context: Context | None = None, *_: Any, **__: Any) -> NonRecordingSpan:
        parent = trace.get_current_span(context).get_span_context()
        if parent.is_valid:
            trace_id, sampled = parent.trace_id, parent.trace_flags.sampled
        else:
            trace_id, sampled = random.getrandbits(128) or 1, True  # zero is no id
        flags = _SAMPLED if sampled else _NOT_SAMPLED
        return NonRecordingSpan(SpanContext(trace_id, random.getrandbits(64) or 1, False, flags, parent.trace_state))

    def start_as_current_span(self, name: str, context: Context | None = None, *_: Any, **__: Any) -> Any:
        return trace.use_span(self.start_span(name, context))


class _OnlyIdsProvider(TracerProvider):
    def get_tracer(self, *_: Any, **__: Any) -> Tracer:
        return _OnlyIds()


_SAMPLED, _NOT_SAMPLED = TraceFlags(TraceFlags.SAMPLED), TraceFlags(TraceFlags.DEFAULT)


def configure() -> None:
    """Gives spans ids, so that logs, events and responses of one request can be correlated. Call once, in main.

    To export spans, set another tracer provider (opentelemetry.trace) instead.
    """
    trace.set_tracer_provider(_OnlyIdsProvider())


@contextmanager
def span(name: str, kind: SpanKind, traceparent: str | None, cause: Cause) -> Iterator[None]:
    """Runs the body within a span that continues the given trace, or starts one."""
    parent: Context | None = _propagator.extract({"traceparent": traceparent}) if traceparent else None
    caused = _cause.set(cause)
    try:
        with trace.use_span(_tracer.start_span(name, parent, kind), end_on_exit=True, record_exception=False):
            yield
    finally:
        _cause.reset(caused)


def current_traceparent() -> str:
    """The W3C traceparent of the current span; empty if there is none."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent", "")


def current_cause() -> Cause | None:
    """The cause that is being handled now; None outside of any."""
    return _cause.get()
