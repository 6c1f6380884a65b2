"""Converts a mission to the flight plan that requests it."""

from __future__ import annotations

from datetime import datetime, timedelta

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.client.profiles import fill_from
from lowsky.missions import Mission

HORIZONTAL_BUFFER_M = 30.0
"""Default of half the corridor's width: what a multicopter can hold in wind."""

VERTICAL_BUFFER_M = 10.0
"""Default buffer above and below: barometric altitude is no more accurate."""

TIME_BUFFER = timedelta(seconds=60)
"""Default buffer before and after the computed times."""

USUAL = pb.FlightPlan(purpose=pb.FlightPlan.PURPOSE_DELIVERY, mode=pb.FlightPlan.MODE_BVLOS, commercial=True)
"""Default of a mission: commercial, so that an omission never evades the insurance requirement."""


def flight_plan_of(
    mission: Mission,
    *,
    aircraft: str,
    departure: datetime,
    profile: pb.FlightPlan | None = None,
    purpose: pb.FlightPlan.Purpose.ValueType | None = None,
    mode: pb.FlightPlan.Mode.ValueType | None = None,
    commercial: bool | None = None,
    horizontal_buffer_m: float = HORIZONTAL_BUFFER_M,
    vertical_buffer_m: float = VERTICAL_BUFFER_M,
    time_buffer: timedelta = TIME_BUFFER,
    reference: str = "",
    reference_system: geo_pb2.ReferenceSystem.ValueType = geo_pb2.REFERENCE_SYSTEM_UNSPECIFIED,
) -> pb.FlightPlan:
    """The flight plan for a mission.

    Args:
        departure: Time at the first waypoint; timezone-aware.
        profile: What the operator's requests have in common (read_profile).
        purpose, mode, commercial: Take precedence over the profile; by default a commercial delivery beyond visual line
            of sight.
        reference_system: Reference system of the mission's coordinates; WGS 84 if unspecified.
    """
    trajectory = trajectory_of(
        mission,
        horizontal_buffer_m=horizontal_buffer_m,
        vertical_buffer_m=vertical_buffer_m,
        time_buffer=time_buffer,
    )
    trajectory.departure_time.FromDatetime(departure)
    trajectory.reference_system = reference_system
    plan = pb.FlightPlan(
        aircraft=aircraft,
        purpose=purpose or pb.FlightPlan.PURPOSE_UNSPECIFIED,
        mode=mode or pb.FlightPlan.MODE_UNSPECIFIED,
        commercial=commercial,
        reference=reference,
        trajectory=trajectory,
    )
    if profile is not None:
        fill_from(plan, profile)
    fill_from(plan, USUAL)
    return plan


def trajectory_of(
    mission: Mission, *, horizontal_buffer_m: float, vertical_buffer_m: float, time_buffer: timedelta
) -> assessment_pb2.Trajectory:
    """The mission's legs with buffers, without a departure time.

    The corridor is widened by the largest loiter radius.
    """
    trajectory = assessment_pb2.Trajectory(
        horizontal_buffer_m=horizontal_buffer_m + loiter_radius_m(mission),
        vertical_buffer_m=vertical_buffer_m,
        takeoff_amsl_m=mission.takeoff_amsl_m,
        waypoints=[
            assessment_pb2.Waypoint(
                latitude=waypoint.latitude,
                longitude=waypoint.longitude,
                altitude_m=waypoint.altitude_m,
                altitude_datum=geo_pb2.AltitudeDatum.Value(f"ALTITUDE_DATUM_{waypoint.datum}"),
                offset_s=waypoint.offset_s,
            )
            for waypoint in mission.waypoints
        ],
    )
    trajectory.time_buffer.FromTimedelta(time_buffer)
    return trajectory


def loiter_radius_m(mission: Mission) -> float:
    """The largest radius in which the aircraft circles its waypoints."""
    return max(waypoint.radius_m for waypoint in mission.waypoints)
