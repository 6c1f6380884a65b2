"""Outlines that may be displaced or not: what is taken covers every reading, and what permits lies in all of them."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from shapely import Polygon
from shapely.affinity import rotate

from lowsky.geo.crs.converting import Converted, converted, converted_circle, unclear_outlines
from lowsky.geo.crs.displacement import CHINA, beyond, to_wgs84, unclear
from lowsky.geo.crs.mainland import mainland
from lowsky.geo.crs.names import ReferenceSystem
from lowsky.geo.shapes.circles import circle

SYSTEMS = [ReferenceSystem.GCJ_02, ReferenceSystem.BD_09]
PLACES = {
    "limit of Hong Kong": (114.12, 22.545),
    "Hong Kong": (114.17, 22.3),
    "Kinmen": (118.3, 24.5),
    "Seoul": (126.98, 37.57),
    "Erenhot": (111.95, 43.75),
    "Hekou": (103.9, 22.6),
    "edge of the rectangle": (CHINA[0], 40.0),
}


def taken(outline: Polygon, system: ReferenceSystem) -> Converted:
    found = converted(outline, system)
    assert found is not None
    return found


def moved(points: np.ndarray, system: ReferenceSystem) -> np.ndarray:
    return np.column_stack(to_wgs84(points[:, 0], points[:, 1], system, everywhere=True))


def edge(ends: np.ndarray, marks: np.ndarray, system: ReferenceSystem) -> np.ndarray:
    """Straight on the map where it is displaced all along, else straight between its ends."""
    if not unclear(*ends.T).any() and marks.all():
        ends = ends[0] + np.linspace(0.0, 1.0, 200)[:, np.newaxis] * (ends[1] - ends[0])
        return moved(ends, system)
    return np.where(marks[:, np.newaxis], moved(ends, system), ends)


@st.composite
def bars(draw: st.DrawFn) -> Polygon:
    """From squares to bars that are narrower than a displacement, any way round."""
    lon, lat = draw(st.sampled_from(list(PLACES.values())))
    lon, lat = lon + draw(st.floats(-0.03, 0.03)), lat + draw(st.floats(-0.03, 0.03))
    long, short = draw(st.floats(0.001, 0.06)), draw(st.floats(0.0005, 0.01))
    bar = shapely.box(lon - long, lat - short, lon + long, lat + short)
    return rotate(bar, draw(st.floats(0.0, 180.0)))


@pytest.mark.parametrize("system", SYSTEMS)
@settings(max_examples=150, deadline=None)
@given(bar=bars(), displaced=st.lists(st.booleans(), min_size=4, max_size=4))
def test_what_is_taken_covers_every_reading_and_what_is_sure_lies_in_each(
    system: ReferenceSystem, bar: Polygon, displaced: list[bool]
) -> None:
    corners = shapely.get_coordinates(bar)[:-1]
    assume(not beyond(*corners.T).all())
    found = taken(bar, system)
    assert found.unclear is not bool(shapely.covers(mainland(), bar))
    marks = (np.array(displaced) | ~unclear(*corners.T)) & ~beyond(*corners.T)
    read = Polygon(np.concatenate([edge(corners[[n - 1, n]], marks[[n - 1, n]], system) for n in range(4)]))
    sure = found.sure()
    if read.is_valid:  # else no reading: a bar turned inside out
        assert found.outline.covers(read)
        assert sure.is_empty or read.covers(sure)
    inner = shapely.get_coordinates(shapely.segmentize(bar, 0.002))
    there = moved(inner[~beyond(*inner.T)], system)
    assert shapely.covers(found.outline, shapely.points(there)).all()
    assert shapely.covers(found.outline, shapely.points(inner[unclear(*inner.T)])).all()


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("place", PLACES)
def test_a_circle_that_may_be_displaced_covers_both_places(system: ReferenceSystem, place: str) -> None:
    lon, lat = PLACES["limit of Hong Kong"] if place == "Hong Kong" else PLACES[place]
    lat -= 0.01
    found = converted_circle(lon, lat, 100.0, system)
    assert found is not None
    assert found.unclear
    ((there_lon, there_lat),) = moved(np.array([[lon, lat]]), system).tolist()
    assert found.outline.covers(circle(lon, lat, 100.0))
    assert found.outline.covers(circle(there_lon, there_lat, 100.0))


@pytest.mark.parametrize("system", SYSTEMS)
def test_in_the_mainland_an_outline_is_where_it_is_converted_to_alone(system: ReferenceSystem) -> None:
    bar = shapely.box(121.4, 31.2, 121.401, 31.201)
    found = taken(bar, system)
    assert not found.unclear
    assert not found.outline.intersects(bar)
    assert not unclear_outlines([bar]).any()


def test_a_long_outline_across_a_border_keeps_its_one_reading_in_the_mainland() -> None:
    bar = shapely.box(113.9, 22.45, 114.3, 23.5)
    found = taken(bar, ReferenceSystem.GCJ_02)
    assert found.unclear
    # Maps show it some 500 m to the east of where it is.
    assert not found.outline.covers(shapely.Point(114.2998, 23.4))
    assert found.outline.covers(shapely.Point(114.2998, 22.46))


def test_the_corner_of_a_box_around_an_outline_is_no_part_of_it() -> None:
    west, south, _, _ = CHINA
    bend = Polygon([(west - 5, south - 5), (west + 5, south - 5), (west - 5, south + 5)], []).difference(
        shapely.box(west - 1, south - 1, west + 9, south + 9)
    )
    assert isinstance(bend, Polygon)
    assert not unclear_outlines([bend]).any()


def test_an_outline_of_many_vertices_covers_both_places() -> None:
    turn = np.linspace(0.0, 2 * np.pi, 4_000, endpoint=False)
    reach = 1.0 + 0.01 * np.sin(50 * turn)
    corners = np.column_stack([127.0 + reach * np.cos(turn), 37.5 + reach * np.sin(turn)])
    outline = taken(Polygon(corners), ReferenceSystem.GCJ_02).outline
    assert outline.covers(Polygon(corners))
    assert outline.covers(Polygon(moved(corners, ReferenceSystem.GCJ_02)))
