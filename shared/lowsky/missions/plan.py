"""Converts the JSON of a QGroundControl plan to validated values: home, speeds, vehicle and simple items.

Source: QGroundControl developer guide, "Plan File Format" (mission version 2); MAVLink common.xml for frames.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from lowsky.missions.errors import UnreadableMission
from lowsky.missions.items import commands
from lowsky.missions.items.complex_items import computed_items
from lowsky.missions.items.items import Item, read_item
from lowsky.missions.json_numbers import (
    ALTITUDE_MAX_M,
    ALTITUDE_MIN_M,
    SPEED_MAX_MPS,
    integer,
    is_zero,
    number,
    position,
)
from lowsky.missions.model import Vehicle

MISSION_VERSION: Final = 2
# Autopilots store hundreds to a few thousand items; a file with more is not a mission.
ITEMS_MAX: Final = 10_000

_VEHICLES: Final[dict[int, Vehicle]] = {
    1: "FIXED_WING",
    **dict.fromkeys((0, 2, 3, 4, 13, 14, 15, 29, 35, 43), "MULTICOPTER"),
    **dict.fromkeys(range(19, 26), "VTOL"),
}


@dataclass(frozen=True, slots=True)
class PlanFile:
    """The validated contents of a plan. Values that are absent in the file are None."""

    vehicle: Vehicle
    vehicle_given: bool
    firmware: int | None
    home: tuple[float, float] | None
    home_amsl_m: float | None
    cruise_mps: float | None
    hover_mps: float | None
    has_fence: bool
    items: tuple[Item, ...]


def read_plan(document: dict[str, object]) -> PlanFile:
    """Validate the mission of a plan document; raises UnreadableMission if it cannot be flown as written."""
    mission = document.get("mission")
    if mission is None:
        raise UnreadableMission("MISSING_MISSION", "the plan has no mission", field="mission")
    if not isinstance(mission, dict):
        raise UnreadableMission("BAD_VALUE", "the mission is not an object", field="mission")
    if integer(mission.get("version"), "mission.version") != MISSION_VERSION:
        raise UnreadableMission(
            "WRONG_MISSION_VERSION", f"the mission's version is not {MISSION_VERSION}", field="mission.version"
        )
    items = _items(mission)
    vehicle_type = integer(mission.get("vehicleType"), "mission.vehicleType")
    home, home_amsl_m = _home(mission.get("plannedHomePosition"))
    return PlanFile(
        vehicle=_vehicle(vehicle_type),
        vehicle_given=vehicle_type is not None and vehicle_type != 0,
        firmware=integer(mission.get("firmwareType"), "mission.firmwareType"),
        home=home,
        home_amsl_m=home_amsl_m,
        cruise_mps=_speed(mission, "cruiseSpeed"),
        hover_mps=_speed(mission, "hoverSpeed"),
        has_fence=_has_fence(document.get("geoFence")),
        items=items,
    )


def _items(mission: dict[str, object]) -> tuple[Item, ...]:
    raw = mission.get("items")
    if raw is None:
        raise UnreadableMission("MISSING_ITEMS", "the mission has no items", field="mission.items")
    if not isinstance(raw, list):
        raise UnreadableMission("BAD_VALUE", "the items are not a list", field="mission.items")
    if len(raw) > ITEMS_MAX:
        raise UnreadableMission("TOO_MANY_ITEMS", f"the mission has more than {ITEMS_MAX} items", field="mission.items")
    items = tuple(_each_item(raw))
    if len(items) > ITEMS_MAX:
        message = f"with those of its surveys the mission has more than {ITEMS_MAX} items"
        raise UnreadableMission("TOO_MANY_ITEMS", message, field="mission.items")
    if not any(item.command in commands.POSITIONAL and item.position is not None for item in items):
        raise UnreadableMission("NO_WAYPOINT", "no item of the mission has a position to fly to", field="mission.items")
    return items


def _each_item(raw: list[object]) -> Iterator[Item]:
    for index, value in enumerate(raw):
        path = f"mission.items[{index}]"
        if isinstance(value, dict) and value.get("type") == "ComplexItem":
            computed, within = computed_items(index, value, path)
            for n, one in enumerate(computed):
                yield read_item(index, one, f"{within}[{n}]")
        else:
            yield read_item(index, value, path)


def _vehicle(vehicle_type: int | None) -> Vehicle:
    if vehicle_type is None:
        return "MULTICOPTER"
    vehicle = _VEHICLES.get(vehicle_type)
    if vehicle is None:
        raise UnreadableMission(
            "UNSUPPORTED_VEHICLE",
            f"vehicle type {vehicle_type} (MAV_TYPE) is not a fixed wing, multicopter, helicopter or VTOL aircraft",
            field="mission.vehicleType",
        )
    return vehicle


def _home(raw: object) -> tuple[tuple[float, float] | None, float | None]:
    """Home and its elevation. Ground stations without a position write zeros, which mean neither home nor elevation."""
    field = "mission.plannedHomePosition"
    if raw is None:
        return None, None
    if not isinstance(raw, list) or len(raw) not in (2, 3):
        raise UnreadableMission("BAD_VALUE", "the home position is not [latitude, longitude, altitude]", field=field)
    home = position(raw[0], raw[1], field)
    if home is None or is_zero(home):
        return None, None
    elevation_m = number(raw[2], f"{field}[2]") if len(raw) == 3 else None
    if elevation_m is not None and not ALTITUDE_MIN_M <= elevation_m <= ALTITUDE_MAX_M:
        raise UnreadableMission("ALTITUDE_OUT_OF_RANGE", "the home elevation is out of range", field=f"{field}[2]")
    return home, elevation_m or None


def _speed(mission: dict[str, object], key: str) -> float | None:
    """A speed in m/s; ground stations write 0 if none was chosen."""
    speed = number(mission.get(key), f"mission.{key}")
    if speed is not None and not 0 <= speed <= SPEED_MAX_MPS:
        raise UnreadableMission(
            "SPEED_OUT_OF_RANGE", f"the speed is not within 0 to {SPEED_MAX_MPS:g} m/s", field=f"mission.{key}"
        )
    return speed or None


def _has_fence(raw: object) -> bool:
    return isinstance(raw, dict) and any(raw.get(key) for key in ("circles", "polygons", "polygon"))
