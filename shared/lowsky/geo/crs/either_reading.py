"""An outline of which it is unknown whether it is displaced: what it covers in any reading, and what in every reading.

Two ways to read it are taken as possible, and whatever lies between: that each point of the map is displaced or not by
where it is, and that each vertex is and edges are straight between them. By the second, a narrow outline across a
border may lie slanted between both of its places.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from lowsky.geo.crs.displacement import beyond
from lowsky.geo.crs.mainland import mainland

Floats = NDArray[np.float64]
Convert = Callable[[Floats, Floats], tuple[Floats, Floats]]


class Either(NamedTuple):
    """What an outline covers in one reading or another, and what it covers in each."""

    covered: BaseGeometry
    sure: BaseGeometry


def either(drawn: Polygon | MultiPolygon, there: BaseGeometry, step: float, convert: Convert) -> Either:
    """Of an outline as it is published, and as all of it is converted, edges divided by steps of so many degrees.

    What is certainly in the mainland is displaced in every reading, and what is far from China in none.
    """
    swept = _swept(drawn, step, convert)
    covered = shapely.union_all([there, shapely.difference(drawn, mainland()), swept])
    elsewhere = shapely.difference(shapely.difference(there, drawn), mainland())
    return Either(covered, shapely.difference(there, shapely.union(elsewhere, swept)))


def _swept(drawn: Polygon | MultiPolygon, step: float, convert: Convert) -> BaseGeometry:
    """What the edges sweep between their places, where they are not certain at both ends.

    As vertices move from the one place to the other, edges stay in the convex hull of both, and only what an edge
    passes over may come to be inside or outside. The converted edge, which bends, is in the hull too.
    """
    rings = shapely.get_rings(shapely.get_parts(drawn))
    at, ring = shapely.get_coordinates(rings, return_index=True)
    inland, far = np.asarray(shapely.covers(mainland(), shapely.points(at))), beyond(*at.T)
    certain = (inland[1:] & inland[:-1]) | (far[1:] & far[:-1])
    (first,) = np.nonzero((ring[1:] == ring[:-1]) & ~certain)
    if not len(first):
        return Polygon()
    ends = np.stack([at[first], at[first + 1]], axis=1)
    fine, edge = shapely.get_coordinates(shapely.segmentize(shapely.linestrings(ends), step), return_index=True)
    moved = np.where(beyond(*fine.T)[:, np.newaxis], fine, np.column_stack(convert(*fine.T)))
    still = ~np.stack([inland[first], inland[first + 1]], axis=1)
    points = np.concatenate([moved, ends[still]])
    edges = np.concatenate([edge, np.nonzero(still)[0]])
    order = np.argsort(edges, kind="stable")
    hulls = np.asarray(shapely.convex_hull(shapely.multipoints(points[order], indices=edges[order])))
    return shapely.union_all(hulls[np.asarray(shapely.area(hulls)) > 0.0])
