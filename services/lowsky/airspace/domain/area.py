"""The area of an authority: where it may create restrictions, and the default rule that applies there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import shapely
from shapely import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from lowsky.geo.shapes.antimeridian import cut

VERTICES_MAX = 10_000
"""Limit for all rings together, as F3548 has it for a whole intent: enough for the border of a province to some hundred
metres, and the event of its authority stays well within the event log's limit."""

BORDER_DEGREES = 1e-7
"""At most 1.2 cm: how far an outline that follows the border may lie beyond it. Borders are cut at the antimeridian and
drawn in pieces, so that an edge along one comes out some millionths of a millimetre beside it; and below a centimetre
of horizontal distance counts as the same position (F3548)."""

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
    apply, -inf where every flight needs the authority's approval.
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
        ground = shapely.union_all([_ground(index, polygon) for index, polygon in enumerate(polygons)])
        return cls(polygons, ground, open_below_m)

    def covers(self, outline: Polygon | MultiPolygon) -> bool:
        """Whether an outline, cut at the antimeridian, lies within; its edge may lie on the border."""
        if shapely.covers(self.ground, outline):
            return True
        return bool(shapely.covers(shapely.buffer(self.ground, BORDER_DEGREES, join_style="mitre"), outline))


class InvalidPiece(ValueError):
    """An invalid polygon of an area; `index` counts from 0."""

    def __init__(self, index: int, problem: str) -> None:
        super().__init__(problem)
        self.index = index


def _ground(index: int, drawn: AreaPolygon) -> Polygon | MultiPolygon:
    try:
        ground = cut(Polygon(drawn.shell, drawn.holes))
    except ValueError as fault:
        raise InvalidPiece(index, str(fault)) from None
    if ground.area == 0.0:
        raise InvalidPiece(index, "the polygon has no area")
    if not ground.is_valid:
        raise InvalidPiece(index, f"not a simple polygon: {shapely.is_valid_reason(ground)}")
    return ground
