"""Areas on the ellipsoid, beside geodesic ones of the same edges in short pieces."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from shapely.geometry.base import BaseGeometry

from lowsky.geo.shapes.areas import areas_m2, beyond_m2
from lowsky.geo.shapes.projection import GEOD

SHAPES = {
    "triangle of 100 km": shapely.Polygon([(16, 48), (17, 49), (16.5, 50)]),
    "clockwise": shapely.Polygon([(16.5, 50), (17, 49), (16, 48)]),
    "long edges": shapely.Polygon([(0, 60), (5, 69), (3, 70)]),
    "100 m": shapely.box(16.3, 48.2, 16.301, 48.201),
    "4 m²": shapely.box(-70.0, -33.0, -69.99998, -32.99998),
    "at the pole": shapely.box(100, -90, 120, -80),
    "over the equator": shapely.Polygon([(1, -3), (4, 2), (0, 4)]),
    "with a hole": shapely.box(10, 40, 11, 41).difference(shapely.box(10.2, 40.2, 10.4, 40.7)),
    "over the antimeridian": shapely.MultiPolygon([shapely.box(179, 1, 180, 2), shapely.box(-180, 1, -179.5, 2)]),
}


def geodesic_m2(shape: BaseGeometry) -> float:
    """The slow way: pieces short enough that a geodesic is as good as a straight line."""
    fine = shapely.segmentize(shape, max(float(shape.length) / 40_000, 1e-6))
    total, _ = GEOD.geometry_area_perimeter(shapely.orient_polygons(fine))
    return float(total)


@pytest.mark.parametrize("name", SHAPES)
def test_an_area_is_right_to_a_millionth(name: str) -> None:
    assert areas_m2([SHAPES[name]])[0] == pytest.approx(geodesic_m2(SHAPES[name]), rel=1e-6)


def test_many_are_measured_at_once_each_on_its_own() -> None:
    shapes = [shapely.Polygon(), *SHAPES.values(), shapely.Polygon()]
    together = areas_m2(shapes)
    assert together[0] == together[-1] == 0.0
    assert together.tolist() == [areas_m2([shape])[0] for shape in shapes]
    assert areas_m2([]).tolist() == []
    assert areas_m2([shapely.Polygon()] * 2).tolist() == [0.0, 0.0]


def test_what_lies_beyond_is_measured_pair_by_pair() -> None:
    west, east = shapely.box(10, 50, 10.2, 50.1), shapely.box(10.1, 50, 10.3, 50.1)
    beyond = beyond_m2([west, west, west, shapely.Polygon()], [east, west, shapely.Polygon(), east])
    half, whole = areas_m2([shapely.box(10, 50, 10.1, 50.1), west])
    assert beyond == pytest.approx(np.array([half, 0.0, whole, 0.0]))


def test_a_pair_that_cannot_be_compared_counts_as_apart_and_harms_no_other() -> None:
    bow_tie = shapely.Polygon([(0, 0), (1, 1), (1, 0), (0, 1), (0, 0)])
    square, beside = shapely.box(0.2, 0.2, 0.8, 0.8), shapely.box(0.8, 0.2, 0.9, 0.8)
    with pytest.raises(shapely.GEOSException):
        shapely.difference(square, bow_tie)
    assert beyond_m2([square, square], [bow_tie, beside]).tolist() == pytest.approx(areas_m2([square, square]).tolist())
