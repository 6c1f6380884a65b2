"""What is flown, around the edges of zones: in plan, in altitude and in time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from hypothesis import strategies as st
from shapely import Polygon

from lowsky.geo.heights.altitude import Datum
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import Volume4D
from tests.oracle.cases import GRAIN_M, MONDAY, TERRAIN, Made, Shape, Site, band, edges_s, moved, wrapped
from tests.oracle.geofence import Area, Flown, ring
from tests.oracle.height import Limits
from tests.oracle.plan import GEOD, Point

LEG_S = 60
FOCUS = ("plan", "plan", "altitude", "time", "all")
"""What is drawn around its edges; the rest meets, so that it alone decides."""
BUFFERS_M = (1.0, 20.0, 60.0, 300.0)
AWAY_M = (-5.0, -0.5, -0.05, -0.01, 0.0, 0.01, 0.02, 0.5, 3.5)
"""Beyond the buffer, from the edge of a zone; what lies within the tolerance is either."""


@dataclass(frozen=True)
class Edge:
    """A point on the edge of a zone, and the way along it."""

    point: Point
    azimuth: float


@st.composite
def edges(draw: st.DrawFn, shape: Shape) -> Edge:
    """Somewhere on an edge, or at its corner."""
    if shape.area.radius_m:
        centre = float(shape.area.rings[0][0, 0]), float(shape.area.rings[0][0, 1])
        bearing = draw(st.sampled_from([0.0, 45.0, 100.0, 270.0]))
        point = moved(centre, bearing, shape.area.radius_m)
        return Edge(point, GEOD.inv(*point, *centre)[0] - 90.0)
    points = draw(st.sampled_from(shape.area.rings))
    corner = draw(st.integers(0, len(points) - 1))
    a, b = points[corner], points[(corner + 1) % len(points)]
    share = draw(st.sampled_from([0.0, 0.1, 0.5]))
    start, ahead = a + (b - a) * share, a + (b - a) * (share + 1e-4)
    return Edge((float(start[0]), float(start[1])), float(GEOD.inv(*start, *ahead)[0]))


@st.composite
def legs(draw: st.DrawFn, shape: Shape, buffer_m: float, focus: str) -> tuple[Point, Point]:
    """Along an edge, with an end towards it, across it without a waypoint inside, or hovering beside it."""
    edge = draw(edges(shape))
    away = buffer_m + draw(st.sampled_from(AWAY_M))
    side = edge.azimuth + draw(st.sampled_from([90.0, -90.0]))
    length = draw(st.sampled_from([30.0, 500.0, 8_000.0]))
    beside = moved(edge.point, side, away)
    kind = draw(st.sampled_from(["along", "towards", "across", "hover"] if focus in ("plan", "all") else ["across"]))
    if kind == "along":
        return moved(beside, edge.azimuth, length / 2), moved(beside, edge.azimuth + 180.0, length / 2)
    if kind == "towards":
        return beside, moved(beside, side, length)
    if kind == "across":
        return moved(edge.point, side, length), moved(edge.point, side + 180.0, length)
    return beside, beside


def offsets(datum: str, site: Site) -> tuple[float, float]:
    """Least and greatest height of a datum's zero above the sea."""
    return {"AMSL": (0.0, 0.0), "WGS84": (-site.geoid[1], -site.geoid[0])}.get(datum, TERRAIN)


@st.composite
def height_beside(draw: st.DrawFn, limits: Limits, datum: str, reach_m: float, site: Site, focus: str) -> float:
    """Just above a ceiling, just below a floor, or between, in this datum; reach_m is the buffer below and above."""
    if focus not in ("altitude", "all"):
        return limits.lower_m + 1.0
    up = draw(st.booleans())
    limit, of = (limits.upper_m, limits.upper_datum) if up else (limits.lower_m, limits.lower_datum)
    if math.isinf(limit):
        limit = limits.lower_m
    shift = 0.0
    if of != datum:
        shift = draw(st.sampled_from(offsets(of, site))) - draw(st.sampled_from(offsets(datum, site)))
    apart = draw(st.sampled_from([-40.0, -1.0, -GRAIN_M, 0.0, GRAIN_M, 1.0]))
    return limit + shift + (apart + reach_m if up else -apart - reach_m)


@st.composite
def begins(draw: st.DrawFn, made: Made, legs_before: int, buffer_s: int) -> datetime:
    """So that some leg begins or ends, with its buffer, at the edge of a schedule, a second before or after it."""
    _, hours = draw(st.sampled_from(made))
    edge = draw(st.sampled_from(edges_s(hours))) + draw(st.sampled_from([-1, 0, 1]))
    return MONDAY + timedelta(seconds=edge + draw(st.sampled_from([buffer_s, -buffer_s])) - LEG_S * legs_before)


@st.composite
def trajectories(draw: st.DrawFn, site: Site, made: Made, focus: str) -> tuple[Trajectory, list[Flown]]:
    """One to three legs around edges, joined by whatever legs lie between them."""
    layers = [layer for zone, _ in made for layer in zone]
    buffer_m, reach_m = draw(st.sampled_from(BUFFERS_M)), draw(st.sampled_from([0.0, 0.0, 10.0]))
    buffer_s, takeoff = draw(st.sampled_from([0, 30])), draw(st.sampled_from([None, 20.0]))
    common = draw(st.sampled_from(Datum))
    points: list[Point] = []
    heights: list[float] = []
    datums: list[Datum] = []
    for _ in range(draw(st.integers(1, 2))):
        shape, limits = draw(st.sampled_from(layers))
        points += draw(legs(shape, buffer_m, focus))
        datum = draw(st.sampled_from([common, common, common, *Datum]))
        if focus not in ("altitude", "all"):
            common = datum = Datum(limits.lower_datum)
        height = draw(height_beside(limits, datum, reach_m, site, focus))
        heights += [height, height + draw(st.sampled_from([0.0, 0.0, 30.0, -30.0]))]
        datums += [datum, draw(st.sampled_from([datum, datum, datum, common]))]
    start = draw(begins(made, draw(st.sampled_from([0, 1, len(points) - 1])), buffer_s))
    points = [wrapped(point) for point in points]
    made_of = Trajectory(
        np.array([lon for lon, _ in points]),
        np.array([lat for _, lat in points]),
        np.array(heights),
        np.array([datum.code for datum in datums], dtype=np.int8),
        start.timestamp() + np.arange(len(points), dtype=np.float64) * LEG_S,
        buffer_m,
        reach_m,
        float(buffer_s),
        takeoff,
    )
    flown = []
    for n in range(len(points) - 1):
        ends = [(heights[k], datums[k]) for k in (n, n + 1)]
        same = ends[0][1] is ends[1][1]
        spans = [(min(ends)[0], max(ends)[0], ends[0][1])] if same else [(h, h, datum) for h, datum in ends]
        readings = tuple(Limits(low - reach_m, d, high + reach_m, d, takeoff) for low, high, d in spans)
        times = (start + timedelta(seconds=LEG_S * n - buffer_s), start + timedelta(seconds=LEG_S * (n + 1) + buffer_s))
        flown.append(Flown(points[n], points[n + 1], buffer_m, None, readings, *times))
    return made_of, flown


@st.composite
def volumes(draw: st.DrawFn, site: Site, made: Made, focus: str) -> tuple[Volume4D, Flown]:
    """Areas that share an edge or a corner with a zone, fill its hole, or lie a centimetre inside or outside."""
    shape, limits = draw(st.sampled_from([layer for zone, _ in made for layer in zone]))
    kinds = ["edge", "corner", "near", "across", "ring"] if focus in ("plan", "all") else ["across"]
    kind = draw(st.sampled_from(kinds))
    edge = draw(edges(shape))
    side = edge.azimuth + draw(st.sampled_from([90.0, -90.0]))
    apex, p = moved(edge.point, side, 150.0), edge.point
    if shape.area.radius_m and kind in ("edge", "ring"):
        kind = "near"
    if kind == "edge":
        points = draw(st.sampled_from(shape.area.rings))
        corner = draw(st.integers(0, len(points) - 1))
        a, b = ((float(x), float(y)) for x, y in (points[corner], points[(corner + 1) % len(points)]))
        around = [a, b, moved(a, float(GEOD.inv(*a, *b)[0]) + draw(st.sampled_from([80.0, -80.0])), 90.0)]
    elif kind == "corner":
        around = [p, moved(apex, edge.azimuth, 20.0), moved(apex, edge.azimuth, -20.0)]
    elif kind == "near":
        near = moved(p, side, draw(st.sampled_from([-0.01, 0.01, -0.3, 0.3])))
        around = [moved(near, edge.azimuth, 0.5), moved(near, edge.azimuth, -0.5), apex]
    elif kind == "across":
        far = moved(p, side + 180.0, 9_000.0)
        around = [apex, moved(apex, edge.azimuth, 3.0), far]
    else:
        around = [(float(x), float(y)) for x, y in draw(st.sampled_from(shape.area.rings))]
    datum = draw(st.sampled_from(Datum)) if focus in ("altitude", "all") else Datum(limits.lower_datum)
    height = draw(height_beside(limits, datum, 0.0, site, focus))
    reading = Limits(
        height, datum, height + draw(st.sampled_from([0.0, 25.0])), datum, draw(st.sampled_from([None, 20.0]))
    )
    start = draw(begins(made, draw(st.integers(0, 1)), 0))
    end = start + timedelta(seconds=LEG_S)
    volume = Volume4D(Polygon(around), band(reading), start.timestamp(), end.timestamp())
    return volume, Flown(None, None, 0.0, Area((ring(around),)), (reading,), start, end)
