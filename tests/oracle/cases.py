"""Zones, and legs and volumes around their edges, in two forms at once: the service's own, and the oracle's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon

from lowsky.geo.heights.altitude import AltitudeBand, Datum, VerticalReference
from lowsky.geo.schedules.applicability import Applicability, Daily, Period
from lowsky.geo.shapes.antimeridian import cut
from lowsky.geo.shapes.centre_lines import CentreLine
from lowsky.geo.shapes.circles import circle
from lowsky.geo.zones.geozone import Geozone, Layer, Restriction
from lowsky.geo.zones.index import IndexedZone
from tests.oracle.geofence import Area, Zone, ring
from tests.oracle.height import Bounds, Limits
from tests.oracle.hours import Hours
from tests.oracle.plan import GEOD, Point

TERRAIN = (16.0, 48.0)
MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
GRAIN_M = 1 / 64
"""Heights are multiples of it: 1.6 cm, and never rounded."""


@dataclass(frozen=True)
class Site:
    """A place; `geoid` is what an installation there states, within what EGM96 says of all cells around."""

    lon: float
    lat: float
    geoid: tuple[float, float]

    def at(self, east_m: float, north_m: float) -> Point:
        """The point so far away, in a continuous longitude."""
        lon, lat, _ = GEOD.fwd(
            self.lon, self.lat, math.degrees(math.atan2(east_m, north_m)), math.hypot(east_m, north_m)
        )
        return self.lon + (lon - self.lon + 180.0) % 360.0 - 180.0, lat

    @property
    def reference(self) -> VerticalReference:
        """What the service is told."""
        return VerticalReference(*TERRAIN, *self.geoid)

    @property
    def bounds(self) -> Bounds:
        """What the oracle is told."""
        return Bounds(TERRAIN, self.geoid)


SITES = (
    Site(121.47, 31.23, (9.0, 10.0)),  # Shanghai
    Site(18.5, 69.5, (31.25, 31.875)),  # near Tromsø: a degree of longitude is a third of one of latitude
    Site(179.9995, -16.8, (50.75, 52.0)),  # Taveuni, on the antimeridian
    Site(0.0, 0.0, (16.75, 17.5)),
    Site(-70.9, -53.1, (9.0, 10.0)),  # Punta Arenas
)


def moved(point: Point, azimuth: float, metres: float) -> Point:
    """The point so far away, in a continuous longitude."""
    lon, lat, _ = GEOD.fwd(*point, azimuth, metres)
    return point[0] + (lon - point[0] + 180.0) % 360.0 - 180.0, lat


def wrapped(point: Point) -> Point:
    """The same within [-180, 180)."""
    return (point[0] + 180.0) % 360.0 - 180.0 if abs(point[0]) > 180.0 else point[0], point[1]


# --- Zones


@dataclass(frozen=True)
class Shape:
    """An area in both forms."""

    area: Area
    outline: Polygon | MultiPolygon

    @property
    def circle(self) -> CentreLine | None:
        """Of a circle, as the service has it."""
        if not self.area.radius_m:
            return None
        return CentreLine.circle(
            *wrapped((float(self.area.rings[0][0, 0]), float(self.area.rings[0][0, 1]))), self.area.radius_m
        )


@st.composite
def shapes(draw: st.DrawFn, site: Site) -> Shape:
    """Boxes, triangles, frames with a hole, islands, and circles from 10 m to 20 km."""
    kind = draw(st.sampled_from(["box", "triangle", "frame", "islands", "vast", "circle"]))
    x, y = (draw(st.integers(-8, 8)) * 100.0 for _ in range(2))
    if kind == "circle":
        radius = draw(st.sampled_from([10.0, 150.0, 2_000.0, 20_000.0]))
        lon, lat = wrapped(site.at(x, y))
        return Shape(Area((ring([(lon, lat)]),), radius), circle(lon, lat, radius))
    size = 20_000.0 if kind == "vast" else draw(st.sampled_from([2.0, 200.0, 1_000.0]))

    def box(left: float, low: float, side: float) -> list[Point]:
        return [site.at(left + dx * side, low + dy * side) for dx, dy in ((0, 0), (1, 0), (1, 1), (0, 1))]

    rings = [box(x, y, size)]
    if kind == "triangle":
        rings = [rings[0][:3]]
    if kind == "frame":
        rings.append(box(x + size / 4, y + size / 4, size / 2))
        outline: Polygon | MultiPolygon = Polygon(rings[0], rings[1:])
    elif kind == "islands":
        rings.append(box(x + size * 1.5, y, size))
        outline = MultiPolygon([Polygon(island) for island in rings])
    else:
        outline = Polygon(rings[0])
    return Shape(Area(tuple(map(ring, rings))), cut(outline))


heights = st.integers(-2, 6).map(lambda n: n * 25.0)
flyable = st.sampled_from([Datum.AGL, Datum.AMSL, Datum.WGS84])


@st.composite
def zone_limits(draw: st.DrawFn) -> Limits:
    """Floors and ceilings, at times in two datums, or none."""
    lower, upper = sorted((draw(heights), draw(heights)))
    datum = draw(flyable)
    other = draw(st.just(datum) | st.just(datum) | flyable)
    if draw(st.integers(0, 4)) == 0:
        upper = math.inf
    return Limits(lower, datum, upper if upper > lower else lower + 50.0, other)


SCHEDULES = (
    (),
    (),
    (Hours(MONDAY, None),),
    (Hours(None, MONDAY + timedelta(hours=8)),),
    (Hours(None, None, ((frozenset({0}), 28_800, 61_200),)),),
    (Hours(None, None, ((frozenset({6, 2}), 79_200, 14_400),)),),  # over midnight
    (Hours(MONDAY, MONDAY + timedelta(days=1), ((frozenset(range(7)), 79_200, 0), (frozenset({0}), 3_600, 7_200))),),
    (Hours(None, None, ((frozenset({0}), 28_800, 61_200),), "Asia/Shanghai"),),
    (Hours(None, None, ((frozenset({6, 0}), 79_200, 14_400),), "America/New_York"),),
    (Hours(None, MONDAY), Hours(MONDAY + timedelta(hours=12), None, ((frozenset({1}), 28_800, 28_800),))),
)


def edges_s(hours: tuple[Hours, ...]) -> list[int]:
    """Where those begin and end, in seconds from Monday's start, on the days next to it."""
    found = [0]
    for period in hours:
        found += [int((end - MONDAY).total_seconds()) for end in (period.start, period.end) if end is not None]
        east = MONDAY.astimezone(ZoneInfo(period.zone)).utcoffset()
        east_s = int(east.total_seconds()) if east else 0
        for days, opens_s, closes_s in period.daily:
            for day in days:
                midnight = (day if day < 4 else day - 7) * 86_400 - east_s
                found += [midnight + opens_s, midnight + closes_s + (86_400 if closes_s <= opens_s else 0)]
    return found


def applicability(hours: tuple[Hours, ...]) -> Applicability:
    """The service's form of the times."""
    return Applicability(
        tuple(Period(h.start, h.end, tuple(_daily(entry, h.zone) for entry in h.daily)) for h in hours)
    )


def _daily(entry: tuple[frozenset[int], int, int], zone: str) -> Daily:
    return Daily(*entry, zone="" if zone == "UTC" else zone)


Made = list[tuple[list[tuple[Shape, Limits]], tuple[Hours, ...]]]


def zones(site: Site, focus: str) -> st.SearchStrategy[Made]:
    """One or two zones of one or two layers, permanent ones where times do not matter."""
    layers = st.lists(st.tuples(shapes(site), zone_limits()), min_size=1, max_size=2)
    hours = st.sampled_from(SCHEDULES if focus in ("time", "all") else ((),))
    return st.lists(st.tuples(layers, hours), min_size=1, max_size=2)


def indexed(made: Made) -> list[IndexedZone[None]]:
    """The service's form."""
    found = []
    for n, (layers, hours) in enumerate(made):
        kept = tuple(Layer(shape.outline, band(limits), shape.circle) for shape, limits in layers)
        zone = Geozone(f"Z{n}", "CHE", (), Restriction.PROHIBITED, kept, applicability(hours))
        found.append(IndexedZone(f"geozones/Z{n}", zone, None))
    return found


def told(made: Made) -> list[Zone]:
    """The oracle's form."""
    return [Zone(tuple((shape.area, limits) for shape, limits in layers), hours) for layers, hours in made]


def band(limits: Limits) -> AltitudeBand:
    """The service's form."""
    return AltitudeBand(
        limits.lower_m,
        Datum(limits.lower_datum),
        limits.upper_m,
        Datum(limits.upper_datum),
        limits.takeoff_amsl_m,
    )
