"""Conversion of alternatives, and of the plans that they move, to messages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from google.protobuf.timestamp_pb2 import Timestamp

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.flightplans.codec.plans import proposal_of
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.flightplans.openings.alternatives import Shift

_CONFLICTS = {assessment_pb2.Finding.RULE_CONFLICT, assessment_pb2.Finding.RULE_AIRCRAFT_BUSY}


def moved(proposal: Proposal, move: Shift) -> Proposal:
    """The proposal for the moved plan.

    Raises:
        Invalid: As proposal_of.
    """
    message = pb.FlightPlan.FromString(proposal.content)
    for waypoint in message.trajectory.waypoints:
        waypoint.altitude_m += move.higher_m or 0.0
    for volume in message.volumes.volumes:
        band = volume.altitude
        if band.HasField("lower_m"):
            band.lower_m += move.higher_m or 0.0
        if band.HasField("upper_m"):
            band.upper_m += move.higher_m or 0.0
    for moment in _moments(message):
        _delay(moment, move)
    return replace(proposal_of(proposal.operator, message), content=proposal.content)


def is_accepted(answer: bytes) -> bool:
    """Whether a plan was accepted: it has no blocking finding."""
    return pb.SubmitFlightPlanResponse.FromString(answer).flight_plan.state == pb.STATE_SUBMITTED


def only_conflicts_reject(answer: bytes) -> bool:
    """Whether a plan is rejected only because of other flights, including those of its own aircraft."""
    plan = pb.SubmitFlightPlanResponse.FromString(answer).flight_plan
    blocking = {
        finding.rule for finding in plan.findings if finding.severity == assessment_pb2.Finding.SEVERITY_BLOCKING
    }
    return plan.state == pb.STATE_REJECTED and bool(blocking) and blocking <= _CONFLICTS


def with_alternatives(answer: bytes, proposal: Proposal, moves: Iterable[Shift]) -> bytes:
    """The same response, with alternatives that would pass."""
    response = pb.SubmitFlightPlanResponse(alternatives=[_alternative(proposal, move) for move in moves])
    return answer + response.SerializeToString()  # concatenated serialisations are merged when parsed


def _alternative(proposal: Proposal, move: Shift) -> pb.Alternative:
    if move.higher_m is not None:
        return pb.Alternative(altitude_offset_m=move.higher_m)
    message = pb.FlightPlan.FromString(proposal.content)
    departure = min(_moments(message), key=Timestamp.ToNanoseconds)
    _delay(departure, move)
    return pb.Alternative(departure_time=departure)


def _moments(message: pb.FlightPlan) -> list[Timestamp]:
    """All absolute times of a plan; those of waypoints are relative to its departure."""
    if message.HasField("trajectory"):
        return [message.trajectory.departure_time]
    return [moment for volume in message.volumes.volumes for moment in (volume.time_start, volume.time_end)]


def _delay(moment: Timestamp, move: Shift) -> None:
    millis = round((move.later_s or 0.0) * 1_000)
    moment.FromNanoseconds(moment.ToNanoseconds() + millis * 1_000_000)
