"""Read a mission file into a timed path."""

import math
import os

from lowsky.missions.errors import UnreadableMission
from lowsky.missions.json_document import load
from lowsky.missions.json_numbers import ALTITUDE_MAX_M
from lowsky.missions.model import Mission
from lowsky.missions.plan import read_plan
from lowsky.missions.simulation import fly


def read(
    source: str | os.PathLike[str] | bytes, filename: str | None = None, *, return_altitude_m: float | None = None
) -> Mission:
    """Read a QGroundControl `.plan` (fileType Plan, version 1, mission version 2) with simple items.

    `source` is a path or the file's bytes; `filename` only gives the format by its suffix. `return_altitude_m` is the
    height above take-off at which the aircraft is set to return to launch, if the operator knows it.

    Distances are geodesic on WGS 84 (within 1 mm); times follow from the file's speeds and the assumptions that the
    mission lists. Raises `UnreadableMission`, and nothing else, for files that cannot be read.
    """
    if return_altitude_m is not None and not (
        math.isfinite(return_altitude_m) and 0 < return_altitude_m <= ALTITUDE_MAX_M
    ):
        raise UnreadableMission("ALTITUDE_OUT_OF_RANGE", "the return altitude is out of range")
    return fly(read_plan(load(source, filename)), return_altitude_m)
