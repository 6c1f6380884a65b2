"""Assumptions about every flight for what its file does not state."""

from collections.abc import Iterator
from typing import Final

from lowsky.missions.path import CLIMB_MPS, DESCENT_MPS
from lowsky.missions.plan import PlanFile

# QGroundControl's offline defaults.
CRUISE_MPS: Final = 15.0
HOVER_MPS: Final = 5.0


def at_start(plan: PlanFile) -> Iterator[str]:
    """The assumptions as sentences for the planner."""
    if not plan.vehicle_given:
        yield "The file does not state the type of aircraft: a multicopter is assumed."
    if plan.home is None:
        yield "The file has no home position: take-off and home are at the first item's position."
    else:
        yield "Take-off is on the ground at the planned home position."
    if plan.home_amsl_m is None:
        yield "The file does not give the take-off ground above sea level."
    if plan.cruise_mps is None and plan.vehicle != "MULTICOPTER":
        yield f"The file has no cruise speed: {CRUISE_MPS:g} m/s is assumed."
    if plan.hover_mps is None and plan.vehicle != "FIXED_WING":
        yield f"The file has no hover speed: {HOVER_MPS:g} m/s is assumed."
    yield (
        f"Unless an item says otherwise, climbs are at {CLIMB_MPS:g} m/s and descents at {DESCENT_MPS:g} m/s; "
        "wind, acceleration and turns take no time."
    )
    if plan.vehicle == "FIXED_WING":
        yield "A fixed wing climbs and descends along its legs, not on the spot."
    if plan.has_fence:
        yield "The plan's own geofence is not part of the request."
