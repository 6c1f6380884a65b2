"""Circles as polygons."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon

from lowsky.geo.shapes.antimeridian import cut
from lowsky.geo.shapes.projection import GEOD, RADIUS_MIN_M, bend, unwrapped_steps

RADIUS_MAX_M: Final = 1_000_000.0
"""Publications carry circles of up to 300 km; beyond a thousand the bounds below are not shown."""
LATITUDE_MAX: Final = 88.0
"""How near to a pole a circle may reach: beyond, its edges cannot be straight in longitude and latitude."""
EXCESS_MAX: Final = 0.001
"""Of the radius: how far the polygon may exceed the circle."""
_EDGES = (96, 192, 384, 768, 1536)


def circle(longitude: float, latitude: float, radius_m: float) -> Polygon | MultiPolygon:
    """A polygon that contains the geodesic circle, within 0.1 % of its radius, cut at the antimeridian.

    Degrees and metres. Raises ValueError for a centre that is not on Earth, a radius that is not between 0 and 1000
    km, and a circle that reaches within 2 degrees of a pole.
    """
    if not (abs(longitude) <= 180.0 and abs(latitude) <= 90.0):
        raise ValueError(f"the centre {longitude}, {latitude} is not a longitude and a latitude")
    if not 0.0 < radius_m <= RADIUS_MAX_M:
        raise ValueError(f"the radius must be above 0 m and at most {RADIUS_MAX_M:.0f} m, not {radius_m} m")
    # The polygon's own reach: a little more than the radius.
    highest = math.radians(abs(latitude)) + radius_m * 1.01 / RADIUS_MIN_M
    if highest > math.radians(LATITUDE_MAX):
        raise ValueError(f"the circle reaches beyond {LATITUDE_MAX:g} degrees of latitude")
    edges, vertex_m = _vertices(radius_m, float(bend(np.array(highest))))
    azimuths = np.linspace(360.0, 0.0, edges, endpoint=False)
    longitudes, latitudes, _ = GEOD.fwd(
        np.full(edges, longitude), np.full(edges, latitude), azimuths, np.full(edges, vertex_m)
    )
    longitudes = longitude + unwrapped_steps(np.full(edges, longitude), longitudes)
    return cut(shapely.Polygon(np.column_stack([longitudes, latitudes])))


def _vertices(radius_m: float, bend_per_m: float) -> tuple[int, float]:
    """How many edges, and how far from the centre their ends lie, so that straight edges stay outside of the circle."""
    for edges in _EDGES:
        half = math.pi / edges
        stray = bend_per_m * (2.0 * radius_m * math.tan(half)) ** 2 / 8.0
        # On the sphere cos(half) relates the tangents of the two distances, which asks for less than the plane does.
        # The part in a million covers the ellipsoid and, with the micrometre, rounding.
        vertex = (radius_m * (1.0 + 1e-6) + stray + 1e-6) / math.cos(half)
        if vertex + stray <= radius_m * (1.0 + 0.99 * EXCESS_MAX):
            return edges, vertex
    raise ValueError(f"a circle of {radius_m} m cannot be drawn within {EXCESS_MAX:.1%} of its radius here")
