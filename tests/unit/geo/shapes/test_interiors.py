"""Whether interiors meet: against the geometry engine's whole answer, on shapes whose edges and corners coincide."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon, box

from lowsky.geo.heights.altitude import Datum
from lowsky.geo.shapes.circles import circle
from lowsky.geo.shapes.interiors import MARGIN_DEGREES, Parts
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import corridors

Outline = Polygon | MultiPolygon
FRAME = Polygon(box(0, 0, 8, 8).exterior.coords, [box(2, 2, 6, 6).exterior.coords])
CRESCENT = Polygon([(0, 0), (8, 0), (8, 8), (0, 8), (0, 6), (6, 6), (6, 2), (0, 2)])
ISLANDS = MultiPolygon([box(0, 0, 2, 8), box(6, 0, 8, 8)])


def no_lines(count: int) -> NDArray[np.float64]:
    """Of polygons that are areas themselves."""
    return np.full((count, 5), np.nan)


def meet(part: Outline, outline: Outline) -> bool:
    parts, outlines = (np.array([each], dtype=np.object_) for each in (part, outline))
    none = np.zeros(1, dtype=np.intp)
    return bool(Parts(parts, no_lines(1)).meet(none, outlines, no_lines(1), none)[0])


@pytest.mark.parametrize("outline", [FRAME, CRESCENT, ISLANDS], ids=["frame", "crescent", "islands"])
@pytest.mark.parametrize("turned", [False, True])
def test_what_lies_in_a_hole_a_bay_or_between_islands_is_apart(outline: Outline, turned: bool) -> None:
    if turned:
        outline = shapely.reverse(outline)
    for part in (box(3, 3, 5, 5), box(2, 2, 6, 6), Polygon([(2, 4), (4, 2), (6, 4), (4, 6)])):
        assert not meet(part, outline)
    assert meet(box(3, 3, math.nextafter(6, 7), 5), outline)


@pytest.mark.parametrize("gap", [-1.0, -MARGIN_DEGREES, -1e-12, 0.0, 1e-12, MARGIN_DEGREES, 1.0])
def test_the_thinnest_overlap_counts_and_a_shared_edge_does_not(gap: float) -> None:
    edge = 121.0 + gap
    for part in (box(edge, 31.1, 125.0, 31.2), Polygon([(edge, 31.1), (125.0, 31.0), (edge, 31.3)])):
        assert meet(part, box(120.0, 31.0, 121.0, 31.4)) is (edge < 121.0)


grid = st.integers(0, 6)
corners = st.lists(st.tuples(grid, grid), min_size=3, max_size=7, unique=True)


@st.composite
def shapes(draw: st.DrawFn) -> Outline:
    """On a coarse grid, of either orientation, with bays, holes and islands."""
    kind = draw(st.sampled_from(["ring", "ring", "hull", "frame", "crescent", "islands"]))
    if kind in ("ring", "hull"):
        shape: Outline = Polygon(draw(corners))
        if kind == "hull" or not shape.is_valid:
            shape = cast(Outline, shape.convex_hull)
        if not isinstance(shape, Polygon) or shape.is_empty:
            shape = box(1, 1, 4, 4)
    else:
        made: dict[str, Outline] = {"frame": FRAME, "crescent": CRESCENT, "islands": ISLANDS}
        shape = made[kind]
    shape = shapely.transform(shape, lambda at: at + np.array([draw(grid), draw(grid)]))
    shape = shape if draw(st.booleans()) else shapely.reverse(shape)
    scale = draw(st.sampled_from([1.0, 1 / 1024, 1 / 3]))
    return shapely.transform(shape, lambda at: np.array([121.0, 31.0]) + at * scale)


@settings(max_examples=400, deadline=None)
@given(st.lists(shapes(), min_size=1, max_size=5), st.lists(shapes(), min_size=1, max_size=5))
def test_interiors_meet_where_the_engine_says_so(shapes: list[Outline], others: list[Outline]) -> None:
    polygons = shapely.get_parts(np.array(shapes, dtype=np.object_))
    outlines = np.array(others, dtype=np.object_)
    part, outline = (each.reshape(-1) for each in np.indices((len(polygons), len(outlines))))
    expected = shapely.relate_pattern(polygons[part], outlines[outline], "T********")
    met = Parts(polygons, no_lines(len(polygons))).meet(part, outlines, no_lines(len(outlines)), outline)
    # At a third of a degree a corner on an edge is rounded to one side of it. Whether it is inside is said exactly of a
    # point; the whole answer rounds where edges cross, and may pass over an overlap thinner than an atom.
    rounded = met & ~expected
    shared = shapely.area(shapely.intersection(polygons[part[rounded]], outlines[outline[rounded]]))
    assert (shared < 1e-13).all()
    assert (met & ~rounded).tolist() == expected.tolist()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(-3e3, 3e3), st.floats(-3e3, 3e3), st.sampled_from([3.0, 40.0, 400.0, 4e3])), min_size=1
    ),
    st.floats(-4e4, 4e4),
    st.floats(-3e3, 3e3),
    st.sampled_from([1.0, 20.0, 500.0]),
)
def test_corridors_meet_circles_where_the_engine_says_so(
    circles: list[tuple[float, float, float]], east: float, north: float, buffer_m: float
) -> None:
    degrees = 1 / 111_000
    legs = corridors(
        [
            Trajectory(
                longitudes=121.0 + np.array([0.0, east, 0.0]) * degrees,
                latitudes=31.0 + np.array([0.0, north, north]) * degrees,
                altitudes_m=np.full(3, 50.0),
                datums=np.full(3, Datum.AGL.code, dtype=np.int8),
                times_s=np.array([0.0, 60.0, 120.0]),
                horizontal_buffer_m=buffer_m,
                vertical_buffer_m=1.0,
                time_buffer_s=1.0,
            )
        ]
    )
    polygons = np.array([circle(121.0 + x * degrees, 31.0 + y * degrees, r) for x, y, r in circles], dtype=np.object_)
    part, outline = (each.reshape(-1) for each in np.indices((len(polygons), len(legs))))
    expected = shapely.relate_pattern(polygons[part], legs.outlines[outline], "T********")
    parts = Parts(polygons, no_lines(len(polygons)))
    assert parts.meet(part, legs.outlines, no_lines(len(legs)), outline).tolist() == expected.tolist()


def test_no_pairs_and_no_parts_are_no_answer() -> None:
    none = np.zeros(0, dtype=np.intp)
    outlines = np.zeros(0, dtype=np.object_)
    assert len(Parts(outlines, no_lines(0)).meet(none, outlines, no_lines(0), none)) == 0
