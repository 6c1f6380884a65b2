"""Which zones of a file lie outside of an area, and which of them would lie within it with their axes exchanged.

The bounding boxes of many zones are compared at once; they decide, except for zones on the border of the area.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

Floats = NDArray[np.float64]
Indexes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Outlying:
    """Indexes of zones in the file."""

    outside: Indexes
    """Their boxes lie wholly outside of the area."""
    on_border: Indexes
    """Their boxes lie partly inside and partly outside."""


def outlying(bounds: Floats, ground: BaseGeometry) -> Outlying:
    """For boxes, (n, 4): least longitude and latitude, greatest longitude and latitude."""
    shapely.prepare(ground)
    boxes = shapely.box(*bounds.T)
    meets = shapely.intersects(ground, boxes)
    return Outlying(np.flatnonzero(~meets), np.flatnonzero(meets & ~shapely.covers(ground, boxes)))


def exchanged(bounds: Floats, ground: BaseGeometry) -> NDArray[np.bool_]:
    """Whether boxes would lie in the area, wholly or in part, if longitude and latitude were exchanged."""
    west, south, east, north = bounds.T
    return np.asarray(shapely.intersects(ground, shapely.box(south, west, north, east)))
