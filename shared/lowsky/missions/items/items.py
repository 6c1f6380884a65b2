"""One validated entry of `mission.items`: command, position, and altitude datum."""

from dataclasses import dataclass
from typing import Final

from lowsky.missions.errors import UnreadableMission
from lowsky.missions.items import commands
from lowsky.missions.json_numbers import ALTITUDE_MAX_M, ALTITUDE_MIN_M, integer, is_zero, number, position
from lowsky.missions.model import Datum

# MAV_FRAME: GLOBAL, GLOBAL_RELATIVE_ALT, GLOBAL_TERRAIN_ALT and their _INT twins.
_FRAMES: Final[dict[int, Datum]] = {0: "AMSL", 5: "AMSL", 3: "TAKEOFF", 6: "TAKEOFF", 10: "AGL", 11: "AGL"}
# QGroundControl's AltitudeMode was renumbered over the years; these are the pairs that either numbering produces.
# The frame is sent to the aircraft, so the frame decides; any other pair means that the file was altered.
_MODES: Final[dict[Datum, frozenset[int]]] = {
    "TAKEOFF": frozenset({0, 1}),
    "AMSL": frozenset({0, 1, 2, 3}),
    "AGL": frozenset({0, 3, 4}),
}
_MODE_CALCULATED_ABOVE_TERRAIN: Final = 3
# Ground stations round the copies of an altitude that they store besides the parameters.
_ALTITUDE_COPY_TOLERANCE_M: Final = 1.0


@dataclass(frozen=True, slots=True)
class Item:
    """A simple item. `position` is None for commands without one and for those at the current position.

    `index` is its index in the file's items; items computed from a survey have that of the survey. `params` are MAVLink
    parameters 1 to 4; `altitude_m` and `datum` are None if the command flies nowhere, or at the current altitude.
    """

    index: int
    command: int
    params: tuple[float | None, float | None, float | None, float | None]
    position: tuple[float, float] | None
    altitude_m: float | None
    datum: Datum | None
    jump_id: int

    def param(self, number_: int) -> float:
        """Parameter 1 to 4; null means 0."""
        return self.params[number_ - 1] or 0.0

    @property
    def label(self) -> str:
        """Name of the item for messages: `item 3 (land)`."""
        return f"item {self.index + 1} ({commands.in_words(self.command)})"


def read_item(index: int, raw: object, path: str) -> Item:
    """Validate one simple item; raises UnreadableMission if it cannot be flown as written."""
    if not isinstance(raw, dict):
        raise UnreadableMission("BAD_VALUE", "the item is not an object", index, path)
    if raw.get("type") != "SimpleItem":
        raise UnreadableMission("UNSUPPORTED_ITEM", "the item is not of type SimpleItem", index, f"{path}.type")
    command = integer(raw.get("command"), f"{path}.command", index)
    if command is None:
        raise UnreadableMission("BAD_VALUE", "the item has no command", index, f"{path}.command")
    _check_command(index, command, path)
    params, raw_position, where = _params(index, raw, path)
    jump_id = integer(raw.get("doJumpId"), f"{path}.doJumpId", index)
    place, altitude_m, datum = None, None, None
    if command in commands.WITH_ALTITUDE:
        datum = _datum(index, raw, path)
        if command in commands.POSITIONAL:
            place = _place(index, command, raw_position, where)
        altitude_m = _altitude(index, command, raw_position[2], place, where)
        if altitude_m is None and command in commands.LANDINGS:
            # A landing without an altitude ends on the ground, not at sea level.
            altitude_m, datum = 0.0, "AGL" if datum == "AGL" else "TAKEOFF"
        elif altitude_m is None:
            datum = None
        else:
            _check_altitude_copies(index, raw, altitude_m, datum, path)
    return Item(index, command, params, place, altitude_m, datum, index + 1 if jump_id is None else jump_id)


def _check_command(index: int, command: int, path: str) -> None:
    if command == commands.LOITER_UNLIM:
        raise UnreadableMission(
            "ENDLESS_LOITER",
            f"{commands.full_name(command)} loiters without end, but an airspace request needs an end: "
            "use loiter time (MAV_CMD_NAV_LOITER_TIME, 19)",
            index,
            f"{path}.command",
        )
    if command not in commands.HARMLESS and command not in commands.FLOWN:
        raise UnreadableMission(
            "UNSUPPORTED_COMMAND",
            f"{commands.full_name(command)} may move the aircraft in a way that this reader does not know: "
            "plan it as waypoints",
            index,
            f"{path}.command",
        )


def _params(
    index: int, raw: dict[str, object], path: str
) -> tuple[tuple[float | None, float | None, float | None, float | None], list[object], str]:
    """Parameters 1-4, then the raw latitude, longitude and altitude with the path to them.

    Current files hold seven `params`; older ones four and a `coordinate`.
    """
    values = raw.get("params")
    coordinate = raw.get("coordinate")
    if not isinstance(values, list) or len(values) != (7 if coordinate is None else 4):
        raise UnreadableMission(
            "BAD_VALUE", "an item needs 7 params, or 4 params and a coordinate", index, f"{path}.params"
        )
    p1, p2, p3, p4 = (
        number(value, f"{path}.params[{i}]", index, nan_is_none=True) for i, value in enumerate(values[:4])
    )
    if coordinate is None:
        return (p1, p2, p3, p4), values[4:], f"{path}.params"
    if not isinstance(coordinate, list) or len(coordinate) != 3:
        raise UnreadableMission(
            "BAD_VALUE", "the coordinate is not [latitude, longitude, altitude]", index, f"{path}.coordinate"
        )
    return (p1, p2, p3, p4), coordinate, f"{path}.coordinate"


def _datum(index: int, raw: dict[str, object], path: str) -> Datum:
    frame = integer(raw.get("frame"), f"{path}.frame", index)
    datum = None if frame is None else _FRAMES.get(frame)
    if datum is None:
        raise UnreadableMission(
            "UNSUPPORTED_FRAME",
            f"frame {frame} (MAV_FRAME) does not give a supported altitude datum; "
            "supported: 0, 5 (sea level), 3, 6 (take-off), 10, 11 (terrain)",
            index,
            f"{path}.frame",
        )
    mode = integer(raw.get("AltitudeMode"), f"{path}.AltitudeMode", index)
    if mode is not None and mode not in _MODES[datum]:
        raise UnreadableMission(
            "CONFLICTING_DATUM", f"altitude mode {mode} contradicts frame {frame}", index, f"{path}.AltitudeMode"
        )
    return datum


def _place(index: int, command: int, raw: list[object], where: str) -> tuple[float, float] | None:
    place = position(raw[0], raw[1], where, index)
    if place is not None and not is_zero(place):
        return place
    if command in commands.HERE:
        return None
    if place is None:
        raise UnreadableMission("POSITION_MISSING", "the item has no position", index, where)
    raise UnreadableMission(
        "ZERO_POSITION", "the item is at latitude 0, longitude 0: no position was set", index, where
    )


def _altitude(index: int, command: int, raw: object, place: tuple[float, float] | None, where: str) -> float | None:
    """Altitude of an item; None for a landing on the ground of unknown elevation, and for the current altitude."""
    altitude_m = number(raw, where, index)
    if command in commands.THIS_HIGH and (altitude_m is None or (altitude_m == 0 and place is None)):
        return None
    if altitude_m is None:
        if command in commands.LANDINGS:
            return None
        raise UnreadableMission("ALTITUDE_MISSING", "the item has no altitude", index, where)
    if not ALTITUDE_MIN_M <= altitude_m <= ALTITUDE_MAX_M:
        raise UnreadableMission(
            "ALTITUDE_OUT_OF_RANGE",
            f"the altitude is not within {ALTITUDE_MIN_M:g} to {ALTITUDE_MAX_M:g} m",
            index,
            where,
        )
    return altitude_m


def _check_altitude_copies(index: int, raw: dict[str, object], altitude_m: float, datum: Datum, path: str) -> None:
    """The altitude sent to the aircraft must be the one shown to the planner."""
    shown_m = number(raw.get("Altitude"), f"{path}.Altitude", index)
    amsl_m = number(raw.get("AMSLAltAboveTerrain"), f"{path}.AMSLAltAboveTerrain", index)
    copies = [shown_m]
    if datum == "AMSL":
        if integer(raw.get("AltitudeMode"), f"{path}.AltitudeMode", index) == _MODE_CALCULATED_ABOVE_TERRAIN:
            if amsl_m is None:
                raise UnreadableMission(
                    "TERRAIN_ALTITUDE_MISSING",
                    "the altitude above terrain was never calculated: open the plan online and save it again",
                    index,
                    f"{path}.AMSLAltAboveTerrain",
                )
            copies = [amsl_m]
        else:
            copies = [shown_m, amsl_m]
    known = [copy for copy in copies if copy is not None]
    if known and all(abs(copy - altitude_m) > _ALTITUDE_COPY_TOLERANCE_M for copy in known):
        raise UnreadableMission(
            "CONFLICTING_ALTITUDE", "the item holds two altitudes that differ", index, f"{path}.Altitude"
        )
