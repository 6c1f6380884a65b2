"""A mission as read from a file: a timed path with explicit altitude datums."""

from dataclasses import dataclass
from typing import Literal

Datum = Literal["AGL", "AMSL", "WGS84", "TAKEOFF"]
Vehicle = Literal["MULTICOPTER", "FIXED_WING", "VTOL"]


@dataclass(frozen=True, slots=True)
class MissionWaypoint:
    """A point that the aircraft passes, on a straight leg from the previous one.

    Degrees (WGS 84), metres above `datum` (TAKEOFF: above the take-off ground), seconds since take-off; offsets
    strictly increase. `item` is the index in the file's items (from 0) that caused the point, -1 for the start on
    the ground. `radius_m` is how far the aircraft may circle from the point while it stays there.
    """

    latitude: float
    longitude: float
    altitude_m: float
    datum: Datum
    offset_s: float
    item: int
    radius_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Mission:
    """A flight as its file describes it, without the time of take-off.

    `takeoff_amsl_m` is the take-off ground above mean sea level if the file states it. `assumptions` are sentences for
    the operator: everything that the file leaves open and the reader had to assume.
    """

    waypoints: tuple[MissionWaypoint, ...]
    takeoff_amsl_m: float | None
    assumptions: tuple[str, ...]
    vehicle: Vehicle
    duration_s: float
