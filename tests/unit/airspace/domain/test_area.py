"""Where an authority may restrict: inside, on the border, a metre beyond, over the antimeridian, in a hole."""

from __future__ import annotations

import pytest
from shapely import Polygon, box

from lowsky.airspace.domain.area import Area, AreaPolygon, InvalidPiece, Ring
from lowsky.geo.shapes.antimeridian import cut

METRE = 1 / 111_320


def square(west: float, south: float, east: float, north: float) -> Ring:
    return ((west, south), (east, south), (east, north), (west, north))


CITY = Area.of((AreaPolygon(square(16, 48, 17, 49)),))
HOLED = Area.of((AreaPolygon(square(16, 48, 17, 49), (square(16.4, 48.4, 16.6, 48.6),)),))
PACIFIC = Area.of((AreaPolygon(square(179, -18, -179, -17)),))


@pytest.mark.parametrize(
    ("outline", "covered"),
    [
        (box(16.2, 48.2, 16.8, 48.8), True),
        (box(16, 48, 17, 49), True),
        (box(16, 48.2, 16.5, 48.8), True),
        (box(16 - METRE, 48.2, 16.5, 48.8), False),
        (box(16.2, 48.2, 16.8, 49 + METRE), False),
        (box(16.2, 48.2, 16.8, 49 + METRE / 200), True),
        (box(15, 47, 18, 50), False),
        (box(20, 48.2, 21, 48.8), False),
    ],
)
def test_an_outline_lies_within_up_to_the_border_and_not_a_metre_beyond(outline: Polygon, covered: bool) -> None:
    assert CITY.covers(outline) is covered


@pytest.mark.parametrize(
    ("outline", "covered"),
    [
        (box(16.1, 48.1, 16.3, 48.3), True),
        (box(16.1, 48.45, 16.4, 48.55), True),
        (box(16.1, 48.45, 16.4 + METRE, 48.55), False),
        (box(16.45, 48.45, 16.55, 48.55), False),
        (box(16.1, 48.1, 16.9, 48.9), False),
    ],
)
def test_a_hole_is_not_of_the_area(outline: Polygon, covered: bool) -> None:
    assert HOLED.covers(outline) is covered


@pytest.mark.parametrize(
    ("ring", "covered"),
    [
        (square(179.5, -17.8, -179.5, -17.2), True),
        (square(179, -18, -179, -17), True),
        (square(179.5, -17.8, 180, -17.2), True),
        (square(-180, -17.8, -179.5, -17.2), True),
        (square(179.5, -17.8, -179 + METRE, -17.2), False),
        (square(179 - METRE, -17.8, -179.5, -17.2), False),
        (square(-10, -17.8, 10, -17.2), False),
    ],
)
def test_an_area_over_the_antimeridian_is_one(ring: Ring, covered: bool) -> None:
    assert PACIFIC.covers(cut(Polygon(ring))) is covered


def test_polygons_that_touch_are_one_area() -> None:
    area = Area.of((AreaPolygon(square(16, 48, 17, 49)), AreaPolygon(square(17, 48, 18, 49))))
    assert area.covers(box(16.5, 48.2, 17.5, 48.8))


@pytest.mark.parametrize(
    "piece",
    [
        AreaPolygon(((16, 48), (17, 49), (17, 48), (16, 49))),
        AreaPolygon(((16, 48), (17, 48), (16.5, 48))),
        AreaPolygon(((0, 80), (120, 80), (-120, 80))),
        AreaPolygon(square(16, 48, 17, 49), (square(20, 48, 21, 49),)),
    ],
)
def test_what_is_no_simple_polygon_is_named_by_its_place(piece: AreaPolygon) -> None:
    with pytest.raises(InvalidPiece) as raised:
        Area.of((AreaPolygon(square(10, 48, 11, 49)), piece))
    assert raised.value.index == 1
