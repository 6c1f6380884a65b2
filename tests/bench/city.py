"""Requests by arithmetic: flights of 18 legs of which no two overlap, spread over a city or crowded around a hub."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from math import cos, radians
from uuid import uuid4

from google.protobuf.duration_pb2 import Duration

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from tests.support.plan_contents import contents

LEGS = 18
LEG_S = 8.0
BUFFER_M, ABOVE_BELOW_M, AROUND_S = 20.0, 10.0, 30
SLOT_S = 240
"""The flight takes 144 s and a minute of buffers: what leaves in the next slot comes after it."""

ORIGIN = (113.4, 20.9)
"""South-west corner (longitude, latitude) of the city, clear of the zones of tests.integration.flightplans.world."""
METRES_NORTH = 111_195.0
METRES_EAST = METRES_NORTH * cos(radians(ORIGIN[1]))

FLEETS = 8
"""Operators, which take turns."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a flight begins, metres from ORIGIN; how high it flies; and when it leaves, seconds after the first."""

    east_m: float
    north_m: float
    height_m: float
    leaves_s: int
    drone: int
    """Which of its fleet's aircraft flies: no other flight of the fleet in the same slot has the same one."""


Offsets = Sequence[tuple[float, float]]
"""The waypoints of a flight, metres east and north of where it begins."""

STRAIGHT: Offsets = [(100.0 * n, 10.0 * (n % 2)) for n in range(LEGS + 1)]
"""1.8 km with a few bends, in a lane of 2 km by 100 m."""

AROUND_PAD: Offsets = [(50.0 if n % 2 else -50.0, -50.0 + 100.0 * n / LEGS) for n in range(LEGS + 1)]
"""Up and down over 100 m by 100 m around a pad; with the buffer 140 m, where pads are 250 m apart."""

COLUMNS, ROWS, SLOTS = 15, 300, 3 * 86_400 // SLOT_S
SPREADS = COLUMNS * ROWS * SLOTS
_STEP = 1_000_003
"""A prime: flights that follow each other are far apart in place and time."""

HUB_M = 40_000.0
"""East of ORIGIN: beside the city, so that the two scenes do not meet either."""
PADS = list(product(range(4), range(4)))
LAYERS = 8
_HUB_DRONES = len(PADS) * LAYERS // FLEETS
DRONES = _HUB_DRONES + COLUMNS * ROWS // FLEETS + 1
"""Aircraft of each fleet."""


def spread(number: int) -> Place:
    """A lane of a city of 30 km by 30 km, within three days."""
    at = number * _STEP % SPREADS
    slot, lane = divmod(at, COLUMNS * ROWS)
    row, column = divmod(lane, COLUMNS)
    # The number of the fleet says what is left of the lane.
    return Place(2_000.0 * column, 100.0 * row, 100.0, SLOT_S * slot, _HUB_DRONES + lane // FLEETS)


def hub(number: int) -> Place:
    """16 pads of one square kilometre, eight layers of 20 m over each, one slot after the other: flights that follow
    each other leave together."""
    slot, at = divmod(number, len(PADS) * LAYERS)
    layer, pad = divmod(at, len(PADS))
    east, north = PADS[pad]
    return Place(HUB_M + 250.0 * east, 250.0 * north, 40.0 + 30.0 * layer, SLOT_S * slot, at // FLEETS)


SCENES: dict[str, tuple[Callable[[int], Place], Offsets]] = {"spread": (spread, STRAIGHT), "hub": (hub, AROUND_PAD)}


def fleet(number: int) -> str:
    """An operator."""
    return f"operators/fleet-{number}"


def drone(number: int, of: int) -> str:
    """An aircraft of an operator."""
    return f"{fleet(of)}/aircraft/d{number}"


def requests(scene: str, numbers: Iterable[int], departs_s: int) -> Iterator[pb.SubmitFlightPlanRequest]:
    """Requests of a scene by number, the fleets one after the other. Each is the same message, changed: serialise it
    before going on. The earliest flight leaves at `departs_s`, seconds since the epoch."""
    place_of, offsets = SCENES[scene]
    trajectory = assessment_pb2.Trajectory(
        waypoints=[
            assessment_pb2.Waypoint(altitude_datum=geo_pb2.ALTITUDE_DATUM_AGL, offset_s=LEG_S * n)
            for n in range(LEGS + 1)
        ],
        horizontal_buffer_m=BUFFER_M,
        vertical_buffer_m=ABOVE_BELOW_M,
        time_buffer=Duration(seconds=AROUND_S),
    )
    plan = pb.FlightPlan(**contents(), trajectory=trajectory)
    request = pb.SubmitFlightPlanRequest(flight_plan=plan)
    for number in numbers:
        place = place_of(number)
        request.request_id = str(uuid4())
        request.parent = fleet(number % FLEETS)
        request.flight_plan.aircraft = drone(place.drone, number % FLEETS)
        request.flight_plan.trajectory.departure_time.seconds = departs_s + place.leaves_s
        for point, (east_m, north_m) in zip(request.flight_plan.trajectory.waypoints, offsets, strict=True):
            point.longitude = ORIGIN[0] + (place.east_m + east_m) / METRES_EAST
            point.latitude = ORIGIN[1] + (place.north_m + north_m) / METRES_NORTH
            point.altitude_m = place.height_m
        yield request
