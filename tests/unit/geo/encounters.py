"""Pairs of plans around one place and one moment, so that they overlap, touch, or miss each other by a rounding."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import shapely
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely import MultiPolygon, Polygon

from lowsky.geo.heights.altitude import DATUMS, AltitudeBand, Datum, VerticalReference
from lowsky.geo.shapes.antimeridian import cut
from lowsky.geo.shapes.circles import circle
from lowsky.geo.volumes.height_scales import on_both_scales
from lowsky.geo.volumes.nodes import CELL_DEGREES, CELLS, HOUR_S, SLICE_S, Cover, cover
from lowsky.geo.volumes.volumes import Volume4D, Volumes

HOUR = 490_000 * HOUR_S
"""In November 2025."""

REFERENCES = (VerticalReference(), VerticalReference(0, 60, -20, -10), VerticalReference(-5, -5, 0, 0))
"""The last states bounds that EGM96 contradicts nearly everywhere."""


@dataclass(frozen=True)
class Raster:
    """A model of the ground that knows it in some cells, and contradicts what is stated in others."""

    seed: int

    @property
    def extremes(self) -> tuple[float, float]:
        return -40.0, 400.0

    def bounds_of(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        cell = np.floor(boxes[:, :2] * 50.0).sum(axis=1).astype(np.int64) + self.seed
        least = np.array([-40.0, 0.0, 100.0, np.nan])[cell % 4]
        greatest = np.array([400.0, 0.0, 130.0, np.nan])[cell % 4]
        return np.stack([least, greatest], axis=1)


def references() -> st.SearchStrategy[VerticalReference]:
    """Wide, narrow and contradicting bounds, with and without a raster."""

    def with_raster(reference: VerticalReference, seed: int | None) -> VerticalReference:
        ground = None if seed is None else Raster(seed)
        return VerticalReference(
            reference.terrain_min_m, reference.terrain_max_m, reference.geoid_min_m, reference.geoid_max_m, ground
        )

    return st.builds(with_raster, st.sampled_from(REFERENCES), st.none() | st.integers(0, 3))


def near(value: float) -> st.SearchStrategy[float]:
    """It, the next numbers to it, and what lies within a nanometre or a metre."""
    return st.sampled_from(
        [value, math.nextafter(value, math.inf), math.nextafter(value, -math.inf), value + 1e-13, value - 1e-5]
    )


@st.composite
def places(draw: st.DrawFn) -> tuple[float, float]:
    """Longitude and latitude: on borders of cells and tiles, at the antimeridian, at the edge of a pole, anywhere."""
    grid = draw(st.sampled_from([CELL_DEGREES, CELL_DEGREES * CELLS]))
    longitude = draw(
        st.sampled_from([180.0, -180.0, 0.0, 113.5])
        | st.integers(-500, 500).map(lambda n: n * grid)
        | st.floats(-180, 180)
    )
    latitude = draw(
        st.sampled_from([0.0, 22.0, 89.84, 89.9, -89.9])
        | st.integers(-250, 250).map(lambda n: n * grid)
        | st.floats(-89.99, 89.99)
    )
    return draw(near(longitude)), draw(near(latitude))


@st.composite
def outlines(draw: st.DrawFn, place: tuple[float, float]) -> Polygon | MultiPolygon:
    """A shape at a place: around it, or with an edge or a corner there."""
    longitude, latitude = place
    kind = draw(st.sampled_from(["box", "circle", "sliver"]))
    if kind == "circle":
        radius_m = draw(st.sampled_from([0.5, 40.0, 3_000.0, 60_000.0, 300_000.0]))
        try:
            return circle(min(max(longitude, -180.0), 180.0), latitude, radius_m)
        except ValueError:  # too near a pole
            kind = "box"
    if kind == "sliver":  # as a corridor of up to 1 000 km
        angle, length = draw(st.floats(0, math.tau)), draw(st.sampled_from([0.001, 0.05, 1.0, 9.0]))
        width = draw(st.sampled_from([1e-6, 2e-4, 0.01]))
        along = np.array([math.cos(angle), math.sin(angle)]) * length
        across = np.array([-math.sin(angle), math.cos(angle)]) * width
        back = along * draw(st.sampled_from([0.0, 0.5]))
        corners = np.array(place) - back + np.array([-across, along - across, along + across, across])
        corners[:, 1] = np.clip(corners[:, 1], -90.0, 90.0)
        area = Polygon(corners)
        if area.is_valid and area.area > 0.0:
            return cut(area)
    sizes = st.sampled_from([0.0, 1e-13, 1e-9, 1e-5, 0.004, 0.02, 0.32, 3.0, 40.0])
    west, south, east, north = (draw(sizes) for _ in range(4))
    south, north = max(latitude - south, -90.0), min(latitude + north, 90.0)
    if south >= north:
        south, north = max(latitude - 1e-5, -90.0), min(latitude + 1e-5, 90.0)
    if longitude - west >= longitude + east:
        west = east = 1e-5
    return cut(shapely.box(longitude - west, south, longitude + east, north))


@st.composite
def times(draw: st.DrawFn, moment: float) -> tuple[float, float]:
    """From before or at a moment until it or later."""
    spans = st.sampled_from([0.0, 2.5e-7, 1e-3, 7.0, float(SLICE_S), float(HOUR_S), 4.0 * HOUR_S])
    start, end = moment - draw(spans), moment + draw(spans)
    return (start, end) if start < end else (moment - 1.0, moment + 1.0)


moments = st.one_of(
    st.sampled_from([0, SLICE_S, 7 * SLICE_S, HOUR_S]).map(lambda s: float(HOUR + s)).flatmap(near),
    st.integers(0, 10**7).map(lambda ms: HOUR + ms / 1e3),
)


@st.composite
def bands(draw: st.DrawFn) -> AltitudeBand:
    """In one datum or two, from a grid, so that heights touch; open ones, and level flight."""
    heights = st.integers(-2, 8).map(lambda n: n * 25.0) | st.sampled_from([149.99, 150.01])
    lower, upper = draw(heights), draw(heights)
    lower_datum = draw(st.sampled_from(DATUMS))
    upper_datum = draw(st.sampled_from(DATUMS) | st.just(lower_datum))
    if lower_datum is upper_datum:
        lower, upper = min(lower, upper), max(lower, upper)
    takeoff = draw(st.none() | st.sampled_from([0.0, 30.0]))
    if takeoff is not None and {lower_datum, upper_datum} <= {Datum.TAKEOFF, Datum.AMSL}:
        lower_datum, upper_datum = Datum.TAKEOFF, Datum.TAKEOFF
        lower, upper = min(lower, upper), max(lower, upper)
    lower, upper = (
        draw(st.sampled_from([lower, lower, lower, -math.inf])),
        draw(st.sampled_from([upper, upper, upper, math.inf])),
    )
    return AltitudeBand(lower, lower_datum, upper, upper_datum, takeoff)


@st.composite
def plans(draw: st.DrawFn, place: tuple[float, float], moment: float) -> list[Volume4D]:
    """One volume at the place and moment, and sometimes others."""

    def volume(at: tuple[float, float], when: float) -> Volume4D:
        return Volume4D(draw(outlines(at)), draw(bands()), *draw(times(when)))

    made = [volume(place, moment)]
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        made.append(volume(draw(places()), draw(moments)))
    return made


@st.composite
def encounters(draw: st.DrawFn) -> tuple[list[Volume4D], list[Volume4D]]:
    """Two plans around one place and one moment."""
    place, moment = draw(places()), draw(moments)
    return draw(plans(place, moment)), draw(plans(place, moment))


def covered(volumes: Volumes, reference: VerticalReference) -> Cover:
    """The nodes, as the submission path finds them."""
    boxes = shapely.bounds(volumes.outlines).reshape(-1, 4)
    return cover(volumes, on_both_scales(volumes.altitudes, boxes, reference))
