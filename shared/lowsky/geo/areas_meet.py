"""Whether areas meet, for pairs of any two: touching is not meeting."""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

Indices = NDArray[np.intp]

_CORNERS_FEW: Final = 100
"""Of an area: with more it is worth an index of them. Corridors have some 25."""


def interiors_meet(ours: NDArray[np.object_], theirs: NDArray[np.object_]) -> NDArray[np.bool_]:
    """Whether the interiors of valid areas meet, pair by pair."""
    corners = shapely.get_num_coordinates(ours)
    large = np.flatnonzero(np.maximum(corners, shapely.get_num_coordinates(theirs)) > _CORNERS_FEW)
    if len(large):
        ours, theirs = _larger_prepared(ours, theirs, large)
    meet: NDArray[np.bool_] = shapely.intersects(ours, theirs)
    near = np.flatnonzero(meet)
    meet[near] = ~shapely.touches(ours[near], theirs[near])
    return meet


def _larger_prepared(
    ours: NDArray[np.object_], theirs: NDArray[np.object_], large: Indices
) -> tuple[NDArray[np.object_], NDArray[np.object_]]:
    """The same pairs, at some places the area of more corners first, prepared: one of thousands is compared with
    thousands. Copies, since threads that share a prepared area may build its index at once."""
    ours, theirs = ours.copy(), theirs.copy()
    swap = large[shapely.get_num_coordinates(theirs[large]) > shapely.get_num_coordinates(ours[large])]
    ours[swap], theirs[swap] = theirs[swap], ours[swap]
    copies: dict[int, int] = {}
    at = [copies.setdefault(id(area), len(copies)) for area in ours[large]]
    firsts = large[np.unique(at, return_index=True)[1]]
    prepared = shapely.from_wkb(shapely.to_wkb(ours[firsts]))
    shapely.prepare(prepared)
    ours[large] = prepared[at]
    return ours, theirs
