"""Areas of authorities, zones that permit or forbid in them, and flights on their borders."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta

import shapely
from hypothesis import strategies as st
from shapely import Polygon

from lowsky.geo.heights.altitude import Datum
from tests.oracle.areas import Flight, Here, Published, Stated
from tests.oracle.cases import GRAIN_M, MONDAY, SITES
from tests.oracle.height import Limits
from tests.oracle.hours import Hours

STEP = 1 / 1024
"""Degrees; corners are multiples of it, so that sums are not rounded."""
SITE = SITES[0]
AUTHORITIES = ("authorities/north", "authorities/south", "authorities/east")
BEGINS = MONDAY + timedelta(hours=8)
MINUTES = 10
_START_S, _END_S = 28_800, 28_800 + 60 * MINUTES

HOURS: tuple[tuple[Hours, ...], ...] = (
    (),
    (),
    (),
    (Hours(BEGINS, BEGINS + timedelta(minutes=MINUTES)),),
    (Hours(BEGINS + timedelta(seconds=1), None),),
    (Hours(None, BEGINS + timedelta(minutes=MINUTES, seconds=-1)),),
    (Hours(None, None, ((frozenset({0}), _START_S, _END_S),)),),
    (Hours(None, None, ((frozenset({0}), _START_S, _END_S - 1),)),),
    (Hours(None, None, ((frozenset({6}), 72_000, 32_400),)),),  # over midnight
    (Hours(None, None, ((frozenset({1}), _START_S, _END_S),)),),
    (Hours(None, None, ((frozenset({0}), 0, _START_S + 300), (frozenset({0}), _START_S + 300, 0))),),  # two together
    (Hours(None, None, ((frozenset({0}), 0, 0),), "Asia/Shanghai"),),
)


@dataclass(frozen=True)
class Case:
    """A batch of plans, and what they fly in."""

    here: Here
    areas: tuple[Stated, ...]
    zones: tuple[Published, ...]
    flights: tuple[Flight, ...]


hairs = st.sampled_from([0.0, 0.0, 0.0, 1e-9, -1e-9, 1e-6, -1e-6])
"""Degrees: none, less than is ground, and a little more."""


def cell(west: float, south: float, east: float, north: float) -> Polygon:
    """In steps from the site."""
    lon, lat = math.floor(SITE.lon / STEP), math.floor(SITE.lat / STEP)
    return shapely.box((lon + west) * STEP, (lat + south) * STEP, (lon + east) * STEP, (lat + north) * STEP)


@st.composite
def areas(draw: st.DrawFn) -> tuple[Stated, ...]:
    """None, or up to three that border on one another, overlap, or leave a gap."""
    rules = st.sampled_from([-math.inf, -math.inf, 60.0, 120.0, math.inf])
    grounds = [
        cell(-8, -8, 2, 8),
        cell(2 + draw(hairs) / STEP, -8, 8, 8),
        cell(-8, 0, 8, draw(st.sampled_from([4.0, 12.0]))),
    ]
    count = draw(st.sampled_from([0, 1, 2, 2, 3]))
    return tuple(Stated(AUTHORITIES[n], grounds[n], draw(rules)) for n in range(count))


edges = st.sampled_from([-6.0, -2.0, 0.0, 2.0, 4.0])


@st.composite
def grounds(draw: st.DrawFn) -> Polygon:
    """A box or a triangle with corners on those of others, or a hair beside them."""
    west, south = draw(edges), draw(edges)
    east, north = (
        west + draw(st.sampled_from([2.0, 4.0])),
        south + draw(st.sampled_from([2.0, 4.0])) + draw(hairs) / STEP,
    )
    box = cell(west, south, east, north)
    if draw(st.integers(0, 5)) == 5:
        return Polygon(list(box.exterior.coords)[:3])
    return box


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """One or two plans of one or two legs; most zones lie around these and hold their heights, or just do not."""
    raster = draw(st.sampled_from([None, None, 40.0, 100.0]))
    here = Here(
        draw(st.sampled_from([(0.0, 500.0), (20.0, 30.0)])), SITE.geoid, raster, draw(st.sampled_from([0.0, 5.0]))
    )
    stated = draw(areas())
    flights = []
    for plan in range(draw(st.integers(1, 2))):
        for leg in range(draw(st.integers(1, 2))):
            flights.append(draw(flown(plan, leg, here)))
    zones = tuple(
        draw(published(f"geozones/d.z{n}", draw(st.sampled_from(flights)), here))
        for n in range(draw(st.integers(0, 4)))
    )
    return Case(here, stated, zones, tuple(flights))


def zero_m(datum: str, here: Here, draw: st.DrawFn) -> float:
    """A height above the sea that a datum's zero may have."""
    ground = [*here.terrain]
    if here.raster_m is not None:
        ground += [here.raster_m - here.error_m, here.raster_m + here.error_m] * 2
    spans = {"AGL": ground, "AMSL": [0.0], "WGS84": [-here.geoid[0], -here.geoid[1]], "TAKEOFF": [*here.terrain]}
    return draw(st.sampled_from(spans[datum]))


aparts = st.sampled_from([-30.0, -1.0, -GRAIN_M, 0.0, 0.0, GRAIN_M, 1.0])


@st.composite
def flown(draw: st.DrawFn, plan: int, leg: int, here: Here) -> Flight:
    """About the height up to which areas are open."""
    datum = draw(st.sampled_from([Datum.AGL, Datum.AGL, *Datum]))
    high = draw(st.sampled_from([0.0, 20.0]))
    top = draw(st.sampled_from([60.0, 120.0])) + draw(aparts)
    if datum is not Datum.AGL:
        top += zero_m("AGL", here, draw) - zero_m(datum, here, draw)
    takeoff = draw(st.sampled_from([None, 30.0]))
    limits = Limits(top - high, datum, top, datum, takeoff)
    return Flight(plan, leg, draw(grounds()), limits, BEGINS, BEGINS + timedelta(minutes=MINUTES))


@st.composite
def published(draw: st.DrawFn, name: str, flight: Flight, here: Here) -> Published:
    """A zone that permits a flight, but for one thing, or anything around it."""
    apart = draw(st.sampled_from(["nothing", "ground", "ground", "heights", "hours", "publisher", "kind", "all"]))

    def other(what: str) -> bool:
        return apart in (what, "all")

    kinds = ("NO_RESTRICTION", "PROHIBITED", "REQ_AUTHORIZATION", "CONDITIONAL", "USPACE")
    deciding, notified = (draw(st.sampled_from([(), (), AUTHORITIES[:1], AUTHORITIES[1:]])) for _ in range(2))
    return Published(
        name,
        draw(halves(flight.ground) | grounds()) if other("ground") else flight.ground,
        draw(limits_about(flight, here)) if other("heights") else Limits(-math.inf, "AGL", math.inf, "AGL"),
        draw(st.sampled_from(HOURS)) if other("hours") else (),
        draw(st.sampled_from(kinds)) if other("kind") else "NO_RESTRICTION",
        draw(st.sampled_from([*AUTHORITIES, ""])) if other("publisher") else AUTHORITIES[0],
        draw(st.sampled_from([None, None, (20.0, 30.0), (40.0, 45.0)])),
        deciding,
        notified,
    )


@st.composite
def limits_about(draw: st.DrawFn, flight: Flight, here: Here) -> Limits:
    """A band that holds that of a flight, or just does not."""
    datum = draw(st.sampled_from([flight.limits.lower_datum, "AGL", "AMSL"]).filter(lambda datum: datum != "TAKEOFF"))
    low, high = flight.limits.lower_m - draw(aparts), flight.limits.upper_m + draw(aparts)
    if datum != flight.limits.lower_datum:
        low += zero_m(flight.limits.lower_datum, here, draw) - zero_m(datum, here, draw)
        high += zero_m(flight.limits.lower_datum, here, draw) - zero_m(datum, here, draw)
    return Limits(min(low, high), datum, draw(st.sampled_from([max(low, high), math.inf])), datum)


@st.composite
def halves(draw: st.DrawFn, ground: Polygon) -> Polygon:
    """The west or the east of it, at times a hair short."""
    west, south, east, north = ground.bounds
    middle = (west + east) / 2.0 + draw(hairs)
    return shapely.box(west, south, middle, north) if draw(st.booleans()) else shapely.box(middle, south, east, north)
