"""Reads flight plans from events, as far as a case needs them."""

from __future__ import annotations

from datetime import UTC

from google.protobuf.message import DecodeError

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.events.v1 import events_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2
from lowsky.approvals.domain.plan import PlanFinding, SubmittedPlan
from lowsky.events.event import Event, MalformedRecord

_BLOCKING = assessment_pb2.Finding.SEVERITY_BLOCKING
_SEVERITIES = frozenset(assessment_pb2.Finding.Severity.values())


def submitted_plan(event: Event) -> SubmittedPlan:
    """The plan in a lowsky.flightplan.submitted event.

    Raises:
        MalformedRecord: It contains no plan for which a case could be opened.
    """
    try:
        message = events_pb2.FlightPlanEvent.FromString(event.value or b"")
    except DecodeError as error:
        raise MalformedRecord(f"not a FlightPlanEvent: {error}") from error
    plan = message.flight_plan
    if not plan.name or plan.name != event.key:
        raise MalformedRecord(f"the event is about {event.key!r}, the plan is {plan.name!r}")
    if not plan.HasField("time_start"):
        raise MalformedRecord(f"{plan.name} does not say when it starts")
    return SubmittedPlan(
        name=plan.name,
        time_start=plan.time_start.ToDatetime(tzinfo=UTC),
        deciding_authorities=tuple(plan.deciding_authorities),
        notified_authorities=tuple(plan.notified_authorities),
        findings=tuple(_finding(finding) for finding in plan.findings),
        snapshot=plan.SerializeToString(),
        asks=frozenset(message.asks),
    )


def airspace_revision_of(snapshot: bytes) -> int:
    """The airspace that a stored plan was checked against."""
    return flight_plans_pb2.FlightPlan.FromString(snapshot).airspace_revision


def _finding(message: assessment_pb2.Finding) -> PlanFinding:
    return PlanFinding(
        subject=message.subject,
        blocking=message.severity == _BLOCKING,
        unknown=message.severity not in _SEVERITIES,
        deciding_authorities=tuple(message.deciding_authorities),
        notified_authorities=tuple(message.notified_authorities),
    )
