"""Distances agree with published geodesics and with GeographicLib."""

import random

import pytest

from lowsky.missions.geodesy import distance_m


def test_vincentys_own_line_is_reproduced() -> None:
    """Flinders Peak to Buninyong on WGS 84 (the Geoscience Australia example, GRS 80 within a millimetre)."""
    flinders = (-(37 + 57 / 60 + 3.72030 / 3600), 144 + 25 / 60 + 29.52440 / 3600)
    buninyong = (-(37 + 39 / 60 + 10.15610 / 3600), 143 + 55 / 60 + 35.38390 / 3600)
    assert distance_m(*flinders, *buninyong) == pytest.approx(54_972.271, abs=0.001)


def test_a_point_is_at_no_distance_from_itself() -> None:
    assert distance_m(47.4, 8.5, 47.4, 8.5) == 0.0


def test_the_antimeridian_is_no_border() -> None:
    assert distance_m(-17, 179.9995, -17, -179.9995) == pytest.approx(distance_m(-17, 0, -17, 0.001), abs=1e-6)


def test_distances_agree_with_geographiclib_within_a_millimetre() -> None:
    pyproj = pytest.importorskip("pyproj", reason="the services extra is not installed")
    geod = pyproj.Geod(ellps="WGS84")
    chance = random.Random(1)
    for _ in range(2_000):
        lat, lon = chance.uniform(-90, 90), chance.uniform(-180, 180)
        step = 10 ** chance.uniform(-7, 1.5)
        lat_2 = max(-90.0, min(90.0, lat + chance.uniform(-step, step)))
        lon_2 = (lon + chance.uniform(-step, step) + 180) % 360 - 180
        _, _, expected = geod.inv(lon, lat, lon_2, lat_2)
        assert distance_m(lat, lon, lat_2, lon_2) == pytest.approx(expected, abs=0.001)


@pytest.mark.parametrize("far", [(0.0, 180.0), (0.3, 179.7), (-47.4, -171.5)])
def test_near_opposite_points_still_have_a_distance(far: tuple[float, float]) -> None:
    start = (47.4, 8.5) if far[0] < -1 else (0.0, 0.0)
    assert distance_m(*start, *far) == pytest.approx(20_004_000, rel=0.006)
