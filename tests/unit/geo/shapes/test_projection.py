"""Densified geodesics against pyproj's, and the local scale."""

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lowsky.geo.shapes.projection import GEOD, Floats, LegRefused, densify, inverse, metres_per_degree, unwrapped_steps
from tests.unit.geo.oracle import distances_to_leg

Four = tuple[Floats, Floats, Floats, Floats]


def one(longitude: float, latitude: float, to_longitude: float, to_latitude: float) -> Four:
    return np.array([longitude]), np.array([latitude]), np.array([to_longitude]), np.array([to_latitude])


@settings(max_examples=80, deadline=None)
@given(st.floats(-180, 180), st.floats(-85, 85), st.floats(0, 360), st.floats(0.0, 5.9))
@example(longitude=179.9, latitude=80.0, azimuth=90.0, exponent=5.0)
@example(longitude=0.0, latitude=0.0, azimuth=90.0, exponent=5.0)
@example(longitude=10.0, latitude=60.0, azimuth=54.7, exponent=4.0)
def test_straight_pieces_stay_within_two_centimetres_of_the_geodesic(
    longitude: float, latitude: float, azimuth: float, exponent: float
) -> None:
    to_longitude, to_latitude, _ = GEOD.fwd(longitude, latitude, azimuth, 10.0**exponent)
    assume(abs(to_latitude) <= 85.0)
    pieces = densify(*one(longitude, latitude, to_longitude, to_latitude))
    steps = np.arange(0.05, 1.0, 0.1)[:, None]
    few = np.unique(np.linspace(0, pieces.count[0] - 1, 20).astype(int))
    between = [
        ((1 - steps) * values[few] + steps * values[few + 1]).ravel()
        for values in (pieces.longitudes, pieces.latitudes)
    ]
    assert distances_to_leg((longitude, latitude), (to_longitude, to_latitude), *between).max() <= 0.02


def test_legs_of_a_batch_do_not_depend_on_each_other() -> None:
    rng = np.random.default_rng(5)
    longitudes, latitudes = rng.uniform(-180, 180, 40), rng.uniform(-80, 80, 40)
    to_longitudes, to_latitudes, _ = GEOD.fwd(
        longitudes, latitudes, rng.uniform(0, 360, 40), 10 ** rng.uniform(0, 5, 40)
    )
    together = densify(longitudes, latitudes, to_longitudes, to_latitudes)
    for leg in range(40):
        alone = densify(*one(longitudes[leg], latitudes[leg], to_longitudes[leg], to_latitudes[leg]))
        mine = together.leg == leg
        np.testing.assert_array_equal(together.place[mine], np.arange(together.count[leg] + 1))
        np.testing.assert_allclose(together.longitudes[mine], alone.longitudes, atol=1e-12)
        np.testing.assert_allclose(together.latitudes[mine], alone.latitudes, atol=1e-12)
        np.testing.assert_allclose(together.heading_east[mine], alone.heading_east, atol=1e-12)


@pytest.mark.parametrize("length_m", [10.0, 3_000.0, 100_000.0])
def test_headings_are_the_azimuths_of_the_geodesic(length_m: float) -> None:
    to_longitude, to_latitude, back = GEOD.fwd(5.0, 62.0, 70.0, length_m)
    pieces = densify(*one(5.0, 62.0, to_longitude, to_latitude))
    azimuths = np.degrees(np.arctan2(pieces.heading_east, pieces.heading_north))
    assert azimuths[0] == pytest.approx(70.0, abs=1e-4)
    assert azimuths[-1] == pytest.approx(back + 180.0, abs=1e-4)


def test_a_leg_over_the_antimeridian_goes_the_short_way_with_continuous_longitudes() -> None:
    pieces = densify(*one(179.5, 50.0, -179.5, 50.0))
    assert pieces.longitudes[0] == 179.5
    assert pieces.longitudes[-1] == pytest.approx(180.5)
    assert (np.diff(pieces.longitudes) > 0).all()


def test_a_leg_without_length_has_one_piece_that_heads_north() -> None:
    pieces = densify(*one(5.0, 5.0, 5.0, 5.0))
    assert pieces.count.tolist() == [1]
    assert pieces.heading_north.tolist() == [1.0, 1.0]
    assert pieces.heading_east.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("leg", [(0.0, 89.5, 1.0, 89.5), (0.0, 0.0, 9.0, 1.0), (0.0, 88.99, 180.0, 88.99)])
def test_legs_near_a_pole_or_too_long_are_refused_by_number(leg: tuple[float, float, float, float]) -> None:
    columns = [np.array([harmless, value]) for harmless, value in zip((0.0, 0.0, 0.0, 0.1), leg, strict=True)]
    with pytest.raises(LegRefused) as refused:
        densify(columns[0], columns[1], columns[2], columns[3])
    assert refused.value.leg == 1


@given(st.floats(-85, 85))
def test_metres_per_degree_are_those_of_short_geodesics(latitude: float) -> None:
    per_longitude, per_latitude = metres_per_degree(latitude)
    _, east = inverse(0.0, latitude, 1e-4, latitude)
    _, north = inverse(0.0, latitude - 5e-5, 0.0, latitude + 5e-5)
    assert east == pytest.approx(per_longitude * 1e-4, rel=1e-6)
    assert north == pytest.approx(per_latitude * 1e-4, rel=1e-6)


def test_steps_of_longitude_go_the_short_way_round() -> None:
    steps = unwrapped_steps(np.array([179.0, -179.0, 10.0]), np.array([-179.0, 179.0, 20.0]))
    assert steps.tolist() == [2.0, -2.0, 10.0]
