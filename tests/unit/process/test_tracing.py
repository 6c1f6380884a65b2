"""Traces that continue those of callers, and ids where there is nothing to continue."""

from __future__ import annotations

import pytest
from opentelemetry.trace import SpanKind

from lowsky.process import tracing

CAUSE = tracing.Cause("order-17", "order-17")
TRACE, CALLER = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.fixture(scope="module", autouse=True)
def _configured() -> None:
    tracing.configure()


def traceparent_within(given: str | None) -> list[str]:
    with tracing.span("call", SpanKind.SERVER, given, CAUSE):
        return tracing.current_traceparent().split("-")


@pytest.mark.parametrize("flags", ["00", "01"])
def test_a_span_continues_the_trace_of_its_caller_under_an_id_of_its_own(flags: str) -> None:
    version, trace_id, span_id, told_flags = traceparent_within(f"00-{TRACE}-{CALLER}-{flags}")
    assert (version, trace_id, told_flags) == ("00", TRACE, flags)
    assert span_id != CALLER
    assert int(span_id, 16)


@pytest.mark.parametrize("given", [None, "", "nothing", f"00-{'0' * 32}-{CALLER}-01", f"ff-{TRACE}-{CALLER}-01"])
def test_without_a_trace_that_is_one_a_span_begins_one(given: str | None) -> None:
    first, second = traceparent_within(given), traceparent_within(given)
    assert len(first) == 4
    assert first[1] not in (TRACE, second[1], "0" * 32)
    assert first[3] == "01"


def test_a_span_within_a_span_belongs_to_its_trace() -> None:
    with tracing.span("outer", SpanKind.SERVER, None, CAUSE):
        outer = tracing.current_traceparent().split("-")
        inner = traceparent_within(None)
        assert tracing.current_traceparent().split("-") == outer
    assert inner[1] == outer[1]
    assert inner[2] != outer[2]


def test_after_a_span_nothing_is_under_way() -> None:
    with pytest.raises(ZeroDivisionError), tracing.span("call", SpanKind.SERVER, None, CAUSE):
        assert tracing.current_cause() == CAUSE
        raise ZeroDivisionError
    assert (tracing.current_traceparent(), tracing.current_cause()) == ("", None)
