"""What is certainly in mainland China: cities, both sides of the limits of Hong Kong and Macau, and the sea."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from lowsky.geo.crs.displacement import unclear
from lowsky.geo.crs.mainland import mainland
from lowsky.geo.shapes.projection import GEOD

INSIDE = {
    "Shanghai": (121.474, 31.230),
    "Shenzhen": (114.06, 22.54),
    "Shenzhen, Nanshan": (113.93, 22.53),
    "Shenzhen, Shekou": (113.915, 22.485),
    "Shenzhen, Yantian": (114.27, 22.59),
    "Zhuhai": (113.576, 22.271),
    "Zhuhai, west of Hengqin": (113.50, 22.13),
    "Xiamen": (118.09, 24.48),
    "Xiamen, east shore": (118.185, 24.467),
    "Gulangyu": (118.067, 24.447),
    "Fuzhou": (119.30, 26.08),
    "Chengdu": (104.066, 30.573),
    "Kashgar": (75.99, 39.47),
    "Harbin": (126.63, 45.75),
    "Urumqi": (87.6, 43.8),
    "Lhasa": (91.1, 29.65),
    "Yanji": (129.5, 42.9),
    "Nanning": (108.37, 22.82),
    "Sanya": (109.5, 18.25),
    "Weizhou, island": (109.12, 21.04),
    "Zhoushan, islands": (122.2, 30.0),
    "Shengshan, the outermost of Zhoushan": (122.8, 30.72),
    "Chongming": (121.6, 31.6),
    "estuary of the Yangtze": (122.0, 31.2),
    "Yangshan, port": (122.06, 30.63),
    "Bohai": (119.5, 38.9),
    "Dachen, islands": (121.9, 28.45),
}
UNCLEAR = {
    "Hong Kong": (114.17, 22.30),
    "Lok Ma Chau": (114.066, 22.514),
    "Lo Wu": (114.113, 22.528),
    "Sha Tau Kok": (114.224, 22.546),
    "Shenzhen Bay Port": (113.945, 22.497),
    "Macau": (113.545, 22.195),
    "Coloane": (113.56, 22.12),
    "University of Macau, on Hengqin": (113.545, 22.13),
    "Taipei": (121.56, 25.03),
    "Kinmen": (118.32, 24.43),
    "Lieyu": (118.24, 24.43),
    "Dadan": (118.165, 24.387),
    "Nangan, Matsu": (119.93, 26.15),
    "Wuqiu": (119.45, 24.99),
    "Seoul": (126.98, 37.57),
    "Sinuiju": (124.40, 40.10),
    "Ulaanbaatar": (106.9, 47.92),
    "Zamyn-Uud": (111.9, 43.72),
    "Hanoi": (105.85, 21.03),
    "Lao Cai": (103.97, 22.49),
    "Mong Cai": (107.97, 21.53),
    "Muse, by Ruili": (97.9, 23.99),
    "Delhi": (77.2, 28.6),
    "Tawang": (91.87, 27.58),
    "Aksai Chin": (79.5, 35.2),
    "Thimphu": (89.64, 27.47),
    "Kathmandu": (85.32, 27.71),
    "Almaty": (76.9, 43.25),
    "Blagoveshchensk": (127.53, 50.27),
    "Vladivostok": (131.9, 43.12),
    "Khabarovsk": (135.07, 48.48),
    "Woody Island": (112.34, 16.83),
    "Dandong, by the border": (124.39, 40.13),
}
RIVER = [(114.051, 22.502), (114.069, 22.517), (114.113, 22.530), (114.131, 22.542), (114.158, 22.559), (114.2, 22.558)]
"""Points of the border between Shenzhen and Hong Kong."""


@pytest.mark.parametrize("place", INSIDE)
def test_what_is_certainly_in_the_mainland_or_by_its_coast_is_clear(place: str) -> None:
    assert mainland().covers(shapely.Point(INSIDE[place]))
    assert not unclear(*INSIDE[place])


@pytest.mark.parametrize("place", UNCLEAR)
def test_what_is_elsewhere_or_near_the_border_is_unclear(place: str) -> None:
    assert unclear(*UNCLEAR[place])


@pytest.mark.parametrize("place", [(16.3, 48.2), (-74.0, 40.7), (139.7, 35.7), (151.2, -33.9)])
def test_what_is_far_from_china_is_clear(place: tuple[float, float]) -> None:
    assert not unclear(*place)


@pytest.mark.parametrize("place", RIVER)
def test_shenzhen_is_clear_from_two_kilometres_north_of_its_river_and_nothing_south_of_it(
    place: tuple[float, float],
) -> None:
    north = GEOD.fwd(*place, 0.0, 2_000.0)[:2]
    assert not unclear(*north)
    for away_m in (-5_000.0, -500.0, 0.0, 500.0):
        assert unclear(*GEOD.fwd(*place, 0.0, away_m)[:2])


@pytest.mark.parametrize(("lon", "lat", "azimuth"), [(113.549, 22.2165, 0.0), (113.528, 22.19, 270.0)])
def test_zhuhai_is_clear_from_two_kilometres_off_macau(lon: float, lat: float, azimuth: float) -> None:
    assert unclear(*GEOD.fwd(lon, lat, azimuth, 500.0)[:2])
    assert not unclear(*GEOD.fwd(lon, lat, azimuth, 2_000.0)[:2])


def test_many_points_are_as_each_one_is() -> None:
    points = [*INSIDE.values(), *UNCLEAR.values()]
    marks = unclear(*np.array(points).T)
    assert marks.tolist() == [False] * len(INSIDE) + [True] * len(UNCLEAR)
