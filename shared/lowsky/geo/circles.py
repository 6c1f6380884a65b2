"""Circles as polygons."""

from __future__ import annotations

from shapely.geometry import MultiPolygon, Polygon


def circle(
    longitude: float, latitude: float, radius_m: float
) -> Polygon | MultiPolygon:
    """A polygon that contains the geodesic circle and exceeds it by at most 0.1 % of its radius, cut at the antimeridian."""
    raise NotImplementedError
