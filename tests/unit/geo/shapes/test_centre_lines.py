"""Whether corridors, circles and polygons meet by their distance: a centimetre on either side of it, in both orders,
placed by `pyproj.Geod` alone."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from pyproj import Geod

from lowsky.geo.shapes import centre_lines
from lowsky.geo.shapes.antimeridian import cut
from lowsky.geo.shapes.areas_meet import areas_meet
from lowsky.geo.shapes.centre_lines import CentreLine, are_within_reach, column, on_plane
from lowsky.geo.shapes.circles import circle
from lowsky.geo.shapes.corridors import corridors_of
from lowsky.geo.shapes.fine_outlines import fine_outline
from tests.oracle.plan import distance_m

GEOD = Geod(ellps="WGS84")
Point = tuple[float, float]
Area = CentreLine | shapely.Polygon

PLACES: Sequence[Point] = ((121.47, 31.23), (0.0, 0.0), (179.9999, -16.8), (-60.0, 69.5), (20.0, 84.0))
CM = (-0.01, 0.01)


def moved(point: Point, azimuth: float, metres: float) -> Point:
    longitude, latitude, _ = GEOD.fwd(*point, azimuth, metres)
    return float(longitude), float(latitude)


def leg(start: Point, end: Point, buffer_m: float) -> CentreLine:
    return CentreLine(*start, *end, buffer_m)


def meet(ours: Area, theirs: Area) -> bool:
    """Either way round."""
    outlines, lines = [], []
    for one in (ours, theirs):
        outlines.append(np.array([drawn(one)], dtype=np.object_))
        lines.append(column([one if isinstance(one, CentreLine) else None]))
    found = areas_meet(outlines[0], lines[0], outlines[1], lines[1])
    again = areas_meet(outlines[1], lines[1], outlines[0], lines[0])
    assert found.tolist() == again.tolist()
    return bool(found[0])


def drawn(area: Area) -> shapely.Polygon | shapely.MultiPolygon:
    if not isinstance(area, CentreLine):
        return cut(area)
    if area.reach_m > 10_000.0:
        return circle(area.longitude, area.latitude, area.reach_m)
    (outline,) = corridors_of(column([area]))
    return outline  # type: ignore[no-any-return]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("buffer_m", [1.0, 20.0, 100.0, 500.0, 10_000.0])
@pytest.mark.parametrize("apart_m", CM)
def test_legs_meet_when_they_are_nearer_than_both_buffers_together(
    place: Point, buffer_m: float, apart_m: float
) -> None:
    """In line, where corridors used to be 1 % too long; round a corner of the cap; and beside one another."""
    ours = leg(moved(place, 180.0, 300.0), place, buffer_m)
    for azimuth in (0.0, 7.5, 37.5, 63.0, -82.5):
        start = moved(place, azimuth, 2.0 * buffer_m + apart_m)
        away = float(GEOD.inv(*start, *place)[0]) + 180.0
        for theirs in (leg(start, moved(start, away, 400.0), buffer_m), leg(start, start, buffer_m)):
            assert meet(ours, theirs) is (apart_m < 0.0)


@pytest.mark.parametrize("place", PLACES[:4])
@pytest.mark.parametrize("length_m", [500.0, 8_000.0, 90_000.0, 700_000.0])
@pytest.mark.parametrize("apart_m", CM)
def test_a_long_leg_is_as_near_as_its_geodesic(place: Point, length_m: float, apart_m: float) -> None:
    start, end = moved(place, 250.0, length_m * 0.4), moved(place, 70.0, length_m * 0.6)
    azimuth, _, length = GEOD.inv(*start, *end)
    for share in (0.0, 0.37, 0.5, 1.0):
        longitude, latitude, back = GEOD.fwd(*start, azimuth, share * length)
        beside = moved((longitude, latitude), back - 90.0, 120.0 + apart_m)
        ours = leg(start, end, 100.0)
        assert meet(ours, leg(beside, beside, 20.0)) is (apart_m < 0.0)
        assert meet(ours, leg(beside, moved(beside, back - 90.0, 500.0), 20.0)) is (apart_m < 0.0)


def test_long_legs_that_cross_far_from_their_ends_meet_and_those_in_line_or_beside_do_not() -> None:
    middle = PLACES[0]
    ends = [moved(middle, azimuth, 400_000.0) for azimuth in (10.0, 190.0, 100.0, 280.0)]
    assert meet(leg(ends[0], ends[1], 5.0), leg(ends[2], ends[3], 5.0))
    assert not meet(leg(ends[0], ends[2], 5.0), leg(ends[1], ends[3], 5.0))
    azimuth, _, length = GEOD.inv(*ends[0], *ends[1])
    along = [moved(ends[0], azimuth, length * share) for share in (0.0, 0.4, 0.6, 1.0)]
    assert not meet(leg(along[0], along[1], 5.0), leg(along[2], along[3], 5.0))
    assert meet(leg(along[0], along[2], 5.0), leg(along[1], along[3], 5.0))


@pytest.mark.parametrize("radius_m", [10.0, 1_000.0, 80_000.0, 300_000.0])
@pytest.mark.parametrize("apart_m", CM)
def test_a_circle_is_as_large_as_its_radius(radius_m: float, apart_m: float) -> None:
    place = PLACES[0]
    disc = CentreLine.circle(*place, radius_m)
    for azimuth in (0.0, 50.0, 123.4):
        near = moved(place, azimuth, radius_m + 30.0 + apart_m)
        away = float(GEOD.inv(*near, *place)[0]) + 180.0
        assert meet(disc, leg(near, moved(near, away, 200.0), 30.0)) is (apart_m < 0.0)
        assert meet(disc, CentreLine.circle(*near, 30.0)) is (apart_m < 0.0)
        beyond = moved(place, azimuth, radius_m + apart_m)
        wedge = shapely.Polygon([beyond, moved(beyond, away - 20.0, 90.0), moved(beyond, away + 20.0, 90.0)])
        assert meet(disc, wedge) is (apart_m < 0.0)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("buffer_m", [1.0, 4.9, 60.0, 500.0, 10_000.0])
@pytest.mark.parametrize("apart_m", CM)
def test_a_leg_meets_a_polygon_nearer_than_its_buffer(place: Point, buffer_m: float, apart_m: float) -> None:
    ours = leg(moved(place, 180.0, 700.0), place, buffer_m)
    for azimuth in (0.0, 37.5, 82.5):
        corner = moved(place, azimuth, buffer_m + apart_m)
        away = float(GEOD.inv(*corner, *place)[0]) + 180.0
        pointed = shapely.Polygon([corner, moved(corner, away - 25.0, 300.0), moved(corner, away + 25.0, 300.0)])
        assert meet(ours, pointed) is (apart_m < 0.0)
    # Beside it, with an edge that runs along, whose nearest point is no corner of either.
    azimuth, _, length = GEOD.inv(*place, *moved(place, 180.0, 700.0))
    longitude, latitude, back = GEOD.fwd(*place, azimuth, length / 2.0)
    near = moved((longitude, latitude), back + 90.0, buffer_m + apart_m)
    side = float(GEOD.inv(*near, longitude, latitude)[0]) + 180.0
    ring = [near, moved(near, side + 80.0, 300.0), moved(near, side, 500.0), moved(near, side - 80.0, 300.0)]
    assert meet(ours, shapely.Polygon(ring)) is (apart_m < 0.0)


def test_a_leg_within_a_polygon_or_a_hole_of_it() -> None:
    place = PLACES[2]
    for around, inside in (((-5e3, 5e3), True), ((-5e3, 400.0), True)):
        corners = [moved(moved(place, 90.0, x), 0.0, y) for x, y in itertools.product(around, around)]
        ring = [corners[n] for n in (0, 2, 3, 1)]
        assert meet(leg(place, moved(place, 0.0, 300.0), 20.0), shapely.Polygon(ring)) is inside
    shell, hole = ([moved(place, azimuth, metres) for azimuth in (45.0, 135.0, 225.0, 315.0)] for metres in (9e3, 1e3))
    frame = shapely.Polygon(shell, [hole])
    assert not meet(leg(place, place, 20.0), frame)
    assert meet(leg(place, place, 720.0), frame)


@given(
    st.sampled_from(PLACES),
    st.lists(st.tuples(st.floats(0, 360), st.floats(0, 3_000)), min_size=4, max_size=4),
    st.sampled_from([1.0, 10.0, 1_000.0]),
)
def test_what_the_plane_decides_is_what_geodesics_do(
    place: Point, points: Sequence[tuple[float, float]], reach: float
) -> None:
    a, b, c, d = (moved(place, azimuth, metres) for azimuth, metres in points)
    ours, theirs = column([leg(a, b, reach)]), column([leg(c, d, reach)])
    within, doubtful = on_plane(ours, theirs)
    exact = centre_lines.by_geodesics(ours, theirs)
    assert len(doubtful) or bool(within[0]) is bool(exact[0])
    assert are_within_reach(ours, theirs).tolist() == are_within_reach(theirs, ours).tolist() == exact.tolist()


def test_the_error_of_the_plane_is_bounded_at_all_latitudes_and_distances() -> None:
    """Against the ends and their feet by geodesics."""
    draw = np.random.default_rng(7)
    for latitude, metres in itertools.product((0.0, 31.0, 60.0, 80.0, 84.9), (100.0, 2_000.0, 30_000.0)):
        points = [
            np.column_stack(
                GEOD.fwd(np.full(500, 179.999), np.full(500, latitude), draw.uniform(0, 360, 500),
                         metres * np.sqrt(draw.uniform(0, 1, 500)))[:2]
            )
            for _ in range(4)
        ]  # fmt: skip
        ours, theirs = (np.column_stack([*points[n : n + 2], np.ones(500)]) for n in (0, 2))
        apart_m, error_m = centre_lines._on_plane(ours, theirs)
        low, high = theirs.copy(), theirs.copy()
        low[:, 4], high[:, 4] = apart_m - error_m - 1.0, apart_m + error_m - 1.0
        apart = apart_m > error_m
        assert not centre_lines.by_geodesics(ours[apart], low[apart]).any()
        assert centre_lines.by_geodesics(ours, high).all()


@pytest.mark.parametrize("inside", [True, False])
def test_a_fine_outline_is_right_to_a_centimetre_on_its_side(inside: bool) -> None:
    for place, length_m, reach_m in itertools.product(PLACES[:4], (0.0, 900.0, 60_000.0), (1.0, 120.0, 5_000.0)):
        end = moved(place, 60.0, length_m)
        outline = fine_outline(leg(place, end, reach_m), inside=inside)
        assert outline.is_valid
        for part in shapely.get_parts(outline):
            for x, y in shapely.get_coordinates(part)[::211]:
                if abs(x) < 180.0:
                    off = distance_m(place, end, (np.array([[x, y], [x, y + 1e-12]]),)) - reach_m
                    assert (-0.01 < off < 1e-6) if inside else (-1e-6 < off < 0.01)


def test_a_plane_that_knew_no_doubt_would_be_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    real = centre_lines._on_plane
    monkeypatch.setattr(centre_lines, "_on_plane", lambda a, b: (real(a, b)[0], np.zeros(len(a))))
    with pytest.raises(AssertionError):
        for apart_m in CM:
            test_a_long_leg_is_as_near_as_its_geodesic(PLACES[3], 90_000.0, apart_m)
