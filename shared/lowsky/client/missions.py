"""A mission as the flight plan that asks for it."""

from __future__ import annotations

from datetime import datetime, timedelta

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.client.profiles import fill_from
from lowsky.missions import Mission

HORIZONTAL_BUFFER_M = 30.0
"""Half of the corridor's width where nobody says otherwise: what a multicopter holds in wind."""

VERTICAL_BUFFER_M = 10.0
"""Above and below, where nobody says otherwise: barometric altitude is no better."""

TIME_BUFFER = timedelta(seconds=60)
"""Before and after the computed times, where nobody says otherwise."""

USUAL = pb.FlightPlan(purpose=pb.FlightPlan.PURPOSE_DELIVERY, mode=pb.FlightPlan.MODE_BVLOS, commercial=True)
"""A mission where nobody says otherwise: commercial, so that forgetting to say so never evades insurance."""


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
    """The plan that asks for a mission.

    Args:
        departure: When the first waypoint is left; aware.
        profile: What the operator's requests have in common (read_profile).
        purpose, mode, commercial: Go before what the profile says; where neither does, a commercial delivery beyond
            visual line of sight.
        reference_system: What the mission's coordinates are measured in; WGS 84 where unspecified.
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
    """The mission's legs with room around them, without a departure time.

    The corridor is made wider by the widest circle that the aircraft loiters on.
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
    """How far the aircraft circles from its waypoints, at most."""
    return max(waypoint.radius_m for waypoint in mission.waypoints)
