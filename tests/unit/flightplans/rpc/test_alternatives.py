"""Alternatives as messages: whoever asks for one is understood as it was checked."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.flightplans.codec.plans import proposal_of
from lowsky.flightplans.openings.alternatives import Shift
from lowsky.flightplans.rpc.alternatives import moved, only_conflicts_reject, with_alternatives
from lowsky.geo.volumes.trajectory import Trajectory

AGL = geo_pb2.ALTITUDE_DATUM_AGL
NOW_S = 1_795_568_400
OPERATOR = "operators/acme"
Finding = assessment_pb2.Finding

moves = st.integers(-7_200_000, 7_200_000).map(lambda ms: Shift(later_s=ms * 0.001)) | st.integers(-120, 120).map(
    lambda metres: Shift(higher_m=float(metres))
)


def flown(nanos: int) -> pb.FlightPlan:
    plan = pb.FlightPlan(aircraft=f"{OPERATOR}/aircraft/a1")
    plan.trajectory.departure_time.FromNanoseconds(NOW_S * 10**9 + nanos)
    plan.trajectory.horizontal_buffer_m = 20
    plan.trajectory.time_buffer.seconds = 30
    for n in range(3):
        plan.trajectory.waypoints.add(
            longitude=113.5 + 0.01 * n, latitude=22, altitude_m=90.3, altitude_datum=AGL, offset_s=60.7 * n
        )
    return plan


def of_volumes(nanos: int) -> pb.FlightPlan:
    plan = pb.FlightPlan(aircraft=f"{OPERATOR}/aircraft/a1")
    for start in (600, 0):
        volume = plan.volumes.volumes.add(
            outline_circle=geo_pb2.Circle(center=geo_pb2.LatLng(longitude=113.5, latitude=22), radius_m=100),
            altitude=geo_pb2.AltitudeBand(lower_m=10.1, lower_datum=AGL, upper_datum=AGL),
        )
        volume.time_start.FromNanoseconds((NOW_S + start) * 10**9 + nanos)
        volume.time_end.FromNanoseconds((NOW_S + start + 600) * 10**9 + nanos)
    return plan


def apply(plan: pb.FlightPlan, alternative: pb.Alternative) -> pb.FlightPlan:
    """As somebody does who has read the contract."""
    again = pb.FlightPlan()
    again.CopyFrom(plan)
    for waypoint in again.trajectory.waypoints:
        waypoint.altitude_m += alternative.altitude_offset_m
    for volume in again.volumes.volumes:
        volume.altitude.lower_m += alternative.altitude_offset_m
    if alternative.HasField("departure_time"):
        if plan.HasField("trajectory"):
            again.trajectory.departure_time.CopyFrom(alternative.departure_time)
        starts = [volume.time_start.ToNanoseconds() for volume in plan.volumes.volumes]
        for volume in again.volumes.volumes:
            by = alternative.departure_time.ToNanoseconds() - min(starts)
            volume.time_start.FromNanoseconds(volume.time_start.ToNanoseconds() + by)
            volume.time_end.FromNanoseconds(volume.time_end.ToNanoseconds() + by)
    return again


@given(st.sampled_from([flown, of_volumes]), st.integers(0, 999_999_999), moves)
def test_what_is_asked_for_by_an_alternative_is_what_was_checked(make: object, nanos: int, move: Shift) -> None:
    plan = make(nanos)  # type: ignore[operator]
    proposal = proposal_of(OPERATOR, plan)
    answer = with_alternatives(b"", proposal, [move])
    (alternative,) = pb.SubmitFlightPlanResponse.FromString(answer).alternatives
    checked, asked = moved(proposal, move), proposal_of(OPERATOR, apply(plan, alternative))
    assert checked.departure == asked.departure
    if isinstance(checked.airspace, Trajectory) and isinstance(asked.airspace, Trajectory):
        assert np.array_equal(checked.airspace.times_s, asked.airspace.times_s)
        assert np.array_equal(checked.airspace.altitudes_m, asked.airspace.altitudes_m)
    else:
        assert checked.airspace == asked.airspace


@pytest.mark.parametrize(
    ("rules", "alone"),
    [
        ([], False),
        ([Finding.RULE_CONFLICT], True),
        ([Finding.RULE_CONFLICT, Finding.RULE_CONFLICT], True),
        ([Finding.RULE_AIRCRAFT_BUSY], True),
        ([Finding.RULE_AIRCRAFT_BUSY, Finding.RULE_CONFLICT], True),
        ([Finding.RULE_AIRCRAFT_BUSY, Finding.RULE_SPEED_EXCEEDS_AIRCRAFT], False),
        ([Finding.RULE_CONFLICT, Finding.RULE_SPEED_EXCEEDS_AIRCRAFT], False),
    ],
)
def test_alternatives_are_for_plans_that_only_other_flights_are_in_the_way_of(
    rules: list[assessment_pb2.Finding.Rule.ValueType], alone: bool
) -> None:
    findings = [assessment_pb2.Finding(rule=rule, severity=assessment_pb2.Finding.SEVERITY_BLOCKING) for rule in rules]
    findings.append(
        assessment_pb2.Finding(
            rule=assessment_pb2.Finding.RULE_GEOZONE_AUTHORIZATION,
            severity=assessment_pb2.Finding.SEVERITY_AUTHORIZATION,
        )
    )
    plan = pb.FlightPlan(state=pb.STATE_REJECTED, findings=findings)
    assert only_conflicts_reject(pb.SubmitFlightPlanResponse(flight_plan=plan).SerializeToString()) is alone
    plan.state = pb.STATE_SUBMITTED
    assert not only_conflicts_reject(pb.SubmitFlightPlanResponse(flight_plan=plan).SerializeToString())
