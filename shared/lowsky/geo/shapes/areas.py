"""Areas on the WGS 84 ellipsoid, many at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from lowsky.geo.shapes.projection import GEOD

Floats = NDArray[np.float64]

_AT = (1.0 + np.array([-np.sqrt(0.6), 0.0, np.sqrt(0.6)])) / 2.0
_WEIGHTS = np.array([5.0, 8.0, 5.0]) / 18.0
"""Gauss and Legendre's three points on [0, 1]."""


def areas_m2(outlines: Sequence[Any] | NDArray[Any]) -> Floats:
    """The area of each valid polygon or multipolygon in lon/lat degrees, in m²; 0 for an empty one.

    Edges are straight in longitude and latitude (RFC 7946). An edge bounds the ground between itself and a parallel,
    which is its longitudes times the authalic sine of its latitudes, integrated: right to a millionth of the area with
    edges of up to 10 degrees of latitude, and to a mm² with the smallest outlines.
    """
    polygons, outline_of = shapely.get_parts(np.asarray(outlines, dtype=object), return_index=True)
    rings, polygon_of = shapely.get_rings(polygons, return_index=True)
    if not len(rings):
        return np.zeros(len(outlines))
    sizes = _ring_areas_m2(rings)
    # The first ring of a polygon is its shell, the others are holes.
    is_shell = np.diff(polygon_of, prepend=-1) > 0
    signed = np.where(is_shell, sizes, -sizes)
    totals: Floats = np.bincount(outline_of[polygon_of], weights=signed, minlength=len(outlines)).astype(np.float64)
    return totals


def beyond_m2(outlines: Sequence[Any], others: Sequence[Any]) -> Floats:
    """How much of each outline lies outside its other, pair by pair, in m².

    A pair for which the geometry engine fails counts as apart: the whole outline lies beyond.
    """
    ours = gpd.GeoSeries(np.asarray(outlines, dtype=object), crs="EPSG:4326")
    theirs = gpd.GeoSeries(np.asarray(others, dtype=object), crs="EPSG:4326")
    try:
        left = ours.difference(theirs, align=False)
    except shapely.GEOSException:
        left = [_beyond(one, other) for one, other in zip(ours, theirs, strict=True)]
    return areas_m2(np.asarray(left, dtype=object))


def _beyond(outline: Any, other: Any) -> Any:
    try:
        return shapely.difference(outline, other)
    except shapely.GEOSException:
        return outline


def _ring_areas_m2(rings: NDArray[Any]) -> Floats:
    coordinates, ring_of = shapely.get_coordinates(rings, return_index=True)
    longitudes, latitudes = np.radians(coordinates).T
    is_edge = ring_of[1:] == ring_of[:-1]
    widths = np.diff(longitudes)[is_edge]
    starts, rises = latitudes[:-1][is_edge], np.diff(latitudes)[is_edge]
    edge_ring = ring_of[1:][is_edge]
    # Above the parallel of the ring's first vertex, so that a small ring is a sum of small numbers.
    first = _authalic(latitudes[np.searchsorted(ring_of, np.arange(len(rings)))])
    heights = sum(
        weight * _authalic(starts + at * rises) for at, weight in zip(_AT.tolist(), _WEIGHTS.tolist(), strict=True)
    )
    sums = np.bincount(edge_ring, weights=widths * (heights - first[edge_ring]), minlength=len(rings))
    return np.abs(sums) * (GEOD.a**2 / 2.0)


def _authalic(latitudes: Floats) -> Floats:
    """Twice the area, in squares of the equator's radius, between the equator and a latitude, a radian wide."""
    sine, eccentricity = np.sin(latitudes), np.sqrt(GEOD.es)
    bulge = sine / (1.0 - GEOD.es * sine**2) + np.arctanh(eccentricity * sine) / eccentricity
    authalic: Floats = (1.0 - GEOD.es) * bulge
    return authalic
