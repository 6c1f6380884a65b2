"""MAVLink commands (MAV_CMD, common.xml) that a mission may hold, by what they do to the path."""

from typing import Final

WAYPOINT: Final = 16
LOITER_UNLIM: Final = 17
LOITER_TURNS: Final = 18
LOITER_TIME: Final = 19
RETURN_TO_LAUNCH: Final = 20
LAND: Final = 21
TAKEOFF: Final = 22
LOITER_TO_ALT: Final = 31
SPLINE_WAYPOINT: Final = 82
VTOL_TAKEOFF: Final = 84
VTOL_LAND: Final = 85
DELAY: Final = 93
DO_JUMP: Final = 177
DO_CHANGE_SPEED: Final = 178
DO_VTOL_TRANSITION: Final = 3000

TAKEOFFS: Final = frozenset({TAKEOFF, VTOL_TAKEOFF})
LANDINGS: Final = frozenset({LAND, VTOL_LAND})
POSITIONAL: Final = TAKEOFFS | LANDINGS | {WAYPOINT, LOITER_TURNS, LOITER_TIME, LOITER_TO_ALT, SPLINE_WAYPOINT}

# These never move the aircraft: cameras, gimbals, servos, grippers, headings, markers. A command in neither this set
# nor the ones above might move it, so it is refused, never skipped.
HARMLESS: Final = frozenset(
    {
        *(112, 114, 115),  # CONDITION_DELAY, _DISTANCE, _YAW: they hold back DO commands, not the flight
        *(181, 182, 183, 184, 189),  # relays, servos, DO_LAND_START
        *(195, 196, 197, 200, 201, 202, 203, 204, 205, 206, 214),  # regions of interest, cameras, mounts
        *(207, 211, 216, 217, 218, 220, 223, 600),  # fence, gripper, sprayer, script, aux, mount, engine, jump tag
        *(530, 531, 532, 534, 1000, 1001, 2000, 2001, 2003, 2500, 2501, 2502, 2503),  # camera and gimbal protocol
    }
)

NAMES: Final = {
    WAYPOINT: "waypoint",
    LOITER_TURNS: "loiter turns",
    LOITER_TIME: "loiter time",
    RETURN_TO_LAUNCH: "return to launch",
    LAND: "land",
    TAKEOFF: "take-off",
    LOITER_TO_ALT: "loiter to altitude",
    SPLINE_WAYPOINT: "spline waypoint",
    VTOL_TAKEOFF: "VTOL take-off",
    VTOL_LAND: "VTOL land",
    DELAY: "delay",
    DO_JUMP: "jump",
    DO_CHANGE_SPEED: "change speed",
    DO_VTOL_TRANSITION: "VTOL transition",
}
