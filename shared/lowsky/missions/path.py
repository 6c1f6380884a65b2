"""Builds the timed path: position, time, and assumptions."""

import math
from dataclasses import dataclass, field
from typing import Final

from lowsky.missions.errors import UnreadableMission
from lowsky.missions.geodesy import distance_m
from lowsky.missions.model import Datum, MissionWaypoint

# A request with more points would exceed what one flight plan may hold.
WAYPOINTS_MAX: Final = 2_000
# EU 2021/664 Annex IV: an endurance is stated in 1 to 14 400 minutes.
DURATION_MAX_S: Final = 14_400 * 60.0
# Time of a climb or descent of unknown height (sea level against an unknown ground elevation): a typical half minute.
UNKNOWN_VERTICAL_S: Final = 30.0
# PX4's defaults for automatic climb and descent (MPC_Z_V_AUTO_UP, MPC_Z_V_AUTO_DN).
CLIMB_MPS: Final = 3.0
DESCENT_MPS: Final = 1.5
# Offsets must differ, also after rounding; a change of datum on the spot would otherwise take no time.
_LEG_MIN_S: Final = 0.1
# Points nearer than this are the same position: positions are stored in steps of 1 cm.
_SAME_PLACE_M: Final = 0.01


@dataclass(slots=True)
class Path:
    """Waypoints so far; the last one is the current position. Starts on the ground at home at offset 0."""

    home: tuple[float, float]
    home_amsl_m: float | None
    climb_mps: float = CLIMB_MPS
    descent_mps: float = DESCENT_MPS
    points: list[MissionWaypoint] = field(default_factory=list)
    assumptions: dict[str, None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.points.append(MissionWaypoint(*self.home, 0.0, "TAKEOFF", 0.0, -1))

    @property
    def here(self) -> MissionWaypoint:
        """The current point."""
        return self.points[-1]

    @property
    def place(self) -> tuple[float, float]:
        """Current latitude and longitude."""
        return self.here.latitude, self.here.longitude

    def assume(self, sentence: str) -> None:
        """Record an assumption once, in the order of the flight."""
        self.assumptions.setdefault(sentence)

    def go(
        self,
        place: tuple[float, float],
        altitude_m: float,
        datum: Datum,
        item: int,
        speed_mps: float,
        radius_m: float = 0.0,
    ) -> None:
        """Fly straight to a point; the slower of the horizontal and the vertical part sets the time."""
        away_m = distance_m(*self.place, *place)
        same_place = away_m < _SAME_PLACE_M
        seconds = 0.0 if same_place else away_m / speed_mps
        seconds = max(seconds, self._climb_s(altitude_m, datum))
        if (
            same_place
            and self._rise_m(altitude_m, datum) == 0.0
            and (datum, radius_m) == (self.here.datum, self.here.radius_m)
        ):
            return
        self._append(place, altitude_m, datum, seconds, item, radius_m)

    def go_on(self, altitude_m: float, datum: Datum, item: int, speed_mps: float) -> None:
        """Continue in the direction of the last leg until an altitude is reached; on the spot if there was no leg."""
        seconds = self._climb_s(altitude_m, datum)
        before = next((point for point in reversed(self.points) if self._away_m(point) >= _SAME_PLACE_M), None)
        latitude, longitude = self.place
        if before is not None:
            share = seconds * speed_mps / self._away_m(before)
            latitude += (latitude - before.latitude) * share
            longitude = math.remainder(longitude + math.remainder(longitude - before.longitude, 360) * share, 360)
            if abs(latitude) > 90:
                raise UnreadableMission("COORDINATES_OUT_OF_RANGE", "the aircraft flies over a pole", item)
        self.go((latitude, longitude), altitude_m, datum, item, speed_mps)

    def _away_m(self, point: MissionWaypoint) -> float:
        return distance_m(*self.place, point.latitude, point.longitude)

    def stay(self, seconds: float, item: int, radius_m: float = 0.0) -> None:
        """Remain at the current point, circling within the radius."""
        if seconds > 0:
            self._append(self.place, self.here.altitude_m, self.here.datum, seconds, item, radius_m)

    def height_m(self) -> float | None:
        """Height above the take-off ground, assuming level terrain; None if unknown."""
        return self._height_m(self.here.altitude_m, self.here.datum)

    def _climb_s(self, altitude_m: float, datum: Datum) -> float:
        """Duration of the change of altitude from here."""
        rise_m = self._rise_m(altitude_m, datum)
        if rise_m is not None:
            return max(rise_m / self.climb_mps, -rise_m / self.descent_mps)
        self.assume(
            "The file does not give the take-off ground above sea level: the times of climbs and descents between "
            f"take-off and sea-level altitudes are unknown and counted as {UNKNOWN_VERTICAL_S:g} s each."
        )
        return UNKNOWN_VERTICAL_S

    def _rise_m(self, altitude_m: float, datum: Datum) -> float | None:
        if datum == self.here.datum:
            return altitude_m - self.here.altitude_m
        before_m, after_m = self.height_m(), self._height_m(altitude_m, datum)
        return None if before_m is None or after_m is None else after_m - before_m

    def _height_m(self, altitude_m: float, datum: Datum) -> float | None:
        if datum == "AGL":
            self.assume("Times of legs above terrain are counted as if the terrain were level.")
        if datum in ("TAKEOFF", "AGL"):
            return altitude_m
        return None if datum == "WGS84" or self.home_amsl_m is None else altitude_m - self.home_amsl_m

    def _append(
        self, place: tuple[float, float], altitude_m: float, datum: Datum, seconds: float, item: int, radius_m: float
    ) -> None:
        offset_s = self.here.offset_s + max(seconds, _LEG_MIN_S)
        if len(self.points) >= WAYPOINTS_MAX:
            raise UnreadableMission("TOO_MANY_WAYPOINTS", f"the mission makes over {WAYPOINTS_MAX} waypoints", item)
        if offset_s > DURATION_MAX_S:
            minutes = DURATION_MAX_S / 60
            raise UnreadableMission("TOO_LONG", f"the mission takes longer than {minutes:g} minutes", item)
        self.points.append(MissionWaypoint(*place, altitude_m, datum, offset_s, item, radius_m))
