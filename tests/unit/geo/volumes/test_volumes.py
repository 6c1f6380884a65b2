"""Volumes of a batch, and corridors against distances to the geodesic."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from lowsky.geo.heights.altitude import AltitudeBand, Datum, Overlap, VerticalReference, overlap
from lowsky.geo.heights.geoid import geoid_bounds
from lowsky.geo.shapes.projection import GEOD, LegRefused
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.geo.volumes.volumes import Volume4D, Volumes, corridors
from tests.unit.geo.oracle import distances_to_leg

BAND = AltitudeBand(0.0, Datum.AGL, 120.0, Datum.AGL)


def flight(
    points: list[tuple[float, float]],
    heights: list[tuple[float, Datum]] | None = None,
    buffer_m: float = 30.0,
    takeoff: float | None = None,
) -> Trajectory:
    longitudes, latitudes = np.array(points, dtype=float).T
    heights = heights or [(100.0, Datum.AMSL)] * len(points)
    return Trajectory(
        longitudes,
        latitudes,
        np.array([height for height, _ in heights]),
        np.array([datum.code for _, datum in heights], dtype=np.int8),
        1_000.0 + 60.0 * np.arange(len(points), dtype=np.float64),
        buffer_m,
        10.0,
        5.0,
        takeoff,
    )


def boundary_of(area: shapely.Geometry) -> np.ndarray:
    """Points on the boundary, at edges and corners, but not where the antimeridian cut it."""
    points = shapely.get_coordinates(shapely.segmentize(area, shapely.length(area) / 250.0))
    return points[np.abs(points[:, 0]) < 180.0 - 1e-9]


@settings(max_examples=120, deadline=None)
@given(
    st.floats(-180, 180),
    st.floats(-80, 80),
    st.floats(0, 360),
    st.just(-math.inf) | st.floats(-1.0, 5.0),
    st.floats(0.0, 4.0),
)
@example(longitude=180.0, latitude=80.0, azimuth=90.0, exponent=5.0, buffer_exponent=1.5)
@example(longitude=-179.99, latitude=-75.0, azimuth=300.0, exponent=4.0, buffer_exponent=4.0)
@example(longitude=0.0, latitude=0.0, azimuth=90.0, exponent=5.0, buffer_exponent=0.0)
@example(longitude=180.0, latitude=60.0, azimuth=0.0, exponent=-math.inf, buffer_exponent=2.0)
def test_a_corridor_contains_its_buffer_and_little_more(
    longitude: float, latitude: float, azimuth: float, exponent: float, buffer_exponent: float
) -> None:
    length, buffer_m = 10.0**exponent, 10.0**buffer_exponent
    to_longitude, to_latitude, _ = GEOD.fwd(longitude, latitude, azimuth, length)
    assume(abs(to_latitude) <= 80.0)
    start, end = (longitude, latitude), (to_longitude, to_latitude)
    area = corridors([flight([start, end], buffer_m=buffer_m)]).outlines[0]
    assert area.is_valid
    assert area.bounds[0] >= -180.0
    assert area.bounds[2] <= 180.0
    boundary = boundary_of(area)
    distances = distances_to_leg(start, end, boundary[:, 0], boundary[:, 1])
    # All of the boundary lies beyond the buffer, and the leg inside of it: so does everything within the buffer.
    assert area.intersects(shapely.Point(start))
    assert distances.min() >= buffer_m - 1e-6
    assert distances.max() <= buffer_m * 1.01 + 0.02


@settings(max_examples=60, deadline=None)
@given(st.floats(-80, 80), st.floats(0, 360), st.floats(2.0, 4.0), st.floats(0.1, 0.9), st.booleans())
def test_points_beside_a_leg_are_inside_up_to_the_buffer_and_outside_a_thousandth_beyond(
    latitude: float, azimuth: float, exponent: float, share: float, left: bool
) -> None:
    length = 10.0**exponent
    to_longitude, to_latitude, _ = GEOD.fwd(20.0, latitude, azimuth, length)
    assume(abs(to_latitude) <= 80.0)
    longitude, latitude_on, back = GEOD.fwd(20.0, latitude, azimuth, share * length)
    area = corridors([flight([(20.0, latitude), (to_longitude, to_latitude)], buffer_m=30.0)]).outlines[0]
    across = back + 180.0 + (-90.0 if left else 90.0)
    inside, outside = (shapely.Point(GEOD.fwd(longitude, latitude_on, across, away)[:2]) for away in (30.0, 30.051))
    assert area.contains(inside)
    assert not area.intersects(outside)


def test_adjacent_legs_overlap_at_their_joint() -> None:
    volumes = corridors([flight([(10, 50), (10.01, 50), (10.01, 50.01), (10.01, 50.01), (10.0, 50.0)])])
    joints = [(10.01, 50.0), (10.01, 50.01), (10.01, 50.01)]
    for first, second, joint in zip(volumes.outlines[:-1], volumes.outlines[1:], joints, strict=True):
        around = GEOD.fwd([joint[0]] * 8, [joint[1]] * 8, np.arange(8) * 45.0, [30.0] * 8)[:2]
        assert shapely.contains_xy(first, *around).all()
        assert shapely.contains_xy(second, *around).all()


def test_a_leg_over_the_antimeridian_is_cut_and_meets_what_lies_on_both_sides() -> None:
    (area,) = corridors([flight([(179.99, 10.0), (-179.99, 10.0)])]).outlines
    assert len(shapely.get_parts(area)) == 2
    assert area.contains(shapely.Point(179.995, 10.0))
    assert area.contains(shapely.Point(-179.995, 10.0))
    assert not area.intersects(shapely.Point(0.0, 10.0))


def test_a_batch_gives_the_corridors_that_each_plan_gives_alone() -> None:
    rng = np.random.default_rng(3)
    plans = []
    for size in (2, 5, 19, 3):
        steps = np.cumsum(rng.normal(0, 0.05, (size, 2)), axis=0)
        plans.append(flight([(-179.9 + x if -179.9 + x >= -180 else 180.1 + x, 60 + y) for x, y in steps]))
    together = corridors(plans)
    assert together.owner.tolist() == [0] + [1] * 4 + [2] * 18 + [3] * 2
    assert together.leg.tolist() == [0, *range(4), *range(18), 0, 1]
    for owner, plan in enumerate(plans):
        mine, alone = together.of_owner(owner), corridors([plan])
        assert shapely.equals_exact(mine.outlines, alone.outlines, tolerance=1e-11).all()
        assert mine.start_s.tolist() == alone.start_s.tolist()
        assert mine.altitudes.lower_m.tolist() == alone.altitudes.lower_m.tolist()


def test_times_and_heights_are_those_of_the_ends_widened_by_the_buffers() -> None:
    volumes = corridors(
        [flight([(10, 50), (10, 50.01), (10, 50.02)], [(0.0, Datum.AGL), (80.0, Datum.AGL), (60.0, Datum.AGL)])]
    )
    assert volumes.start_s.tolist() == [995.0, 1055.0]
    assert volumes.end_s.tolist() == [1065.0, 1125.0]
    assert volumes.altitudes.band(0) == AltitudeBand(-10.0, Datum.AGL, 90.0, Datum.AGL)
    assert volumes.altitudes.band(1) == AltitudeBand(50.0, Datum.AGL, 90.0, Datum.AGL)


def test_heights_above_take_off_keep_their_datum_and_elevation() -> None:
    points = [(10.0, 50.0), (10.0, 50.01)]
    heights = [(0.0, Datum.TAKEOFF), (50.0, Datum.TAKEOFF)]
    known, unknown = (corridors([flight(points, heights, takeoff=at)]).altitudes.band(0) for at in (300.0, None))
    assert known == AltitudeBand(-10.0, Datum.TAKEOFF, 60.0, Datum.TAKEOFF, 300.0)
    assert overlap(known, AltitudeBand(360.0, Datum.AMSL, 400.0, Datum.AMSL)) is Overlap.NONE
    assert unknown.takeoff_amsl_m is None


def test_ends_in_different_datums_become_a_band_above_sea_level_that_holds_both_readings() -> None:
    points = [(10.0, 50.0), (10.0, 50.01)]
    reference = VerticalReference(200.0, 500.0, 47.0, 47.5)  # narrower than what EGM96 says of the place
    cases = [
        ([(50.0, Datum.AGL), (400.0, Datum.AMSL)], None, (250.0, 550.0)),
        ([(50.0, Datum.AGL), (1_000.0, Datum.WGS84)], None, (250.0, 953.0)),
        ([(20.0, Datum.TAKEOFF), (400.0, Datum.AMSL)], None, (220.0, 520.0)),
        ([(20.0, Datum.TAKEOFF), (400.0, Datum.AMSL)], 300.0, (320.0, 400.0)),
    ]
    for heights, takeoff, (lower, upper) in cases:
        volumes = corridors([flight(points, heights, takeoff=takeoff)], reference)
        band = volumes.altitudes.band(0)
        assert (band.lower_m, band.upper_m) == (lower - 10.0, upper + 10.0)
        assert band.lower_datum is band.upper_datum is Datum.AMSL


def test_an_end_above_the_ellipsoid_is_converted_by_the_geoid_of_the_place() -> None:
    heights = [(50.0, Datum.AMSL), (1_000.0, Datum.WGS84)]
    band = corridors([flight([(10.0, 50.0), (10.0, 50.01)], heights)]).altitudes.band(0)
    least, greatest = geoid_bounds(10.0, 50.0)
    # The corridor reaches into the cell to the south and that to the west.
    assert 1_010.0 - least <= band.upper_m <= 1_010.0 - least + 2.0
    assert greatest - least < 5.0


@pytest.mark.parametrize("bad", [[(0.0, 84.0), (0.0, 85.01)], [(0.0, 0.0), (10.0, 0.0)], [(0.0, 82.0), (90.0, 89.9)]])
def test_legs_near_a_pole_or_too_long_are_refused_by_plan_and_leg(bad: list[tuple[float, float]]) -> None:
    harmless = flight([(10, 50), (10, 50.01), (10, 50.02)])
    with pytest.raises(LegRefused, match="leg 1 of trajectory 1") as refused:
        corridors([harmless, flight([bad[0], *bad])])
    assert (refused.value.owner, refused.value.leg) == (1, 1)


def test_an_empty_batch_has_no_volumes() -> None:
    assert len(corridors([])) == 0


def test_volumes_keep_plan_order_and_slice_by_owner() -> None:
    first = Volume4D(shapely.box(0, 0, 1, 1), BAND, 0.0, 10.0)
    crossing = Volume4D(shapely.Polygon([(179, 0), (-179, 0), (-179, 1), (179, 1)]), BAND, 5.0, 15.0)
    volumes = Volumes.of([[first, crossing], [], [first]])
    assert volumes.owner.tolist() == [0, 0, 2]
    assert volumes.leg.tolist() == [0, 1, 0]
    assert [len(volumes.of_owner(owner)) for owner in range(3)] == [2, 0, 1]
    assert volumes.volume(0) == first
    assert len(shapely.get_parts(volumes.outlines[1])) == 2
    assert volumes[volumes.start_s > 1.0].leg.tolist() == [1]


@pytest.mark.parametrize(("start", "end"), [(10.0, 10.0), (10.0, 9.0), (math.nan, 1.0), (0.0, math.inf)])
def test_a_volume_that_does_not_last_is_refused(start: float, end: float) -> None:
    with pytest.raises(ValueError, match="time"):
        Volume4D(shapely.box(0, 0, 1, 1), BAND, start, end)


def test_a_volume_without_area_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        Volume4D(shapely.Polygon(), BAND, 0.0, 1.0)
