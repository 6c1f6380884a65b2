"""Both scales are bounds: bands that may overlap do so above sea level, and above ground too."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from lowsky.geo.heights.altitude import AltitudeBand, AltitudeBands, Datum, Overlap, VerticalReference, overlap_codes
from lowsky.geo.heights.geoid import geoid_bounds_of, shared_ground
from lowsky.geo.volumes.height_scales import on_both_scales
from tests.unit.geo.encounters import Raster, bands, references

NONE = Overlap.NONE.value

Box = tuple[float, float, float, float]


@st.composite
def boxes_that_meet(draw: st.DrawFn) -> tuple[Box, Box]:
    """Around one place, from metres to tens of degrees in size, some as wide as the world, as at the antimeridian."""
    lon, lat = draw(st.floats(-179, 179)), draw(st.floats(-89, 89))
    sizes = st.sampled_from([1e-5, 0.01, 0.7, 30.0])

    def box() -> Box:
        west, south, east, north = (draw(sizes) for _ in range(4))
        if draw(st.integers(0, 9)) == 0:
            return -180.0, max(lat - south, -90.0), 180.0, min(lat + north, 90.0)
        return max(lon - west, -180.0), max(lat - south, -90.0), min(lon + east, 180.0), min(lat + north, 90.0)

    return box(), box()


def code(ours: AltitudeBands, theirs: AltitudeBands, boxes: NDArray[np.float64], reference: VerticalReference) -> int:
    """Of the one pair, with what is known of the ground that they share."""
    ground = shared_ground(boxes[:1], boxes[1:])
    terrain_m = reference.ground.bounds_of(ground) if reference.ground else None
    return int(overlap_codes(ours, theirs, reference, geoid_bounds_of(ground), terrain_m)[0])


@settings(max_examples=500, deadline=None)
@given(bands(), bands(), boxes_that_meet(), references())
def test_bands_that_may_overlap_do_so_on_both_scales(
    ours: AltitudeBand, theirs: AltitudeBand, boxes: tuple[Box, Box], reference: VerticalReference
) -> None:
    both, at = AltitudeBands.of([ours, theirs]), np.array(boxes)
    overlap = code(both[:1], both[1:], at, reference)
    event(f"overlap {overlap}")
    a, b = on_both_scales(both, at, reference)
    if overlap != NONE:
        assert a[0] <= b[1]
        assert b[0] <= a[1]
        assert a[2] <= b[3]
        assert b[2] <= a[3]


def scales(
    lower: float, upper: float, datum: Datum, reference: VerticalReference, takeoff: float | None = None
) -> list[float]:
    band = AltitudeBands.of([AltitudeBand(lower, datum, upper, datum, takeoff)])
    found: list[float] = on_both_scales(band, np.array([[121.4, 31.2, 121.5, 31.3]]), reference)[0].tolist()
    return found


def test_heights_are_told_by_what_is_known_of_the_ground() -> None:
    reference = VerticalReference(10, 50, 9, 10)
    assert scales(100, 120, Datum.AGL, reference) == [110, 170, 100, 120]
    assert scales(100, 120, Datum.AMSL, reference) == [100, 120, 50, 110]
    assert scales(100, 120, Datum.TAKEOFF, reference) == [110, 170, 60, 160]
    assert scales(100, 120, Datum.TAKEOFF, reference, 20) == [120, 140, 70, 130]


def test_a_raster_that_contradicts_what_is_stated_widens_it() -> None:
    least, greatest = Raster(0).extremes
    reference = VerticalReference(0, 60, 9, 10, Raster(0))
    assert scales(100, 120, Datum.AGL, reference) == [100 + least, 120 + greatest, 100, 120]


@pytest.mark.parametrize("datum", list(Datum))
def test_an_open_band_reaches_for_ever_on_both_scales(datum: Datum) -> None:
    assert scales(-math.inf, math.inf, datum, VerticalReference()) == [-math.inf, math.inf, -math.inf, math.inf]
