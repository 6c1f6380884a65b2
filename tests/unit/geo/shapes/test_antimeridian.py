"""Cutting at the antimeridian: what crosses is cut without loss, what does not is left alone."""

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon

from lowsky.geo.shapes.antimeridian import cut, unwrap


def test_an_area_that_crosses_nothing_is_returned_as_it_is() -> None:
    for area in (
        shapely.box(10, 10, 11, 11),
        shapely.box(-180, 0, -179, 1),
        shapely.box(179, 0, 180, 1),
        shapely.box(-180, -90, 180, 90),
        MultiPolygon([shapely.box(-180, 0, -179, 1), shapely.box(179, 0, 180, 1)]),
    ):
        assert cut(area) is area or cut(area).equals(area)


EAST_AND_WEST = MultiPolygon([shapely.box(179, 0, 180, 2), shapely.box(-180, 0, -179, 2)])


@pytest.mark.parametrize(
    "published",
    [
        Polygon([(179, 0), (-179, 0), (-179, 2), (179, 2)]),
        Polygon([(-179, 0), (-179, 2), (179, 2), (179, 0)]),
        Polygon([(179, 0), (181, 0), (181, 2), (179, 2)]),
        Polygon([(-181, 0), (-179, 0), (-179, 2), (-181, 2)]),
        Polygon([(179, 0), (180, 0), (-180, 0), (-179, 0), (-179, 2), (-180, 2), (180, 2), (179, 2)]),
    ],
)
def test_every_way_to_publish_a_crossing_gives_the_same_two_pieces(published: Polygon) -> None:
    pieces = cut(published)
    assert pieces.is_valid
    assert isinstance(pieces, MultiPolygon)
    assert pieces.equals(EAST_AND_WEST)


def test_an_area_wholly_beyond_180_comes_back_in_range() -> None:
    assert cut(shapely.box(181, 0, 182, 1)).equals(shapely.box(-179, 0, -178, 1))


def test_an_area_that_ends_at_180_is_one_piece() -> None:
    assert cut(Polygon([(179, 0), (180, 0), (-180, 1), (179, 1)])).equals(shapely.box(179, 0, 180, 1))


@pytest.mark.parametrize("shift", [0.0, 360.0, -360.0])
def test_holes_follow_their_shell(shift: float) -> None:
    shell = [(178, 0), (-178, 0), (-178, 4), (178, 4)]
    hole = [(-179.5 + shift, 1), (-178.5 + shift, 1), (-178.5 + shift, 2), (-179.5 + shift, 2)]
    pieces = cut(Polygon(shell, [hole]))
    assert pieces.is_valid
    assert pieces.area == pytest.approx(16 - 1)
    assert not pieces.contains(shapely.Point(-179, 1.5))
    assert pieces.contains(shapely.Point(-179, 2.5))


def test_each_part_of_a_multipolygon_is_cut() -> None:
    pieces = cut(MultiPolygon([shapely.box(10, 0, 11, 1), Polygon([(179, 0), (-179, 0), (-179, 2), (179, 2)])]))
    assert len(shapely.get_parts(pieces)) == 3
    assert pieces.area == pytest.approx(5)


def test_a_ring_around_a_pole_is_refused() -> None:
    with pytest.raises(ValueError, match="pole"):
        cut(Polygon([(0, 80), (120, 80), (-120, 80)]))


def test_an_invalid_ring_is_refused_by_the_cut_and_can_be_repaired_unwrapped() -> None:
    bow_tie = Polygon([(179, 0), (-179, 2), (-179, 0), (179, 2)])
    with pytest.raises(ValueError, match="Self-intersection"):
        cut(bow_tie)
    repaired = shapely.make_valid(unwrap(bow_tie))
    assert isinstance(repaired, MultiPolygon)
    assert cut(repaired).is_valid


def test_an_empty_area_stays_empty() -> None:
    assert cut(Polygon()).is_empty


@given(
    st.lists(st.floats(0.5, 5.0), min_size=3, max_size=12),
    st.floats(-6.0, 6.0),
    st.booleans(),
)
def test_moving_an_area_over_the_antimeridian_loses_nothing(drawn: list[float], east: float, jumps: bool) -> None:
    radii = np.array(drawn)
    angles = np.linspace(0.0, 2.0 * np.pi, len(radii), endpoint=False)
    star = np.column_stack([radii * np.cos(angles) + 180.0 + east, radii * np.sin(angles)])
    published = star.copy()
    if jumps:
        published[published[:, 0] > 180.0, 0] -= 360.0
    pieces = cut(Polygon(published))
    assert pieces.is_valid
    assert pieces.area == pytest.approx(Polygon(star).area, rel=1e-9)
    assert pieces.bounds[0] >= -180.0
    assert pieces.bounds[2] <= 180.0
