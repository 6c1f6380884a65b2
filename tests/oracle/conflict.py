"""Whether two flights overlap, volume by volume: on a plane around the place, in fractions, and by interval logic.

The plane is the azimuthal equidistant one of the ellipsoid (`pyproj.Geod` alone), on which, within some kilometres of
its centre, geodesics are straight and lengths are true to a millimetre. Ready-made polygons, whose edges are straight
in longitude and latitude, are compared with one another in fractions of degrees; nothing is rounded there.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import shapely
from pyproj import Geod
from shapely.geometry.base import BaseGeometry

from tests.oracle import exact
from tests.oracle.height import Bounds, Limits, possible_and_certain

GEOD = Geod(ellps="WGS84")
ERROR_M = 0.002
"""Of distances on the plane within 5 km of its centre."""
PRECISION_M = 0.01
"""Within which what is apart may be taken to meet (ASTM F3548-21); what meets is never taken to be apart."""

Point = tuple[float, float]
"""Longitude, running on past 180, and latitude."""


class Meet(IntEnum):
    """Whether two flights overlap."""

    NO = 0
    EITHER = 1
    """Apart by less than the precision, or heights that cannot be told apart."""
    YES = 2


@dataclass(frozen=True)
class Area:
    """All within so many metres of a line, a point, or a polygon."""

    points: tuple[Point, ...]
    is_polygon: bool = False
    reach_m: float = 0.0

    @classmethod
    def leg(cls, start: Point, end: Point, buffer_m: float) -> Area:
        return cls((start, end), reach_m=buffer_m)

    @classmethod
    def circle(cls, center: Point, radius_m: float) -> Area:
        return cls((center,), reach_m=radius_m)

    @classmethod
    def polygon(cls, *ring: Point) -> Area:
        return cls(ring, is_polygon=True)


@dataclass(frozen=True)
class Held:
    """An area, heights and a time, half-open."""

    area: Area
    limits: Limits
    start_s: float
    end_s: float


def flights_meet(ours: Sequence[Held], theirs: Sequence[Held], center: Point, bounds: Bounds) -> Meet:
    """Of any two volumes, the surest."""
    return max(volumes_meet(a, b, center, bounds) for a, b in itertools.product(ours, theirs))


def volumes_meet(ours: Held, theirs: Held, center: Point, bounds: Bounds) -> Meet:
    """The least sure of plan, time and altitude."""
    if not (ours.start_s < theirs.end_s and theirs.start_s < ours.end_s):
        return Meet.NO
    heights = heights_meet(ours.limits, theirs.limits, bounds)
    return heights if heights is Meet.NO else min(heights, areas_meet(ours.area, theirs.area, center))


def heights_meet(ours: Limits, theirs: Limits, bounds: Bounds) -> Meet:
    """What may overlap counts as overlap."""
    possible, certain = possible_and_certain(ours, theirs, bounds)
    if possible or certain:
        return Meet.YES
    mixed = any(limits.lower_datum != limits.upper_datum for limits in (ours, theirs))
    return Meet.EITHER if mixed else Meet.NO


def areas_meet(ours: Area, theirs: Area, center: Point) -> Meet:
    """In plan."""
    if ours.is_polygon and theirs.is_polygon:
        if exact.interiors_meet([ours.points], [theirs.points]):
            return Meet.YES
        # What is cut at the antimeridian is rounded there.
        cut = any(longitude > 180.0 for longitude, _ in ours.points + theirs.points)
        apart = shapely.distance(shapely.Polygon(ours.points), shapely.Polygon(theirs.points))
        return Meet.EITHER if cut and apart < 1e-12 else Meet.NO
    apart_m = float(shapely.distance(_flat(ours, center), _flat(theirs, center)))
    reach_m = ours.reach_m + theirs.reach_m
    if apart_m < reach_m - ERROR_M:
        return Meet.YES
    return Meet.NO if apart_m > reach_m + PRECISION_M - ERROR_M else Meet.EITHER


def _flat(area: Area, center: Point) -> BaseGeometry:
    points = np.array(area.points)
    if area.is_polygon:  # straight on the sphere of longitudes and latitudes, and so curved here
        following = np.roll(points, -1, axis=0)
        share = np.linspace(0.0, 1.0, 20, endpoint=False)[None, :, None]
        points = (points[:, None] + (following - points)[:, None] * share).reshape(-1, 2)
    count = len(points)
    azimuths, _, lengths = GEOD.inv(np.full(count, center[0]), np.full(count, center[1]), points[:, 0], points[:, 1])
    angles = np.radians(azimuths)
    flat = np.column_stack([np.sin(angles), np.cos(angles)]) * np.asarray(lengths)[:, None]
    if area.is_polygon:
        return shapely.Polygon(flat)
    return shapely.Point(flat[0]) if count == 1 else shapely.LineString(flat)
