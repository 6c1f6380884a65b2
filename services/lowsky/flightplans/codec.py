"""Plans as messages, and back: for the wire, for events, and for what the database keeps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC

import numpy as np

from lowsky.api.events.v1 import events_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.errors import Invalid
from lowsky.flightplans.domain.findings import Finding, Rule, Severity
from lowsky.flightplans.domain.plan import FlightPlan, State
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.geo.altitude import Datum
from lowsky.geo.codec import band_from_message, band_to_message, volume_from_message
from lowsky.geo.trajectory import Trajectory
from lowsky.geo.volumes import Volume4D

VERTICES_MAX = 10_000
"""In all volumes of a plan together (ASTM F3548-21, OiMaxVertices)."""

FLIGHT_S_MAX = 864_000
"""Ten days, as of trajectories (Waypoint.offset_s): airspace is not held by a request that hardly ends."""

_DATUM_CODES = np.array(
    [-1, *(Datum(name.removeprefix("ALTITUDE_DATUM_")).code for name in geo_pb2.AltitudeDatum.keys()[1:])],
    dtype=np.int8,
)
"""The code of each datum of the wire."""

_OUTPUT_ONLY = (
    "name",
    "etag",
    "create_time",
    "update_time",
    "state",
    "state_reason",
    "findings",
    "time_start",
    "time_end",
    "airspace_revision",
    "deciding_authorities",
    "notified_authorities",
    "approval",
    "approval_number",
)


def proposal_of(operator: str, message: pb.FlightPlan) -> Proposal:
    """What a request that passed the rules asks for.

    Raises:
        Invalid: A time that runs backwards, a geometry without a clear meaning, too many vertices.
    """
    content = pb.FlightPlan()
    content.CopyFrom(message)
    content.DiscardUnknownFields()  # else megabytes of anything would be stored, and told in every event
    for name in _OUTPUT_ONLY:
        content.ClearField(name)  # type: ignore[arg-type]  # names of fields, which a test compares with the message
    if message.HasField("trajectory"):
        airspace: Trajectory | tuple[Volume4D, ...] = _trajectory(message.trajectory)
        departure = message.trajectory.departure_time.ToDatetime(tzinfo=UTC)
    else:
        airspace = _volumes(message.volumes.volumes)
        first = min(message.volumes.volumes, key=lambda volume: volume.time_start.ToNanoseconds())
        departure = first.time_start.ToDatetime(tzinfo=UTC)
        lasts_s = max(volume.end_s for volume in airspace) - departure.timestamp()
        if lasts_s > FLIGHT_S_MAX:
            raise Invalid.field(
                "flight_plan.volumes",
                f"the flight takes {lasts_s:.0f} s, more than {FLIGHT_S_MAX}",
                "TOO_LARGE",
                limit=str(FLIGHT_S_MAX),
            )
    return Proposal(
        operator=operator,
        aircraft=message.aircraft,
        airspace=airspace,
        departure=departure,
        endurance_s=message.endurance.ToTimedelta().total_seconds() if message.HasField("endurance") else None,
        content=content.SerializeToString(),
    )


def _trajectory(message: pb.Trajectory) -> Trajectory:
    field = "flight_plan.trajectory"
    points = message.waypoints
    offsets = np.array([point.offset_s for point in points], dtype=np.float64)
    backwards = np.flatnonzero(np.diff(offsets) < 0)
    if backwards.size:
        raise Invalid.field(
            f"{field}.waypoints[{backwards[0] + 1}].offset_s",
            "a waypoint cannot be reached before the one before it",
            "INTERVAL_REVERSED",
        )
    departure_s = message.departure_time.seconds + message.departure_time.nanos / 1e9
    try:
        return Trajectory(
            longitudes=np.array([point.longitude for point in points], dtype=np.float64),
            latitudes=np.array([point.latitude for point in points], dtype=np.float64),
            altitudes_m=np.array([point.altitude_m for point in points], dtype=np.float64),
            datums=_DATUM_CODES[[point.altitude_datum for point in points]],
            times_s=departure_s + offsets,
            horizontal_buffer_m=message.horizontal_buffer_m,
            vertical_buffer_m=message.vertical_buffer_m,
            time_buffer_s=message.time_buffer.seconds + message.time_buffer.nanos / 1e9,
            takeoff_amsl_m=message.takeoff_amsl_m if message.HasField("takeoff_amsl_m") else None,
        )
    except ValueError as error:
        raise Invalid.field(field, str(error), "INVALID_GEOMETRY") from None


def _volumes(messages: Sequence[geo_pb2.Volume4D]) -> tuple[Volume4D, ...]:
    vertices = sum(len(message.outline_polygon.vertices) for message in messages)
    if vertices > VERTICES_MAX:
        raise Invalid.field(
            "flight_plan.volumes",
            f"{vertices} vertices are more than {VERTICES_MAX}",
            "TOO_LARGE",
            limit=str(VERTICES_MAX),
        )
    return tuple(_volume(f"flight_plan.volumes.volumes[{index}]", message) for index, message in enumerate(messages))


def _volume(field: str, message: geo_pb2.Volume4D) -> Volume4D:
    start, end = message.time_start.ToNanoseconds(), message.time_end.ToNanoseconds()
    if end <= start:
        raise Invalid.field(f"{field}.time_end", "the end is not after the start", "INTERVAL_REVERSED")
    try:
        band_from_message(message.altitude)
    except ValueError as error:
        raise Invalid.field(f"{field}.altitude", str(error), "INTERVAL_REVERSED") from None
    try:
        return volume_from_message(message)
    except ValueError as error:
        raise Invalid.field(field, str(error), "INVALID_GEOMETRY") from None


def proposal_again(plan: FlightPlan) -> Proposal:
    """What a plan that is stored asked for."""
    return proposal_of(plan.operator, pb.FlightPlan.FromString(plan.content))


def as_kept(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings as they are after storing: to be compared with those that were stored."""
    return tuple(_finding_from(_finding_to(finding)) for finding in findings)


def to_message(plan: FlightPlan) -> pb.FlightPlan:
    """The resource."""
    message = pb.FlightPlan.FromString(plan.content)
    message.name = plan.name
    message.etag = plan.etag
    message.create_time.FromDatetime(plan.create_time)
    message.update_time.FromDatetime(plan.update_time)
    message.state = _state(plan.state)
    message.state_reason = plan.state_reason
    message.time_start.FromDatetime(plan.start)
    message.time_end.FromDatetime(plan.end)
    message.airspace_revision = plan.airspace_revision
    message.approval = plan.approval
    message.approval_number = plan.approval_number
    message.MergeFrom(_assessment(plan))
    return message


def to_event(plan: FlightPlan, previous: State | None) -> bytes:
    """The value of lowsky.flightplan.* events."""
    return events_pb2.FlightPlanEvent(
        flight_plan=to_message(plan), previous_state=_state(previous) if previous else pb.STATE_UNSPECIFIED
    ).SerializeToString()


def assessment_to_bytes(plan: FlightPlan) -> bytes:
    """What was found, for the database."""
    return _assessment(plan).SerializeToString()


def findings_from_bytes(assessment: bytes) -> tuple[Finding, ...]:
    """What was found, from the database."""
    return tuple(_finding_from(message) for message in pb.FlightPlan.FromString(assessment).findings)


def state_from(number: pb.State.ValueType) -> State:
    """A state of the wire; not for the unspecified one."""
    return State(pb.State.Name(number).removeprefix("STATE_"))


def _state(state: State) -> pb.State.ValueType:
    return pb.State.Value(f"STATE_{state}")


def _assessment(plan: FlightPlan) -> pb.FlightPlan:
    return pb.FlightPlan(
        findings=[_finding_to(finding) for finding in plan.findings],
        deciding_authorities=plan.deciding_authorities,
        notified_authorities=plan.notified_authorities,
    )


def _finding_to(finding: Finding) -> pb.Finding:
    message = pb.Finding(
        rule=pb.Finding.Rule.Value(f"RULE_{finding.rule}"),
        severity=pb.Finding.Severity.Value(f"SEVERITY_{finding.severity.name}"),
        subject=finding.subject,
        subject_title=finding.subject_title,
        volumes=finding.volumes,
        plan_altitude=band_to_message(finding.plan_altitude) if finding.plan_altitude else None,
        subject_altitude=band_to_message(finding.subject_altitude) if finding.subject_altitude else None,
        altitude_uncertain=finding.altitude_uncertain,
        deciding_authorities=finding.deciding,
        notified_authorities=finding.notified,
        message=finding.message,
    )
    if finding.start_s is not None and finding.end_s is not None:
        message.time_start.FromNanoseconds(round(finding.start_s * 1e6) * 1000)
        message.time_end.FromNanoseconds(round(finding.end_s * 1e6) * 1000)
    return message


def _finding_from(message: pb.Finding) -> Finding:
    return Finding(
        rule=Rule(pb.Finding.Rule.Name(message.rule).removeprefix("RULE_")),
        severity=Severity[pb.Finding.Severity.Name(message.severity).removeprefix("SEVERITY_")],
        subject=message.subject,
        subject_title=message.subject_title,
        volumes=tuple(message.volumes),
        message=message.message,
        plan_altitude=band_from_message(message.plan_altitude) if message.HasField("plan_altitude") else None,
        subject_altitude=band_from_message(message.subject_altitude) if message.HasField("subject_altitude") else None,
        start_s=message.time_start.ToMicroseconds() / 1e6 if message.HasField("time_start") else None,
        end_s=message.time_end.ToMicroseconds() / 1e6 if message.HasField("time_end") else None,
        altitude_uncertain=message.altitude_uncertain,
        deciding=tuple(message.deciding_authorities),
        notified=tuple(message.notified_authorities),
    )
