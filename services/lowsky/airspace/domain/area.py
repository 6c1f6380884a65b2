"""The area of an authority: where it may draw restrictions, and what holds there by default."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from lowsky.geo.shapes.antimeridian import cut

VERTICES_MAX = 10_000
"""Of all rings together, as F3548 allows a whole intent: a province is drawn to some hundred metres, and the event of
its authority stays well within the event log's limit."""

BORDER_DEGREES = 1e-7
"""At most 1.2 cm: how far an outline that follows the border may lie beyond it. Borders are cut at the antimeridian and
drawn in pieces, so that an edge along one comes out some millionths of a millimetre beside it; and below a centimetre
apart in plan is the same place (F3548)."""

Ring: TypeAlias = tuple[tuple[float, float], ...]
"""Longitudes and latitudes, not closed."""


@dataclass(frozen=True, slots=True)
class AreaPolygon:
    """A piece of an area, with holes."""

    shell: Ring
    holes: tuple[Ring, ...] = ()


@dataclass(frozen=True, slots=True)
class Area:
    """Polygons as they were drawn; they may touch and overlap. `ground` is their union, cut at the antimeridian.

    `open_below_m` is the height above ground below which flying is open by default: inf where only published zones
    bind, -inf where every flight needs the authority's word.
    """

    polygons: tuple[AreaPolygon, ...]
    ground: BaseGeometry
    open_below_m: float = math.inf

    @classmethod
    def of(cls, polygons: tuple[AreaPolygon, ...], open_below_m: float = math.inf) -> Area:
        """The area of these polygons.

        Raises:
            InvalidPiece: A polygon crosses itself, has no area or goes around a pole.
        """
        ground = shapely.union_all([_ground(place, polygon) for place, polygon in enumerate(polygons)])
        return cls(polygons, ground, open_below_m)

    def covers(self, outline: Polygon | MultiPolygon) -> bool:
        """Whether an outline, cut at the antimeridian, lies within; its edge may lie on the border."""
        if shapely.covers(self.ground, outline):
            return True
        return bool(shapely.covers(shapely.buffer(self.ground, BORDER_DEGREES, join_style="mitre"), outline))


class InvalidPiece(ValueError):
    """A polygon of an area that is none; `place` counts from 0."""

    def __init__(self, place: int, problem: str) -> None:
        super().__init__(problem)
        self.place = place


def _ground(place: int, drawn: AreaPolygon) -> Polygon | MultiPolygon:
    try:
        ground = cut(Polygon(drawn.shell, drawn.holes))
    except ValueError as fault:
        raise InvalidPiece(place, str(fault)) from None
    if ground.area == 0.0:
        raise InvalidPiece(place, "the polygon has no area")
    if not ground.is_valid:
        raise InvalidPiece(place, f"not a simple polygon: {shapely.is_valid_reason(ground)}")
    return ground
