"""Traces: W3C trace context from the RPC through the outbox and Kafka to whoever acts on it.

Also who asked and what led to it: every event carries a correlation id (the request that began it all) and a causation
id (the event or request that it directly follows from).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_propagator = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("lowsky")


@dataclass(frozen=True, slots=True)
class Cause:
    """What is being acted on."""

    correlation_id: str
    causation_id: str


_cause: ContextVar[Cause | None] = ContextVar("cause", default=None)


def configure(service: str) -> None:
    """Gives spans ids, so that logs, events and answers of one request can be put together. Call once, in main."""
    trace.set_tracer_provider(TracerProvider(resource=Resource.create({"service.name": f"lowsky-{service}"})))


@contextmanager
def span(name: str, kind: SpanKind, traceparent: str | None, cause: Cause) -> Iterator[None]:
    """Runs the body within a span that continues the given trace, or begins one."""
    parent: Context | None = _propagator.extract({"traceparent": traceparent}) if traceparent else None
    token = _cause.set(cause)
    try:
        with _tracer.start_as_current_span(name, context=parent, kind=kind, record_exception=False):
            yield
    finally:
        _cause.reset(token)


def current_traceparent() -> str:
    """The W3C traceparent of the span under way; empty where there is none."""
    carrier: dict[str, str] = {}
    _propagator.inject(carrier)
    return carrier.get("traceparent", "")


def current_cause() -> Cause | None:
    """What is being acted on right now."""
    return _cause.get()
