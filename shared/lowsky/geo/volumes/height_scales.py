"""How high volumes may reach by two scales at once, above mean sea level and above ground: bounds that never lose an
overlap, by which candidates are found. Flights measured above ground are told apart by the second, others by the first,
and two that overlap do so by both.

Where ground and geoid are known within bounds only, these bounds are the widest that `overlap_codes` may work with.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from lowsky.geo.heights.bands import DATUMS, AltitudeBands, Datum
from lowsky.geo.heights.geoid import geoid_bounds_of
from lowsky.geo.heights.vertical_reference import VerticalReference

Floats = NDArray[np.float64]

_AGL, _WGS84, _TAKEOFF = Datum.AGL.code, Datum.WGS84.code, Datum.TAKEOFF.code


def on_both_scales(bands: AltitudeBands, boxes: Floats, reference: VerticalReference) -> Floats:
    """Least and greatest metres above mean sea level, then above ground, (n, 4); infinite for open bands.

    Args:
        boxes: West, south, east and north of where each band is, (n, 4).
    """
    bands = bands.resolved()
    terrain = _ground(reference)
    lower = bands.lower_m + _offsets(bands.lower_datum, boxes, terrain, reference)[:, 0]
    upper = bands.upper_m + _offsets(bands.upper_datum, boxes, terrain, reference)[:, 1]
    scales = np.empty((len(bands), 4))
    scales[:, 0], scales[:, 1] = lower, upper
    scales[:, 2] = np.where(bands.lower_datum == _AGL, bands.lower_m, lower - terrain[1])
    scales[:, 3] = np.where(bands.upper_datum == _AGL, bands.upper_m, upper - terrain[0])
    return scales


def _ground(reference: VerticalReference) -> tuple[float, float]:
    """Of the whole area. Where a raster contradicts what is stated, both count, as in `narrowed`."""
    least, greatest = reference.terrain_min_m, reference.terrain_max_m
    if reference.ground is not None:
        lowest, highest = reference.ground.extremes
        least, greatest = min(least, lowest), max(greatest, highest)
    return least, greatest


def _offsets(
    datums: NDArray[np.int8], boxes: Floats, terrain: tuple[float, float], reference: VerticalReference
) -> Floats:
    """Least and greatest height above mean sea level of zero in each datum, (n, 2)."""
    of_each = np.zeros((len(DATUMS), 2))
    of_each[_AGL] = of_each[_TAKEOFF] = terrain
    offsets: Floats = of_each[datums]
    ellipsoidal = (datums == _WGS84).nonzero()[0]
    if len(ellipsoidal):
        local = geoid_bounds_of(boxes[ellipsoidal])
        stated = np.array([reference.geoid_min_m, reference.geoid_max_m])
        agree = (stated[0] <= local[:, 0]) & (local[:, 1] <= stated[1])
        hull = np.stack([np.minimum(local[:, 0], stated[0]), np.maximum(local[:, 1], stated[1])], axis=1)
        offsets[ellipsoidal] = -np.where(agree[:, None], local, hull)[:, ::-1]
    return offsets
