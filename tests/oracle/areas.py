"""What follows from the areas of authorities and from zones, by set operations and intervals, one pair after the other.

What is stated (`lowsky.geofence.areas`, `zones` and `throughout`, `Area` in the contract): in an area that
is open up to a height, whatever may be higher needs the authority's word, unless all its ground there lies in zones
without restriction that the same authority publishes and that certainly hold all its heights, all the time: in one
period, and one occurrence of hours of UTC days. Ground in no area is nobody's, as soon as there is any area. What is
nowhere wider than a millimetre is no ground.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from tests.oracle.exact import interiors_meet
from tests.oracle.ground import Span, narrowed
from tests.oracle.height import Bounds, Limits, possible_and_certain
from tests.oracle.hours import Hours, applies

_SLIVER_DEG = 1e-8
_ROUNDED_M = 1e-3

AGL = "AGL"


@dataclass(frozen=True)
class Flight:
    """A volume: the leg of a plan."""

    plan: int
    leg: int
    ground: Polygon
    limits: Limits
    begins: datetime
    ends: datetime


@dataclass(frozen=True)
class Published:
    """A zone of one layer; `authorities` are those that decide and those that are told."""

    name: str
    ground: Polygon
    limits: Limits
    hours: tuple[Hours, ...]
    restriction: str
    publisher: str
    stated: Span | None = None
    deciding: tuple[str, ...] = ()
    notified: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stated:
    """An authority's area: open up to a height above ground, inf or -inf."""

    authority: str
    ground: Polygon
    open_below_m: float


@dataclass(frozen=True)
class Here:
    """What is known of heights: bounds of the installation, and level ground by a raster, with its error."""

    terrain: Span
    geoid: Span
    raster_m: float | None = None
    error_m: float = 0.0

    def bounds(self, stated: Span | None = None) -> list[Bounds]:
        """The narrowest and the widest that the ground may be taken for."""
        if self.raster_m is None:
            spans = [stated or self.terrain]
        else:
            reach = (self.error_m, self.error_m + _ROUNDED_M)
            spans = [(self.raster_m - more, self.raster_m + more) for more in reach]
        return [Bounds(narrowed(span, self.terrain), self.geoid, takeoff=self.terrain) for span in spans]


@dataclass(frozen=True)
class Asked:
    """Of one leg and one authority: None where the two readings of the ground differ."""

    asked: bool | None
    certain: bool | None
    opened_by: frozenset[str]
    """Zones that may be named for its not being asked."""


def asked(flight: Flight, area: Stated, zones: Sequence[Published], here: Here) -> Asked:
    """Whether a leg needs the word of an area's authority because of the default."""
    common = shapely.intersection(flight.ground, area.ground)
    if not is_ground(common) or area.open_below_m == math.inf:
        return Asked(False, False, frozenset())
    closed = Limits(area.open_below_m, AGL, math.inf, AGL)
    read = [possible_and_certain(flight.limits, closed, bounds) for bounds in here.bounds()]
    high, certain = both([possible for possible, _ in read]), both([sure for _, sure in read])
    left = []
    names = {zone.name: opens(flight, area, zone, here) for zone in zones}
    for doubtful in (False, True):
        free = [zone.ground for zone in zones if names[zone.name] or (doubtful and names[zone.name] is None)]
        left.append(is_ground(shapely.difference(common, shapely.union_all(free))))
    wanted = both(left)
    opened_by = frozenset(name for name, open_ in names.items() if open_ is not False)
    if high is False or wanted is False:
        return Asked(False, certain, opened_by if high is not False else frozenset())
    return Asked(True if high and wanted else None, certain, opened_by)


def opens(flight: Flight, area: Stated, zone: Published, here: Here) -> bool | None:
    """Whether a zone permits flying to this leg where it is, in that area."""
    if zone.restriction != "NO_RESTRICTION" or zone.publisher != area.authority:
        return False
    if not throughout(zone.hours, flight.begins, flight.ends):
        return False
    return both([holds(zone.limits, flight.limits, bounds) for bounds in here.bounds(zone.stated)])


def both(readings: Sequence[bool]) -> bool | None:
    """What all readings say."""
    return readings[0] if len(set(readings)) == 1 else None


def is_ground(shape: BaseGeometry) -> bool:
    """Whether some piece is wider than a sliver: twice its area by its outline is its width, if it is thin."""
    pieces = shapely.get_parts(shape)
    return any(piece.area > 0.0 and 2.0 * piece.area / piece.length > _SLIVER_DEG for piece in pieces)


def holds(outer: Limits, inner: Limits, bounds: Bounds) -> bool:
    """Whether a band holds another whatever the ground, the geoid and the take-off point: at every corner of these.

    A level flight at a ceiling is above it.
    """
    takeoff = bounds.takeoff or bounds.terrain
    level = inner.lower_m == inner.upper_m
    for ground, undulation, point in itertools.product(bounds.terrain, bounds.geoid, takeoff):
        known = point if inner.takeoff_amsl_m is None else inner.takeoff_amsl_m
        zero = {"AGL": ground, "AMSL": 0.0, "WGS84": -undulation, "TAKEOFF": known}
        # By one datum both are as exact as the numbers are.
        shift = 0.0 if inner.lower_datum == outer.lower_datum else zero[inner.lower_datum] - zero[outer.lower_datum]
        low, high = inner.lower_m + shift, inner.upper_m + shift
        if low < outer.lower_m or high > outer.upper_m or (level and high == outer.upper_m):
            return False
    return True


def throughout(hours: Sequence[Hours], begins: datetime, ends: datetime) -> bool:
    """Whether one period, and one occurrence of hours of UTC days, holds the whole time."""
    if not hours:
        return True
    for period in hours:
        outside = (period.start and begins < period.start) or (period.end and period.end < ends)
        if outside or (period.daily and period.zone != "UTC"):
            continue
        if not period.daily:
            return True
        for days, opens_s, closes_s in period.daily:
            for back in (0, 1):
                midnight = datetime(begins.year, begins.month, begins.day, tzinfo=begins.tzinfo) - timedelta(days=back)
                opening = midnight + timedelta(seconds=opens_s)
                closing = midnight + timedelta(seconds=closes_s + (86_400 if closes_s <= opens_s else 0))
                if midnight.weekday() in days and opening <= begins and ends <= closing:
                    return True
    return False


def nobodys(flight: Flight, areas: Sequence[Stated]) -> bool:
    """Whether some of its ground lies in no area."""
    return bool(areas) and is_ground(
        shapely.difference(flight.ground, shapely.union_all([area.ground for area in areas]))
    )


def entered(flight: Flight, zone: Published, here: Here) -> tuple[bool | None, bool | None]:
    """Whether a leg enters a zone, and whether for certain in altitude."""
    rings = [[list(polygon.exterior.coords)[:-1]] for polygon in (flight.ground, zone.ground)]
    if not interiors_meet(*rings) or not applies(zone.hours, flight.begins, flight.ends):
        return False, False
    read = [possible_and_certain(flight.limits, zone.limits, bounds) for bounds in here.bounds(zone.stated)]
    return both([possible for possible, _ in read]), both([sure for _, sure in read])


def consequence(zone: Published) -> str | None:
    """How grave a zone is: who needs a word and can ask nobody for it is stopped."""
    told: Mapping[str, str | None] = {
        "PROHIBITED": "BLOCKING",
        "REQ_AUTHORIZATION": "AUTHORIZATION" if zone.deciding else "BLOCKING",
        "CONDITIONAL": "AUTHORIZATION" if zone.deciding else "BLOCKING",
        "USPACE": "AUTHORIZATION" if zone.deciding else "NOTIFICATION" if zone.notified else "INFORMATION",
        "NO_RESTRICTION": "NOTIFICATION" if zone.notified else None,
    }
    return told[zone.restriction]
