"""Converts JSON values to numbers within limits; every error names the field."""

import math
from typing import Final

from lowsky.missions.errors import UnreadableMission

# Below any shore (Dead Sea, -430 m) and above any drone in these rules.
ALTITUDE_MIN_M: Final = -500.0
ALTITUDE_MAX_M: Final = 20_000.0
# Almost half the speed of sound: anything faster is a typing error.
SPEED_MAX_MPS: Final = 150.0


def number(value: object, field: str, item: int | None = None, *, nan_is_none: bool = False) -> float | None:
    """A finite float, or None for null. Booleans, strings, infinities and NaN are refused (or NaN is None, if set)."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise UnreadableMission("BAD_VALUE", "a number is expected", item, field)
    try:
        result = float(value)
    except OverflowError as error:
        raise UnreadableMission("NOT_FINITE", "the number is too large", item, field) from error
    if math.isnan(result) and nan_is_none:
        return None
    if not math.isfinite(result):
        raise UnreadableMission("NOT_FINITE", "the number is not finite", item, field)
    return result


def integer(value: object, field: str, item: int | None = None) -> int | None:
    """A whole number, or None for null."""
    result = number(value, field, item)
    if result is None:
        return None
    if not result.is_integer():
        raise UnreadableMission("BAD_VALUE", "a whole number is expected", item, field)
    return int(result)


def position(latitude: object, longitude: object, field: str, item: int | None = None) -> tuple[float, float] | None:
    """Degrees within range, or None when both are null."""
    lat, lon = number(latitude, field, item), number(longitude, field, item)
    if lat is None and lon is None:
        return None
    if lat is None or lon is None:
        raise UnreadableMission("BAD_VALUE", "only one of latitude and longitude is given", item, field)
    if not -90 <= lat <= 90 or not -180 <= lon <= 180:
        raise UnreadableMission(
            "COORDINATES_OUT_OF_RANGE", "latitude must be within -90..90 and longitude within -180..180", item, field
        )
    return lat, lon


def is_zero(place: tuple[float, float]) -> bool:
    """Whether a position is 0,0, which tools write for "no position"; MAVLink rounds degrees to 1e-7."""
    return abs(place[0]) < 1e-7 and abs(place[1]) < 1e-7
