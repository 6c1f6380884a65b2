"""Outlines of all within reach of a centre line that are right to a centimetre, from outside or from inside.

They take a hundred times as long as those of `lowsky.geo.shapes.corridors`, and are for what cannot be said of
distances: what of a flight lies in no area, or outside of the airspace that permits it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Final

import numpy as np
from shapely import MultiPolygon, Polygon

from lowsky.geo.shapes.antimeridian import cut
from lowsky.geo.shapes.centre_lines import CentreLine
from lowsky.geo.shapes.projection import GEOD, SERIES_ERROR_M, Floats, densify, unwrapped_steps

_CHORD_M: Final = 0.004
"""How far the pieces of a line stray: by as much, and no more, do those of the sides, which follow them."""
_CAP_M: Final = 0.002
"""How far the corners of a cap are beyond its arc."""
_MARGIN_M: Final = _CHORD_M - SERIES_ERROR_M
"""What keeps an outline outside, or inside: with the cap, less than a centimetre."""

_KEPT: Final = 512
"""Of the outlines that were drawn last: of circles that permit flying, those that flights lie in."""


@lru_cache(_KEPT)
def fine_outline(line: CentreLine, *, inside: bool = False) -> Polygon | MultiPolygon:
    """What contains all within reach of a line, or is contained in it, by less than a centimetre; cut at the
    antimeridian.

    Empty inside of what has a reach of a few millimetres.
    """
    reach_m = line.reach_m + (-_MARGIN_M if inside else _MARGIN_M)
    if reach_m <= 0.0:
        return Polygon()
    begin, end = np.array([line.longitude, line.latitude]), np.array([line.to_longitude, line.to_latitude])
    pieces = densify(begin[:1], begin[1:], end[:1], end[1:], _CHORD_M)
    headings = np.degrees(np.arctan2(pieces.heading_east, pieces.heading_north))
    angles, corner_m = _cap(reach_m, inside)
    inner = np.arange(1, len(headings) - 1)
    # The cap round the end, the left side backwards, the cap round the start, the right side onwards.
    at = np.concatenate([np.full(len(angles), len(headings) - 1), inner[::-1], np.zeros(len(angles), np.intp), inner])
    turn = np.concatenate([angles[::-1], np.full(len(inner), -90.0), angles[::-1] + 180.0, np.full(len(inner), 90.0)])
    away = np.concatenate([np.full(len(angles), corner_m), np.full(len(inner), reach_m)] * 2)
    longitudes, latitudes, _ = GEOD.fwd(pieces.longitudes[at], pieces.latitudes[at], headings[at] + turn, away)
    longitudes = line.longitude + unwrapped_steps(np.full(len(at), line.longitude), longitudes)
    return cut(Polygon(np.column_stack([longitudes, latitudes])))


def _cap(reach_m: float, inside: bool) -> tuple[Floats, float]:
    """Degrees to the right of ahead, ascending, of a half circle's corners, and how far from its middle these are."""
    half = min(math.sqrt(2.0 * _CAP_M / reach_m), math.pi / 8.0)
    edges = math.ceil(math.pi / (2.0 * half))
    if inside:
        return np.linspace(-90.0, 90.0, edges + 1), reach_m
    half = math.pi / (2.0 * edges)
    return np.degrees((2.0 * np.arange(edges) + 1.0 - edges) * half), reach_m / math.cos(half)
