"""Circles against geodesic distances."""

import numpy as np
import pytest
import shapely
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pyproj import Geod

from lowsky.geo.shapes.circles import circle

GEOD = Geod(ellps="WGS84")


@settings(max_examples=60, deadline=None)
@given(st.floats(-180, 180), st.floats(-80, 80), st.floats(1.0, 5.4771))
@example(longitude=180.0, latitude=60.0, exponent=4.0)
@example(longitude=-180.0, latitude=-80.0, exponent=5.4771)
@example(longitude=0.0, latitude=0.0, exponent=1.0)
def test_a_circle_contains_the_true_one_within_a_thousandth_of_the_radius(
    longitude: float, latitude: float, exponent: float
) -> None:
    radius = 10.0**exponent
    area = circle(longitude, latitude, radius)
    assert area.is_valid
    boundary = shapely.get_coordinates(shapely.segmentize(area, np.sqrt(area.area) / 300.0))
    # What the cut drew is no edge of the circle.
    boundary = boundary[np.abs(boundary[:, 0]) < 180.0 - 1e-9]
    count = len(boundary)
    _, _, distances = GEOD.inv(np.full(count, longitude), np.full(count, latitude), boundary[:, 0], boundary[:, 1])
    assert distances.min() >= radius
    assert distances.max() <= radius * 1.001
    assert area.intersects(shapely.Point(longitude, latitude))


def test_a_circle_across_the_antimeridian_is_in_two_pieces() -> None:
    area = circle(180.0, 10.0, 5_000.0)
    assert len(shapely.get_parts(area)) == 2
    assert area.contains(shapely.Point(-179.99, 10.0))
    assert area.contains(shapely.Point(179.99, 10.0))


@pytest.mark.parametrize(("latitude", "radius"), [(88.1, 10.0), (-87.0, 150_000.0), (90.0, 10.0)])
def test_a_circle_too_near_to_a_pole_is_refused(latitude: float, radius: float) -> None:
    with pytest.raises(ValueError, match="degrees of latitude"):
        circle(0.0, latitude, radius)


@pytest.mark.parametrize(
    ("longitude", "latitude", "radius"),
    [
        (180.1, 0.0, 10.0),
        (0.0, 90.1, 10.0),
        (float("nan"), 0.0, 10.0),
        (0.0, 0.0, 0.0),
        (0.0, 0.0, float("nan")),
        (0.0, 0.0, 1_000_001.0),
    ],
)
def test_what_is_not_a_circle_on_earth_is_refused(longitude: float, latitude: float, radius: float) -> None:
    with pytest.raises(ValueError, match=r"must be|is not"):
        circle(longitude, latitude, radius)
