"""Ground by rasters and by publishers, and zones and flights on and beside its cells, measured by different datums."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from lowsky.geo.heights.altitude import Datum
from lowsky.geo.shapes.antimeridian import cut
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import Volume4D
from tests.oracle.cases import GRAIN_M, MONDAY, SITES, Site, band, wrapped
from tests.oracle.ground import Known, Over, Raster, Span, Span4, around, candidates, meet
from tests.oracle.height import Limits
from tests.oracle.plan import Floats, Point

INSTALLATION: Span = (0.0, 500.0)
STEP = 1 / 1024
"""Degrees of a cell: corners of cells are then sums without rounding."""
ROWS, COLUMNS = 24, 20
BEGIN_S = MONDAY.timestamp()
AT_SITES = (SITES[0], SITES[2], SITES[3])
"""One of them on the antimeridian."""


@dataclass(frozen=True)
class Case:
    """In the service's form and the oracle's; a flight is a volume or a trajectory of one leg."""

    site: Site
    known: Known
    zone: Over
    outline: Polygon | MultiPolygon
    flight: Over
    flown: Volume4D | Trajectory


@st.composite
def rasters(draw: st.DrawFn, site: Site) -> Raster:
    """Hills in quarters of a metre, with holes; at times beyond what the installation states."""
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    base = draw(st.sampled_from([8.0, 40.0, 40.0, 450.0, 700.0]))
    metres: Floats = base + random.integers(0, 400, (ROWS, COLUMNS)) / 4.0
    for _ in range(draw(st.sampled_from([0, 0, 1, 20]))):
        metres[random.integers(0, ROWS), random.integers(0, COLUMNS)] = math.nan
    west, north = corner(site, -COLUMNS / 2, ROWS / 2)
    return Raster(metres, west, north, STEP, draw(st.sampled_from([0.0, 2.0, 30.0])))


def corner(site: Site, east: float, north: float) -> Point:
    """So many cells from the cell of the site."""
    return (math.floor(site.lon / STEP) + east) * STEP, (math.floor(site.lat / STEP) + north) * STEP


quarters = st.integers(0, 4).map(lambda n: n / 4.0)
sizes = st.sampled_from([1.0, 1.5, 3.0, 13.0])


@st.composite
def shapes(draw: st.DrawFn, west: float, south: float) -> Polygon:
    """From half to many cells, with corners on cells' corners, in and beside them, in continuous longitudes."""
    west, south = (least + draw(quarters) * STEP for least in (west, south))
    east, north = west + draw(sizes) * STEP, south + draw(sizes) * STEP
    if draw(st.integers(0, 3)) == 0:
        return Polygon([(west, south), (east, south), (west, north)])
    return shapely.box(west, south, east, north)


@st.composite
def plans(draw: st.DrawFn, site: Site) -> list[Polygon]:
    """A zone's islands: one, at times two that lie apart; over the raster, at times over its edge."""
    places = st.sampled_from([(-2.0, -2.0), (-2.0, -2.0), (0.0, -8.0), (-9.0, 0.0), (4.0, 7.0)])
    first, second = (draw(shapes(*corner(site, *draw(places)))) for _ in range(2))
    return [first, second] if draw(st.booleans()) and shapely.distance(first, second) > STEP / 8 else [first]


@st.composite
def looks(draw: st.DrawFn) -> tuple[Raster, Polygon]:
    """A raster, and a box or triangle on it or over its edge."""
    site = draw(st.sampled_from(AT_SITES))
    return draw(rasters(site)), draw(st.sampled_from(draw(plans(site))))


def box_of(shape: BaseGeometry) -> Span4:
    """Its extent; of one that is cut, all around the Earth."""
    west, south, east, north = shape.bounds
    return (-math.inf, south, math.inf, north) if west < 180.0 < east else (west, south, east, north)


def pieces(islands: list[Polygon]) -> tuple[BaseGeometry, ...]:
    """On either side of the antimeridian."""
    sides = [shapely.box(-180.0, -90.0, 180.0, 90.0), shapely.box(180.0, -90.0, 540.0, 90.0)]
    found = [shapely.intersection(island, side) for island in islands for side in sides]
    return tuple(piece for piece in found if piece.area > 0.0)


def offsets(datum: Datum, ground: list[Span], site: Site) -> list[float]:
    """Heights above the sea that a datum's zero may have."""
    if datum is Datum.AGL:
        return [bound for span in ground for bound in span]
    if datum is Datum.WGS84:
        return [-bound for bound in site.geoid]
    return [0.0] if datum is Datum.AMSL else list(INSTALLATION)


@st.composite
def limits_beside(draw: st.DrawFn, limits: Limits, ground: list[Span], site: Site) -> Limits:
    """A flight just above or below a zone, by one of the bounds of the ground."""
    theirs = Datum(limits.lower_datum)
    others = [Datum.AGL, Datum.AGL, Datum.TAKEOFF] if theirs is not Datum.AGL else [Datum.AMSL, Datum.WGS84]
    ours = draw(st.sampled_from([*others, *others, *Datum]))
    high = draw(st.sampled_from([0.0, 0.0, 25.0]))
    shift = draw(st.sampled_from(offsets(theirs, ground, site))) - draw(st.sampled_from(offsets(ours, ground, site)))
    apart = draw(st.sampled_from([-20.0, -1.0, -GRAIN_M, 0.0, GRAIN_M, 1.0]))
    low = limits.upper_m + shift + apart if draw(st.booleans()) else limits.lower_m + shift - apart - high
    # Rounded to multiples, so that sums of heights are exact.
    low = round(low / GRAIN_M) * GRAIN_M
    return Limits(low, ours, low + high, ours, draw(st.sampled_from([None, None, 20.0])))


@st.composite
def cases(draw: st.DrawFn, raster: bool = True) -> Case:
    """A zone and a flight that mostly share ground."""
    site = draw(st.sampled_from(AT_SITES))
    known = Known(INSTALLATION, site.geoid, draw(rasters(site)) if raster else None)
    islands = draw(plans(site))
    lower = draw(st.integers(0, 40)) * 25.0
    datum = draw(st.sampled_from([Datum.AGL, Datum.AMSL, Datum.AMSL, Datum.WGS84]))
    limits = Limits(lower, datum, lower + draw(st.sampled_from([0.0, 10.0, 75.0])), datum)
    stated = draw(st.sampled_from([None, (16.0, 48.0), (40.0, 40.0), (600.0, 700.0)]))
    parts = pieces(islands)
    zone = Over(parts, tuple(box_of(part) for part in parts), limits, stated)
    outline = cut(MultiPolygon(islands) if len(islands) > 1 else islands[0])
    west, south, *_ = draw(st.sampled_from(islands)).bounds
    plan = draw(shapes(west - STEP / 2, south - STEP / 2))
    if draw(st.integers(0, 4)) == 4:
        return Case(site, known, zone, outline, *draw(legs(site, zone, known, plan)))
    flight = draw(at_height(Over((plan,), (box_of(plan),), limits), zone, known, site))
    volume = Volume4D(plan, band(flight.limits), BEGIN_S, BEGIN_S + 60.0)
    return Case(site, known, zone, outline, flight, volume)


@st.composite
def legs(draw: st.DrawFn, site: Site, zone: Over, known: Known, plan: Polygon) -> tuple[Over, Trajectory]:
    """From one corner of a box to the other."""
    west, south, east, north = plan.bounds
    buffer_m = draw(st.sampled_from([5.0, 60.0]))
    ends: list[Point] = [(west, south), (east, north)]
    ground = around(ends[0], ends[1], buffer_m)
    # By how much corridors may be too wide, 2 cm and 1 %, in degrees of longitude.
    grown = (0.02 + 0.011 * buffer_m) / 111_000.0 / math.cos(math.radians(site.lat))
    box = box_of(shapely.box(*ground.bounds).buffer(grown))
    flight = draw(at_height(Over((ground,), (box,), zone.limits, grown=grown), zone, known, site))
    height = flight.limits.lower_m, flight.limits.upper_m
    code = Datum(flight.limits.lower_datum).code
    lons, lats = zip(*map(wrapped, ends), strict=True)
    trajectory = Trajectory(
        np.array(lons),
        np.array(lats),
        np.array(height),
        np.full(2, code, dtype=np.int8),
        BEGIN_S + np.array([0.0, 60.0]),
        buffer_m,
        0.0,
        0.0,
        flight.limits.takeoff_amsl_m,
    )
    return flight, trajectory


@st.composite
def at_height(draw: st.DrawFn, flight: Over, zone: Over, known: Known, site: Site) -> Over:
    """The flight by an edge of what the ground makes of the zone's heights."""
    ground = [
        bounds.terrain
        for part in range(len(zone.parts))
        if meet(flight, zone, part)
        for bounds in candidates(flight, zone, part, known)
    ]
    spans = [*ground, *([zone.stated] if zone.stated else []), INSTALLATION]
    limits = draw(limits_beside(zone.limits, draw(st.sampled_from([ground[:1], ground, spans])) or spans, site))
    return Over(flight.parts, flight.boxes, limits, grown=flight.grown)
