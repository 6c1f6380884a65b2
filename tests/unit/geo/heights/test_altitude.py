"""Altitude bands: the claims about edges, and both forms of overlap against brute force over terrain and geoid."""

import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lowsky.geo.heights.altitude import (
    ANYWHERE,
    AltitudeBand,
    AltitudeBands,
    Datum,
    Overlap,
    VerticalReference,
    overlap,
    overlap_codes,
)

SMALL = VerticalReference(terrain_min_m=0.0, terrain_max_m=3.0, geoid_min_m=-1.0, geoid_max_m=1.0)


def amsl(lower: float, upper: float) -> AltitudeBand:
    return AltitudeBand(lower, Datum.AMSL, upper, Datum.AMSL)


def agl(lower: float, upper: float) -> AltitudeBand:
    return AltitudeBand(lower, Datum.AGL, upper, Datum.AGL)


def wgs84(lower: float, upper: float) -> AltitudeBand:
    return AltitudeBand(lower, Datum.WGS84, upper, Datum.WGS84)


def takeoff(lower: float, upper: float, elevation: float | None = None) -> AltitudeBand:
    return AltitudeBand(lower, Datum.TAKEOFF, upper, Datum.TAKEOFF, elevation)


@st.composite
def bands(draw: st.DrawFn) -> AltitudeBand:
    heights = st.integers(-5, 5).map(float)
    lower, upper = draw(heights | st.just(-math.inf)), draw(heights | st.just(math.inf))
    lower_datum = draw(st.sampled_from(Datum))
    upper_datum = draw(st.just(lower_datum) | st.sampled_from(Datum))
    elevation = draw(st.none() | st.integers(0, 3).map(float))
    if lower_datum is upper_datum and upper < lower:
        lower, upper = upper, lower
    try:
        return AltitudeBand(lower, lower_datum, upper, upper_datum, elevation)
    except ValueError:
        return AltitudeBand(lower, lower_datum, math.inf, upper_datum, elevation)


def overlaps_by_brute_force(a: AltitudeBand, b: AltitudeBand) -> list[bool]:
    """Whether the bands overlap, for every terrain, undulation and take-off points at steps of half a metre.

    Limits are whole metres, so that nothing changes between the steps.
    """
    terrains, undulations = np.arange(0.0, 3.5, 0.5), np.arange(-1.0, 1.5, 0.5)
    verdicts = []
    for terrain, undulation, start_a, start_b in itertools.product(terrains, undulations, terrains, terrains):
        sets = []
        for band, start in ((a, start_a), (b, start_b)):
            known = start if band.takeoff_amsl_m is None else band.takeoff_amsl_m
            offsets = {Datum.AGL: terrain, Datum.AMSL: 0.0, Datum.WGS84: -undulation, Datum.TAKEOFF: known}
            floor, datum, ceiling, ceiling_datum = band.resolved()
            level = datum is ceiling_datum and floor == ceiling
            sets.append((floor + offsets[datum], ceiling + offsets[ceiling_datum], level))
        height = max(sets[0][0], sets[1][0])
        verdicts.append(all(floor <= height < ceiling or (level and height == floor) for floor, ceiling, level in sets))
    return verdicts


@settings(max_examples=150, deadline=None)
@given(bands(), bands())
def test_overlap_agrees_with_every_terrain_and_geoid_within_the_bounds(a: AltitudeBand, b: AltitudeBand) -> None:
    verdicts = overlaps_by_brute_force(a, b)
    found = overlap(a, b, SMALL)
    assert (found is Overlap.CERTAIN) == all(verdicts)
    if found is Overlap.NONE:
        assert not any(verdicts)
    mixed = any(band.resolved()[1] is not band.resolved()[3] for band in (a, b))
    if not mixed:
        assert (found is Overlap.NONE) == (not any(verdicts))


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(bands(), bands()), min_size=1, max_size=20), st.sampled_from([SMALL, ANYWHERE]))
def test_the_vectorised_form_agrees_with_the_scalar_one(
    pairs: list[tuple[AltitudeBand, AltitudeBand]], reference: VerticalReference
) -> None:
    left, right = AltitudeBands.of(a for a, _ in pairs), AltitudeBands.of(b for _, b in pairs)
    codes = overlap_codes(left, right, reference)
    assert codes.dtype == np.int8
    assert codes.tolist() == [overlap(a, b, reference).value for a, b in pairs]


@given(bands(), bands())
def test_overlap_does_not_depend_on_the_order(a: AltitudeBand, b: AltitudeBand) -> None:
    assert overlap(a, b, SMALL) is overlap(b, a, SMALL)


def test_the_vectorised_form_broadcasts() -> None:
    flights = AltitudeBands.of([amsl(0, 50), amsl(50, 100)])[:, None]
    zones = AltitudeBands.of([amsl(0, 50), amsl(50, 60), amsl(200, math.inf)])[None, :]
    assert overlap_codes(flights, zones).tolist() == [[2, 0, 0], [0, 2, 0]]


@given(bands())
def test_bands_survive_the_way_into_arrays_and_back(band: AltitudeBand) -> None:
    assert AltitudeBands.of([band]).band(0) == band


@pytest.mark.parametrize("make", [amsl, agl, wgs84])
@pytest.mark.parametrize(
    ("floor", "ceiling", "expected"),
    [
        (50.0, 100.0, Overlap.NONE),  # its ceiling touches our floor
        (50.0, 100.001, Overlap.CERTAIN),
        (199.999, 300.0, Overlap.CERTAIN),
        (200.0, 300.0, Overlap.NONE),  # its floor touches our ceiling
    ],
)
def test_touching_is_not_overlap_in_the_same_datum(
    make: Callable[[float, float], AltitudeBand], floor: float, ceiling: float, expected: Overlap
) -> None:
    assert overlap(make(100.0, 200.0), make(floor, ceiling)) is expected


@pytest.mark.parametrize(
    ("height", "expected"),
    [(99.999, Overlap.NONE), (100.0, Overlap.CERTAIN), (199.999, Overlap.CERTAIN), (200.0, Overlap.NONE)],
)
def test_level_flight_is_inside_at_the_floor_and_outside_at_the_ceiling(height: float, expected: Overlap) -> None:
    assert overlap(amsl(height, height), amsl(100.0, 200.0)) is expected


def test_level_flights_overlap_only_at_the_same_height() -> None:
    assert overlap(agl(50, 50), agl(50, 50)) is Overlap.CERTAIN
    assert overlap(agl(50, 50), agl(51, 51)) is Overlap.NONE


@pytest.mark.parametrize(
    ("flight", "expected"),
    [
        (agl(101, 102), Overlap.NONE),  # ground at 0 at least: over 100 m AMSL everywhere
        (agl(100, 101), Overlap.NONE),
        (agl(99, 100), Overlap.UNCERTAIN),
        (agl(0, 97), Overlap.CERTAIN),  # ground at 3 at most: below 100 m AMSL everywhere
        (agl(96.9, 98), Overlap.CERTAIN),
        (agl(97, 98), Overlap.UNCERTAIN),
    ],
)
def test_heights_above_ground_meet_altitudes_by_the_terrain_bounds(flight: AltitudeBand, expected: Overlap) -> None:
    assert overlap(flight, amsl(0.0, 100.0), SMALL) is expected


@pytest.mark.parametrize(
    ("flight", "expected"),
    [
        (wgs84(98.9, 150), Overlap.CERTAIN),
        (wgs84(99, 150), Overlap.UNCERTAIN),
        (wgs84(100.9, 150), Overlap.UNCERTAIN),
        (wgs84(101, 150), Overlap.NONE),
    ],
)
def test_ellipsoidal_heights_meet_altitudes_by_the_geoid_bounds(flight: AltitudeBand, expected: Overlap) -> None:
    assert overlap(flight, amsl(0.0, 100.0), SMALL) is expected


def test_a_known_take_off_elevation_makes_heights_above_take_off_exact() -> None:
    assert overlap(takeoff(0, 50, 100.0), amsl(150, 200)) is Overlap.NONE
    assert overlap(takeoff(0, 50.1, 100.0), amsl(150, 200)) is Overlap.CERTAIN


def test_two_unknown_take_off_points_are_not_taken_for_the_same() -> None:
    assert overlap(takeoff(0, 50), takeoff(60, 90), SMALL) is Overlap.NONE
    assert overlap(takeoff(0, 50), takeoff(52, 90), SMALL) is Overlap.UNCERTAIN
    assert overlap(takeoff(0, 50), takeoff(52, 90), ANYWHERE) is Overlap.UNCERTAIN


def test_a_band_without_limits_overlaps_everything() -> None:
    everything = AltitudeBand(-math.inf, Datum.AMSL, math.inf, Datum.AMSL)
    for band in (amsl(0, 1), agl(0, 1), wgs84(5, 5), takeoff(0, 1)):
        assert overlap(everything, band) is Overlap.CERTAIN


@pytest.mark.parametrize(
    ("lower", "upper"),
    [(math.nan, 1.0), (0.0, math.nan), (math.inf, math.inf), (-math.inf, -math.inf), (1.0, 0.999)],
)
def test_a_band_that_cannot_be_is_refused(lower: float, upper: float) -> None:
    with pytest.raises(ValueError, match=r"floor|number"):
        amsl(lower, upper)


def test_a_ceiling_below_the_floor_is_seen_through_the_take_off_elevation() -> None:
    with pytest.raises(ValueError, match="below the floor"):
        AltitudeBand(120.0, Datum.AMSL, 10.0, Datum.TAKEOFF, 100.0)
    AltitudeBand(120.0, Datum.AMSL, 10.0, Datum.TAKEOFF)


@pytest.mark.parametrize("bounds", [(1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 1.0, 0.0), (0.0, math.inf, 0.0, 0.0)])
def test_a_reference_with_impossible_bounds_is_refused(bounds: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="bound"):
        VerticalReference(*bounds)
