"""The undulation of EGM96, the height of mean sea level above the WGS84 ellipsoid, by bounds per cell of one degree.

Bounds instead of values: a plan and a zone meet over an area, over which the undulation is not one number. The table
and how its bounds hold between the nodes of the grid: `data/README.md`.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

ROWS: Final = 180
COLUMNS: Final = 360
_ORIGIN: Final = np.array([COLUMNS // 2, ROWS // 2])
_SMALL: Final = 2
"""Cells along each side of a box that is looked up in one pass: a corridor's, or the ground that two shapes share."""


def geoid_bounds(longitude: float, latitude: float) -> tuple[float, float]:
    """Least and greatest undulation, in metres, in the cell of a point in degrees.

    Raises ValueError for a point that is not on Earth.
    """
    if not (abs(longitude) <= 180.0 and abs(latitude) <= 90.0):
        raise ValueError(f"{longitude}, {latitude} is not a longitude and a latitude")
    least, greatest = geoid_bounds_of(np.array([[longitude, latitude, longitude, latitude]]))[0]
    return float(least), float(greatest)


def geoid_bounds_of(boxes: Floats) -> Floats:
    """Least and greatest undulation in metres, (n, 2), within boxes of west, south, east and north in degrees, (n, 4).

    Longitudes may run past 180.

    Raises:
        ValueError: for a box that is not finite or ends before it starts.
    """
    if not (np.isfinite(boxes).all() and (boxes[:, :2] <= boxes[:, 2:]).all()):
        raise ValueError("not boxes of west, south, east, north")
    first = np.floor(boxes[:, :2]).astype(np.intp) + _ORIGIN
    last = np.ceil(boxes[:, 2:]).astype(np.intp) + _ORIGIN - 1
    last = np.maximum(first, last)
    row, last_row = np.clip(first[:, 1], 0, ROWS - 1), np.clip(last[:, 1], 0, ROWS - 1)
    column, last_column = first[:, 0], last[:, 0]
    cells = _cells()
    # All four corners: of a box of two by two cells these are all, and of a smaller one some twice.
    corners = cells[
        np.stack([row, row, last_row, last_row]), np.stack([column, last_column, column, last_column]) % COLUMNS
    ]
    bounds: Floats = np.stack([corners[..., 0].min(axis=0), corners[..., 1].max(axis=0)], axis=-1)
    large = (last_row - row >= _SMALL) | (last_column - column >= _SMALL)
    for box in np.flatnonzero(large):
        columns = np.arange(column[box], min(last_column[box] + 1, column[box] + COLUMNS)) % COLUMNS
        within = cells[row[box] : last_row[box] + 1, columns]
        bounds[box] = within[..., 0].min(), within[..., 1].max()
    return bounds


@cache
def _cells() -> Floats:
    """Metres, shape (180, 360, 2), from 90 S, 180 W."""
    path = files("lowsky.geo").joinpath("data/geoid_bounds.npz")
    with path.open("rb") as stored, np.load(stored, allow_pickle=False) as table:
        cells = np.stack([table["least_cm"], table["greatest_cm"]], axis=-1) / 100.0
    if cells.shape != (ROWS, COLUMNS, 2):
        raise ValueError(f"the table of undulations has the shape {cells.shape}")
    cells.flags.writeable = False
    return cells


def narrowed(least_m: float, greatest_m: float, local: Floats) -> Floats:
    """Local bounds, (..., 2), cut to those stated for an area; where the two contradict, all that either allows."""
    least, greatest = local[..., 0], local[..., 1]
    within = np.stack([np.maximum(least, least_m), np.minimum(greatest, greatest_m)], axis=-1)
    apart = within[..., 0] > within[..., 1]
    if apart.any():
        within[apart] = np.stack([np.minimum(least, least_m), np.maximum(greatest, greatest_m)], axis=-1)[apart]
    return within


def shared_ground(boxes: Floats, others: Floats) -> Floats:
    """The boxes, (n, 4), that pairs of boxes share; of two that do not meet, what lies between them."""
    low, high = np.maximum(boxes[:, :2], others[:, :2]), np.minimum(boxes[:, 2:], others[:, 2:])
    return np.concatenate([np.minimum(low, high), np.maximum(low, high)], axis=1)
