"""Conversions: the vectors that public reproductions state, and there and back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowsky.geo.crs.displacement import CHINA, STEP_DEGREES, STRAY_M, from_wgs84, to_wgs84
from lowsky.geo.crs.names import ReferenceSystem
from lowsky.geo.shapes.projection import inverse

DISPLACED = [ReferenceSystem.GCJ_02, ReferenceSystem.BD_09]
LONGITUDES, LATITUDES = st.floats(75.0, 135.0), st.floats(3.0, 54.0)


def apart_m(one: tuple[object, object], other: tuple[object, object]) -> float:
    return float(inverse(*one, *other)[1])  # type: ignore[arg-type]  # numbers or arrays


@pytest.mark.parametrize(
    ("wgs84", "gcj02"),
    [
        ((121.5272106, 31.1774276), (121.531541859215, 31.17530398364597)),
        ((113.912316, 22.543847), (113.9171764808363, 22.540796131694766)),
        ((116.377817, 39.911954), (116.38404722455657, 39.91334545536069)),
        ((116.404, 39.915), (116.41024449916938, 39.91640428150164)),
    ],
)
def test_gcj_02_is_as_reproductions_state_it(wgs84: tuple[float, float], gcj02: tuple[float, float]) -> None:
    assert apart_m(from_wgs84(*wgs84, ReferenceSystem.GCJ_02), gcj02) < 0.001
    assert apart_m(to_wgs84(*gcj02, ReferenceSystem.GCJ_02), wgs84) < 0.001


def test_bd_09_is_gcj_02_as_reproductions_displace_it_again() -> None:
    shown = (116.41036949371029, 39.92133699351021)
    wgs84 = to_wgs84(116.404, 39.915, ReferenceSystem.GCJ_02)
    assert apart_m(from_wgs84(*wgs84, ReferenceSystem.BD_09), shown) < 0.002
    assert apart_m(to_wgs84(*shown, ReferenceSystem.BD_09), wgs84) < 0.002


@pytest.mark.parametrize("system", DISPLACED)
@given(lon=LONGITUDES, lat=LATITUDES)
def test_there_and_back_is_the_same_point_within_a_millimetre(system: ReferenceSystem, lon: float, lat: float) -> None:
    assert apart_m(to_wgs84(*from_wgs84(lon, lat, system), system), (lon, lat)) < 0.001


@pytest.mark.parametrize("system", list(ReferenceSystem))
def test_many_points_are_converted_as_each_one_is(system: ReferenceSystem) -> None:
    lons, lats = np.array([8.5, 116.4, 121.5]), np.array([47.4, 39.9, 31.2])
    together = to_wgs84(lons, lats, system)
    for place in range(3):
        alone = to_wgs84(lons[place], lats[place], system)
        assert apart_m(alone, (together[0][place], together[1][place])) < 0.001


@pytest.mark.parametrize("system", [ReferenceSystem.WGS_84, ReferenceSystem.CGCS2000])
def test_what_is_taken_as_wgs_84_stays(system: ReferenceSystem) -> None:
    assert not system.displaced
    lon, lat = to_wgs84(116.4, 39.9, system)
    assert (float(lon), float(lat)) == (116.4, 39.9)


@pytest.mark.parametrize("system", DISPLACED)
def test_the_world_outside_of_china_stays_where_it_is(system: ReferenceSystem) -> None:
    west, south, east, north = CHINA
    for lon, lat in [(8.5, 47.4), (west - 1e-9, 30.0), (east + 1e-9, 30.0), (100.0, south - 1e-9), (100.0, north + 1)]:
        there_lon, there_lat = to_wgs84(lon, lat, system)
        assert (float(there_lon), float(there_lat)) == (lon, lat)
    assert apart_m(to_wgs84(west, 30.0, system), (west, 30.0)) > 10.0


@pytest.mark.parametrize("system", DISPLACED)
@given(lon=LONGITUDES, lat=LATITUDES, turn=st.floats(0.0, 2 * np.pi))
def test_a_short_edge_stays_straight(system: ReferenceSystem, lon: float, lat: float, turn: float) -> None:
    step = STEP_DEGREES[system] * np.array([np.cos(turn), np.sin(turn)])
    share = np.linspace(0.0, 1.0, 9)
    lons, lats = to_wgs84(lon + step[0] * share, lat + step[1] * share, system)
    chord = (lons[0] + (lons[-1] - lons[0]) * share, lats[0] + (lats[-1] - lats[0]) * share)
    # Along the edge does not matter, so this asks for more than is needed.
    assert inverse(lons, lats, *chord)[1].max() < STRAY_M
