"""MAVLink commands (MAV_CMD, common.xml and ardupilotmega.xml) of a mission, by their effect on the path."""

from typing import Final

WAYPOINT: Final = 16
LOITER_UNLIM: Final = 17
LOITER_TURNS: Final = 18
LOITER_TIME: Final = 19
RETURN_TO_LAUNCH: Final = 20
LAND: Final = 21
TAKEOFF: Final = 22
CONTINUE_AND_CHANGE_ALT: Final = 30
LOITER_TO_ALT: Final = 31
SPLINE_WAYPOINT: Final = 82
VTOL_TAKEOFF: Final = 84
VTOL_LAND: Final = 85
DELAY: Final = 93
PAYLOAD_PLACE: Final = 94
DO_JUMP: Final = 177
DO_CHANGE_SPEED: Final = 178
DO_PARACHUTE: Final = 208
DO_VTOL_TRANSITION: Final = 3000
DO_WINCH: Final = 42600

TAKEOFFS: Final = frozenset({TAKEOFF, VTOL_TAKEOFF})
LANDINGS: Final = frozenset({LAND, VTOL_LAND})
LOITERS: Final = frozenset({LOITER_TURNS, LOITER_TIME, LOITER_TO_ALT})
POSITIONAL: Final = TAKEOFFS | LANDINGS | LOITERS | {WAYPOINT, SPLINE_WAYPOINT, PAYLOAD_PLACE}
WITH_ALTITUDE: Final = POSITIONAL | {CONTINUE_AND_CHANGE_ALT}

# Latitude and longitude 0 or null mean the current position: autopilots interpret them so (loc_from_cmd of ArduPilot;
# NaN in MAVLink and PX4). A waypoint without a position is an error: it would go nowhere.
HERE: Final = TAKEOFFS | LANDINGS | LOITERS | {PAYLOAD_PLACE}
# Likewise no altitude, or 0 together with no position, means the current altitude.
THIS_HIGH: Final = frozenset({LOITER_TURNS, LOITER_TIME, PAYLOAD_PLACE})

FLOWN: Final = WITH_ALTITUDE | {RETURN_TO_LAUNCH, DELAY, DO_JUMP, DO_CHANGE_SPEED, DO_PARACHUTE, DO_VTOL_TRANSITION}

# These never move the aircraft: payloads, cameras, gimbals, servos, headings, markers, logs. A command in neither this
# set nor the one above might move it, so it is refused, never skipped.
HARMLESS: Final = frozenset(
    {
        *(80, 195, 196, 197, 198, 201),  # regions of interest: they turn the camera, or the nose
        *(112, 114, 115),  # CONDITION_DELAY, _DISTANCE, _YAW: they delay DO commands, not the flight
        *(181, 182, 183, 184, 187, 211, 216, DO_WINCH),  # relays, servos, actuators, gripper, sprayer, winch
        *(200, 202, 203, 204, 205, 206, 214, 220),  # cameras, mounts
        *(189, 207, 215, 217, 218, 223, 600),  # landing marker, fence, resume distance, script, aux, engine, jump tag
        *(530, 531, 532, 533, 534, 1000, 1001, 2000, 2001, 2003, 2500, 2501, 2502, 2503),  # camera and gimbal protocol
        *(2510, 2511),  # logging
    }
)

_NAMES: Final = {
    WAYPOINT: "waypoint",
    LOITER_TURNS: "loiter turns",
    LOITER_TIME: "loiter time",
    RETURN_TO_LAUNCH: "return to launch",
    LAND: "land",
    TAKEOFF: "take-off",
    CONTINUE_AND_CHANGE_ALT: "continue and change altitude",
    LOITER_TO_ALT: "loiter to altitude",
    SPLINE_WAYPOINT: "spline waypoint",
    VTOL_TAKEOFF: "VTOL take-off",
    VTOL_LAND: "VTOL land",
    DELAY: "delay",
    PAYLOAD_PLACE: "payload place",
    DO_JUMP: "jump",
    DO_CHANGE_SPEED: "change speed",
    DO_PARACHUTE: "parachute",
    DO_VTOL_TRANSITION: "VTOL transition",
    DO_WINCH: "winch",
}

# Names of refused commands, as ground stations show them (without MAV_CMD_).
_REFUSED: Final = {
    17: "NAV_LOITER_UNLIM",
    23: "NAV_LAND_LOCAL",
    24: "NAV_TAKEOFF_LOCAL",
    25: "NAV_FOLLOW",
    32: "DO_FOLLOW",
    33: "DO_FOLLOW_REPOSITION",
    34: "DO_ORBIT",
    35: "DO_FIGURE_EIGHT",
    81: "NAV_PATHPLANNING",
    83: "NAV_ALTITUDE_WAIT",
    92: "NAV_GUIDED_ENABLE",
    95: "NAV_LAST",
    113: "CONDITION_CHANGE_ALT",
    159: "CONDITION_LAST",
    176: "DO_SET_MODE",
    179: "DO_SET_HOME",
    180: "DO_SET_PARAMETER",
    185: "DO_FLIGHTTERMINATION",
    186: "DO_CHANGE_ALTITUDE",
    188: "DO_RETURN_PATH_START",
    190: "DO_RALLY_LAND",
    191: "DO_GO_AROUND",
    192: "DO_REPOSITION",
    193: "DO_PAUSE_CONTINUE",
    194: "DO_SET_REVERSE",
    209: "DO_MOTOR_TEST",
    210: "DO_INVERTED_FLIGHT",
    212: "DO_AUTOTUNE_ENABLE",
    213: "NAV_SET_YAW_SPEED",
    221: "DO_GUIDED_MASTER",
    222: "DO_GUIDED_LIMITS",
    224: "DO_SET_MISSION_CURRENT",
    240: "DO_LAST",
    241: "PREFLIGHT_CALIBRATION",
    245: "PREFLIGHT_STORAGE",
    246: "PREFLIGHT_REBOOT_SHUTDOWN",
    252: "OVERRIDE_GOTO",
    260: "OBLIQUE_SURVEY",
    300: "MISSION_START",
    400: "COMPONENT_ARM_DISARM",
    601: "DO_JUMP_TAG",
    2800: "PANORAMA_CREATE",
    3001: "ARM_AUTHORIZATION_REQUEST",
    4501: "CONDITION_GATE",
    5000: "NAV_FENCE_RETURN_POINT",
    5001: "NAV_FENCE_POLYGON_VERTEX_INCLUSION",
    5002: "NAV_FENCE_POLYGON_VERTEX_EXCLUSION",
    5003: "NAV_FENCE_CIRCLE_INCLUSION",
    5004: "NAV_FENCE_CIRCLE_EXCLUSION",
    5100: "NAV_RALLY_POINT",
    30001: "PAYLOAD_PREPARE_DEPLOY",
    30002: "PAYLOAD_CONTROL_DEPLOY",
    42702: "NAV_SCRIPT_TIME",
    42703: "NAV_ATTITUDE_TIME",
    43000: "GUIDED_CHANGE_SPEED",
    43001: "GUIDED_CHANGE_ALTITUDE",
    43002: "GUIDED_CHANGE_HEADING",
}


def in_words(command: int) -> str:
    """Name of a command for messages: `land`, or `command 197`."""
    return _NAMES.get(command, f"command {command}")


def full_name(command: int) -> str:
    """Name of a refused command: `MAV_CMD_DO_SET_HOME (179)`."""
    name = _REFUSED.get(command)
    return f"MAV_CMD_{name} ({command})" if name else f"command {command}, which is none of MAVLink's common ones,"
