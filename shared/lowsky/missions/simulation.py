"""Simulates the items of a plan: the effect of each command on position, height and time.

Source of the meaning of commands and their parameters: MAVLink common.xml (MAV_CMD); where autopilots differ, the
choice is noted in the mission's assumptions.
"""

import math
from typing import Final

from lowsky.missions.assumptions import CRUISE_MPS, HOVER_MPS, at_start
from lowsky.missions.errors import UnreadableMission
from lowsky.missions.items import commands
from lowsky.missions.items.items import Item
from lowsky.missions.items.jumps import in_order
from lowsky.missions.json_numbers import SPEED_MAX_MPS
from lowsky.missions.model import Datum, Mission
from lowsky.missions.path import CLIMB_MPS, DESCENT_MPS, Path
from lowsky.missions.plan import PlanFile

_ARDUPILOT: Final = 3
# Return altitudes if the file has none: RTL_RETURN_ALT of PX4; RTL_ALT of ArduCopter, RTL_ALTITUDE of ArduPlane.
_RETURN_PX4_M: Final = 60.0
_RETURN_ARDUCOPTER_M: Final = 15.0
_RETURN_ARDUPLANE_M: Final = 100.0
# Loiter radii if the item has none: the larger of PX4's and ArduPlane's defaults; ArduCopter's CIRCLE_RADIUS.
_LOITER_CRUISE_M: Final = 80.0
_LOITER_HOVER_M: Final = 10.0
# A wider circle is a typing error, or more airspace than one item should request.
_LOITER_MAX_M: Final = 5_000.0


def fly(plan: PlanFile, return_altitude_m: float | None = None) -> Mission:
    """The timed path of a plan; raises UnreadableMission for endless or contradictory missions."""
    flight = _Flight(plan, return_altitude_m)
    for item in in_order(plan.items):
        flight.perform(item)
        if item.command == commands.RETURN_TO_LAUNCH:
            if item is not plan.items[-1]:
                flight.path.assume(f"Nothing after {item.label} is flown.")
            break
    return flight.finish()


class _Flight:
    def __init__(self, plan: PlanFile, return_altitude_m: float | None) -> None:
        self.plan = plan
        self.return_altitude_m = return_altitude_m
        first = next(item.position for item in plan.items if item.position is not None)
        self.path = Path(plan.home or first, plan.home_amsl_m)
        self.on_ground = True
        self.cruising = plan.vehicle == "FIXED_WING"
        self.default_mps = {True: plan.cruise_mps or CRUISE_MPS, False: plan.hover_mps or HOVER_MPS}
        self.speed_mps = dict(self.default_mps)
        self._assume_at_start()

    @property
    def speed(self) -> float:
        return self.speed_mps[self.cruising]

    @property
    def vertical_first(self) -> bool:
        """Whether the aircraft can climb and descend on the spot."""
        return self.plan.vehicle != "FIXED_WING"

    def perform(self, item: Item) -> None:
        """Execute one item; jumps were resolved before, and commands without effect on the path are ignored."""
        command = item.command
        if command in commands.TAKEOFFS:
            self._take_off(item)
        elif command in commands.LANDINGS:
            self._land(item)
        elif command == commands.PAYLOAD_PLACE:
            self._place_payload(item)
        elif command == commands.CONTINUE_AND_CHANGE_ALT:
            self._continue(item)
        elif command == commands.LOITER_TO_ALT:
            self._loiter_to_altitude(item)
        elif command in commands.POSITIONAL:
            self._waypoint(item)
        elif command == commands.RETURN_TO_LAUNCH:
            self._return(item)
        elif command == commands.DELAY:
            self._delay(item)
        elif command == commands.DO_CHANGE_SPEED:
            self._change_speed(item)
        elif command == commands.DO_PARACHUTE:
            _require_no_release(item)
        elif command == commands.DO_WINCH:
            self.path.assume(f"At {item.label} the load hangs below the aircraft: leave room for it below the flight.")
        elif command == commands.DO_VTOL_TRANSITION and self.plan.vehicle == "VTOL":
            self._transition(item)

    def finish(self) -> Mission:
        path = self.path
        if len(path.points) < 2:
            raise UnreadableMission("NO_FLIGHT", "the mission never leaves the ground")
        if not self.on_ground:
            path.assume(
                f"The mission does not land: it ends in the air at item {path.here.item + 1}, "
                "and so does the time that it asks for."
            )
        return Mission(
            waypoints=tuple(path.points),
            takeoff_amsl_m=path.home_amsl_m,
            assumptions=tuple(path.assumptions),
            vehicle=self.plan.vehicle,
            duration_s=path.here.offset_s,
        )

    def _take_off(self, item: Item) -> None:
        altitude_m, datum = _target(item)
        if self.plan.vehicle == "FIXED_WING" and item.position is None:
            raise UnreadableMission(
                "POSITION_MISSING", "a fixed wing's take-off needs a position to climb towards", item.index
            )
        self._leave_ground(item)
        # ArduPilot's plain take-off is that of an aeroplane; PX4 stays a multicopter until commanded to change.
        changes = item.command == commands.VTOL_TAKEOFF or self.plan.firmware == _ARDUPILOT
        if self.plan.vehicle == "VTOL" and changes:
            self.cruising = True
        self.path.go(item.position or self.path.place, altitude_m, datum, item.index, self.speed)

    def _waypoint(self, item: Item) -> None:
        altitude_m, datum = self._target_or_here(item)
        self._leave_ground(item)
        seconds, radius_m = self._stay(item)
        self.path.go(item.position or self.path.place, altitude_m, datum, item.index, self.speed, radius_m)
        self.path.stay(seconds, item.index, radius_m)
        if item.command == commands.SPLINE_WAYPOINT:
            self.path.assume("Splines are taken as straight legs: the curve may leave them to the side.")

    def _stay(self, item: Item) -> tuple[float, float]:
        """Seconds to stay at an item, and the radius in which the aircraft circles meanwhile."""
        if item.command == commands.LOITER_TURNS:
            radius_m = self._loiter_radius_m(item, 3)
            turns = _not_negative(item, 1, "the number of turns")
            return turns * math.tau * radius_m / self.speed, radius_m
        seconds = _not_negative(item, 1, "the time to stay")
        if item.command == commands.LOITER_TIME:
            return seconds, self._loiter_radius_m(item, 3) if self.cruising else 0.0
        if seconds > 0 and self.cruising:
            self.path.assume(
                f"The hold of {seconds:g} s at {item.label} is counted, though a fixed wing may not do it."
            )
            return seconds, _LOITER_CRUISE_M
        return seconds, 0.0

    def _loiter_to_altitude(self, item: Item) -> None:
        altitude_m, datum = _target(item)
        self._leave_ground(item)
        radius_m = self._loiter_radius_m(item, 2) if self.cruising else 0.0
        here = self.path.here
        place = item.position or self.path.place
        self.path.go(place, here.altitude_m, here.datum, item.index, self.speed, radius_m)
        self.path.go(place, altitude_m, datum, item.index, self.speed, radius_m)
        self.path.assume(f"{item.label.capitalize()} is reached at the height before it, the change is made there.")

    def _land(self, item: Item) -> None:
        if self.on_ground:
            raise UnreadableMission("LANDING_ON_GROUND", "the item lands an aircraft that is on the ground", item.index)
        altitude_m, datum = _target(item)
        place = item.position or self.path.place
        if self.vertical_first:
            here = self.path.here
            self.path.go(place, here.altitude_m, here.datum, item.index, self.speed)
        self.path.go(place, altitude_m, datum, item.index, self.speed)
        self._touch_down()

    def _return(self, item: Item) -> None:
        """Climb to the return altitude on the spot, fly home, descend there."""
        if self.on_ground:
            raise UnreadableMission("RETURN_ON_GROUND", "the item returns an aircraft that is not flying", item.index)
        path = self.path
        height_m = path.height_m()
        altitude_m, datum = path.here.altitude_m, path.here.datum
        wanted_m = self.return_altitude_m or self._default_return_m()
        if height_m is not None and height_m < wanted_m:
            altitude_m, datum = wanted_m, "TAKEOFF"
            if self.vertical_first:
                path.go(path.place, altitude_m, datum, item.index, self.speed)
        above = {"TAKEOFF": "take-off", "AGL": "terrain", "AMSL": "sea level", "WGS84": "the ellipsoid"}[datum]
        path.assume(
            f"At {item.label} the aircraft flies home at {altitude_m:g} m above {above} and lands there: the file does "
            "not hold the return altitude; compare it with the setting on the aircraft."
        )
        # A fixed wing descends in circles over home.
        radius_m = 0.0 if self.vertical_first else _LOITER_CRUISE_M
        path.go(path.home, altitude_m, datum, item.index, self.speed, radius_m)
        path.go(path.home, 0.0, "TAKEOFF", item.index, self.speed, radius_m)
        self._touch_down()

    def _default_return_m(self) -> float:
        if self.plan.firmware != _ARDUPILOT:
            return _RETURN_PX4_M
        return _RETURN_ARDUCOPTER_M if self.plan.vehicle == "MULTICOPTER" else _RETURN_ARDUPLANE_M

    def _delay(self, item: Item) -> None:
        seconds = item.params[0]
        if seconds is None or seconds < 0:
            raise UnreadableMission(
                "DELAY_UNTIL_CLOCK", "the item waits for a time of day: give a delay in seconds", item.index
            )
        if len(self.path.points) == 1:
            self.path.assume("Delays before take-off are left out: times count from take-off.")
            return
        self.path.stay(seconds, item.index, _LOITER_CRUISE_M if self.cruising and not self.on_ground else 0.0)

    def _change_speed(self, item: Item) -> None:
        """Parameter 1: 0 air, 1 ground, 2 climb, 3 descent; parameter 2: m/s, -1 no change, -2 default."""
        kind, speed = item.param(1), item.params[1]
        if kind not in (0, 1, 2, 3):
            raise UnreadableMission("BAD_VALUE", "the speed type is not 0, 1, 2 or 3", item.index)
        if speed is None or speed == -1:
            return
        if speed != -2 and not 0 < speed <= SPEED_MAX_MPS:
            raise UnreadableMission(
                "SPEED_OUT_OF_RANGE", f"the speed is not within 0 to {SPEED_MAX_MPS:g} m/s", item.index
            )
        if kind == 2:
            self.path.climb_mps = CLIMB_MPS if speed == -2 else speed
        elif kind == 3:
            self.path.descent_mps = DESCENT_MPS if speed == -2 else speed
        else:
            self.speed_mps[self.cruising] = self.default_mps[self.cruising] if speed == -2 else speed

    def _transition(self, item: Item) -> None:
        """Parameter 1 is a MAV_VTOL_STATE: 3 multicopter, 4 fixed wing."""
        if item.param(1) not in (3, 4):
            raise UnreadableMission("BAD_VALUE", "the transition is to neither 3 nor 4", item.index)
        self.cruising = item.param(1) == 4

    def _place_payload(self, item: Item) -> None:
        """Fly there, descend until the load is on the ground, or by at most parameter 1, and climb again."""
        altitude_m, datum = self._target_or_here(item)
        self._leave_ground(item)
        place = item.position or self.path.place
        self.path.go(place, altitude_m, datum, item.index, self.speed)
        descent_m = _not_negative(item, 1, "the distance to descend")
        ground: tuple[float, Datum] = (0.0, datum) if datum in ("AGL", "TAKEOFF") else (0.0, "TAKEOFF")
        if descent_m and (ground[1] != datum or altitude_m - descent_m > 0):
            ground = altitude_m - descent_m, datum
        self.path.go(place, *ground, item.index, self.speed)
        self.path.go(place, altitude_m, datum, item.index, self.speed)
        low = "the take-off ground" if ground[1] == "TAKEOFF" else "the terrain" if ground[1] == "AGL" else "sea level"
        self.path.assume(f"At {item.label} the aircraft comes down to {ground[0]:g} m above {low}, and climbs again.")

    def _continue(self, item: Item) -> None:
        """Fly straight on until the altitude is reached."""
        altitude_m, datum = _target(item)
        if self.on_ground:
            raise UnreadableMission("CLIMB_ON_GROUND", "the item continues a flight that has not begun", item.index)
        self.path.go_on(altitude_m, datum, item.index, self.speed)
        self.path.assume(f"At {item.label} the aircraft flies straight on until it has reached the altitude.")

    def _target_or_here(self, item: Item) -> tuple[float, Datum]:
        """The item's altitude and datum; if it has none, those of the aircraft, which must be in the air."""
        if item.altitude_m is None and not self.on_ground:
            return self.path.here.altitude_m, self.path.here.datum
        return _target(item)

    def _leave_ground(self, item: Item) -> None:
        """The climb on the spot; a fixed wing climbs along the leg to the item instead."""
        if not self.on_ground:
            return
        altitude_m, datum = _target(item)
        if len(self.path.points) > 1:
            self.path.assume(f"After the landing before {item.label} the aircraft takes off again where it landed.")
        elif item.command not in commands.TAKEOFFS:
            self.path.assume(f"The mission has no take-off: it climbs at the start to the altitude of {item.label}.")
        if self.vertical_first:
            self.path.go(self.path.place, altitude_m, datum, item.index, self.speed)
        self.on_ground = False

    def _touch_down(self) -> None:
        self.on_ground = True
        if self.plan.vehicle == "VTOL":
            self.cruising = False

    def _loiter_radius_m(self, item: Item, parameter: int) -> float:
        given_m = abs(item.param(parameter))
        if given_m > _LOITER_MAX_M:
            raise UnreadableMission("RADIUS_OUT_OF_RANGE", f"the loiter radius is over {_LOITER_MAX_M:g} m", item.index)
        radius_m = given_m or (_LOITER_CRUISE_M if self.cruising else _LOITER_HOVER_M)
        how = "" if given_m else " (assumed, the item gives none)"
        self.path.assume(f"At {item.label} the aircraft circles within {radius_m:g} m{how} of the point.")
        return radius_m

    def _assume_at_start(self) -> None:
        for sentence in at_start(self.plan):
            self.path.assume(sentence)


def _target(item: Item) -> tuple[float, Datum]:
    """Altitude and datum of a positional item, which needs them."""
    if item.altitude_m is None or item.datum is None:
        raise UnreadableMission("ALTITUDE_MISSING", "the item has no altitude", item.index)
    return item.altitude_m, item.datum


def _require_no_release(item: Item) -> None:
    """Parameter 1 is a PARACHUTE_ACTION: 0 disable, 1 enable, 2 release."""
    if item.param(1) not in (0, 1):
        message = "the item releases the parachute: nobody knows where the aircraft comes down"
        raise UnreadableMission("PARACHUTE_RELEASE", message, item.index)


def _not_negative(item: Item, parameter: int, what: str) -> float:
    value = item.param(parameter)
    if value < 0:
        raise UnreadableMission("BAD_VALUE", f"{what} is negative", item.index)
    return value
