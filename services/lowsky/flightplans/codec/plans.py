"""Conversion between plans and protobuf messages: for gRPC, for events, and for the database."""

from __future__ import annotations

import operator as operators
from collections.abc import Iterable
from dataclasses import fields
from datetime import UTC, datetime
from operator import attrgetter

from google.protobuf.timestamp_pb2 import Timestamp

from lowsky.api.events.v1 import events_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.canonical import clear_output_only, settled
from lowsky.errors import Invalid
from lowsky.findings.codec import finding_from_message, finding_to_message
from lowsky.findings.finding import Finding
from lowsky.flightplans.codec.serialised import Serialised
from lowsky.flightplans.domain.plan import FlightPlan, Happening, State
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.flightplans.domain.state_report import StateReport
from lowsky.geo.codec.flights import trajectory_from_message, volumes_from_message
from lowsky.geofence.flight_volumes import RequestedAirspace
from lowsky.moments import start_of
from lowsky.open_enums import known_name_of, name_of, text_member

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_STATES = {state: pb.State.Value(f"STATE_{state}") for state in State}
"""A stored state that a later version added has no number here: clients read it as unspecified."""

_ALL_OF_A_PLAN = attrgetter(*(field.name for field in fields(FlightPlan) if field.compare))

_RESOURCES: Serialised[FlightPlan, tuple[object, ...]] = Serialised(operators.eq)
_ASSESSMENTS: Serialised[FlightPlan, tuple[tuple[Finding, ...], tuple[str, ...]]] = Serialised(
    lambda one, other: all(map(operators.is_, one, other))
)


def proposal_of(operator: str, message: pb.FlightPlan) -> Proposal:
    """The proposal in a validated request.

    Raises:
        Invalid: A time that runs backwards, an ambiguous geometry, too many vertices.
    """
    content = pb.FlightPlan()
    content.CopyFrom(message)
    content.DiscardUnknownFields()  # otherwise megabytes of arbitrary data would be stored and emitted in every event
    clear_output_only(content)
    stored = content.SerializeToString(deterministic=True)
    airspace = _airspace(message)
    if message.HasField("trajectory"):
        departure = start_of(message.trajectory.departure_time)
    else:
        first = min(message.volumes.volumes, key=lambda volume: volume.time_start.ToNanoseconds())
        departure = start_of(first.time_start)
    return Proposal(
        operator=operator,
        aircraft=message.aircraft,
        airspace=airspace,
        departure=departure,
        endurance_s=message.endurance.ToTimedelta().total_seconds() if message.HasField("endurance") else None,
        content=stored,
        asked=settled(content, stored),
        commercial=message.commercial,
        mode=known_name_of(pb.FlightPlan.Mode, message.mode, "MODE_"),
        purpose=known_name_of(pb.FlightPlan.Purpose, message.purpose, "PURPOSE_"),
        special_activities=frozenset(
            name_of(pb.SpecialActivity, activity, "SPECIAL_ACTIVITY_") for activity in message.special_activities
        ),
        stated=frozenset(field.name for field, _ in content.ListFields()),
        priority=message.priority,
        supersedes=message.supersedes,
    )


def report_of(request: pb.ReportFlightPlanStateRequest) -> StateReport:
    """The report on a flight in progress in a validated request.

    Raises:
        Invalid: Volumes for a flight that is within its plan; a time that runs backwards, an ambiguous geometry, too
            many vertices.
    """
    state = state_from(request.state)
    if state is State.ACTIVATED and request.HasField("off_nominal_volumes"):
        message = "must be empty for a flight that is within its plan"
        raise Invalid.field("off_nominal_volumes", message, "INVALID_FIELD")
    volumes = request.off_nominal_volumes
    # For a flight that has left its plan, it is safer to reserve both possible positions than neither.
    off_nominal = volumes_from_message(volumes, "off_nominal_volumes", either=True) if volumes.volumes else ()
    return StateReport(
        name=request.name,
        etag=request.etag,
        state=state,
        reason=request.reason,
        off_nominal=off_nominal,
        content=request.off_nominal_volumes.SerializeToString(),
    )


def airspace_again(content: bytes) -> RequestedAirspace:
    """The airspace that stored content requests.

    Raises:
        Invalid: As proposal_of, if the rules have changed since it was stored.
    """
    return _airspace(pb.FlightPlan.FromString(content))


def proposal_again(plan: FlightPlan) -> Proposal:
    """The proposal of a stored plan.

    Raises:
        Invalid: As proposal_of, if the rules have changed since it was stored.
    """
    return proposal_of(plan.operator, pb.FlightPlan.FromString(plan.content))


def as_kept(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings as they are after serialisation, to be compared with stored ones."""
    return tuple(finding_from_message(finding_to_message(finding)) for finding in findings)


def to_message(plan: FlightPlan) -> pb.FlightPlan:
    """The resource."""
    return pb.FlightPlan.FromString(to_bytes(plan))


def to_bytes(plan: FlightPlan) -> bytes:
    """The resource, serialised: once for both response and event, unless the plan has changed between them."""
    return _RESOURCES.of(plan, _ALL_OF_A_PLAN(plan), _to_bytes)


def _to_bytes(plan: FlightPlan) -> bytes:
    """The request's content, then the output-only fields, which it does not contain: concatenated serialisations of a
    message are merged when parsed."""
    output = pb.FlightPlan(
        name=plan.name,
        etag=plan.etag,
        create_time=_timestamp(plan.create_time),
        update_time=_timestamp(plan.update_time),
        state=_STATES.get(plan.state, pb.STATE_UNSPECIFIED),
        state_reason=plan.state_reason,
        time_start=_timestamp(plan.start),
        time_end=_timestamp(plan.end),
        airspace_revision=plan.airspace_revision,
        approval=plan.approval,
        approval_number=plan.approval_number,
        airborne=plan.airborne,
    )
    if plan.off_nominal and plan.is_flying:
        output.off_nominal_volumes.MergeFromString(plan.off_nominal)
    return b"".join((plan.content, output.SerializeToString(), assessment_to_bytes(plan)))


def to_answer(plan: FlightPlan) -> bytes:
    """A SubmitFlightPlanResponse, serialised."""
    return _as_first_field(to_bytes(plan))


def to_stream_answer(key: str, answer: bytes) -> bytes:
    """A SubmitFlightPlansResponse, serialised: its field 2 is field 1 of a SubmitFlightPlanResponse.

    Args:
        answer: As returned by to_answer, without alternatives.
    """
    return pb.SubmitFlightPlansResponse(key=key).SerializeToString() + b"\x12" + answer[1:]


def to_event(plan: FlightPlan, happening: Happening) -> bytes:
    """The value of lowsky.flightplan.* events."""
    previous = happening.previous
    more = events_pb2.FlightPlanEvent(
        previous_state=_STATES.get(previous, pb.STATE_UNSPECIFIED) if previous else pb.STATE_UNSPECIFIED,
        asks=happening.asks,
    )
    return _as_first_field(to_bytes(plan)) + more.SerializeToString()


def assessment_to_bytes(plan: FlightPlan) -> bytes:
    """Findings and authorities, serialised for the database."""
    if not plan.findings and not plan.touched:
        return b""
    return _ASSESSMENTS.of(plan, (plan.findings, plan.touched), _assessment_to_bytes)


def _assessment_to_bytes(plan: FlightPlan) -> bytes:
    return pb.FlightPlan(
        findings=[finding_to_message(finding) for finding in plan.findings],
        deciding_authorities=plan.deciding_authorities,
        notified_authorities=plan.notified_authorities,
        touched_authorities=plan.touched,
    ).SerializeToString()


def assessment_from_bytes(assessment: bytes) -> tuple[tuple[Finding, ...], tuple[str, ...]]:
    """The findings and the authorities that the plan touches, from the database."""
    kept = pb.FlightPlan.FromString(assessment)
    return tuple(finding_from_message(message) for message in kept.findings), tuple(kept.touched_authorities)


def state_from(number: pb.State.ValueType) -> State:
    """A state by its number in the contract; not for the unspecified one."""
    return text_member(State, name_of(pb.State, number, "STATE_"))


def _airspace(message: pb.FlightPlan) -> RequestedAirspace:
    if message.HasField("trajectory"):
        return trajectory_from_message(message.trajectory, "flight_plan.trajectory")
    return volumes_from_message(message.volumes, "flight_plan.volumes")


def _timestamp(moment: datetime) -> Timestamp:
    since = moment - _EPOCH
    return Timestamp(seconds=since.days * 86_400 + since.seconds, nanos=since.microseconds * 1_000)


def _as_first_field(message: bytes) -> bytes:
    """A serialised message whose field 1 is the given one: tag, length as a varint, the message."""
    length = len(message)
    head = bytearray(b"\x0a")
    while length > 0x7F:
        head.append(length & 0x7F | 0x80)
        length >>= 7
    head.append(length)
    return bytes(head) + message
