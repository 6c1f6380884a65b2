"""Nodes of space and time, by which volumes that may overlap are found in a table, and locked in a fixed order.

A node is a leaf, a cell of 0.02 degrees (2.2 km northwards) for five minutes, or an area, a tile of 16 by 16 cells for
an hour. Its number is made of

    hour (21 bits) · tile (20) · cell in the tile (8) · slice in the hour, from 1 (4; 0 is the area itself)

so that the leaves of an area follow it without a gap: what lies beneath an area is a range, and old times are at the
beginning of any index. Two volumes that overlap share a node, or one has an area that a leaf of the other lies beneath.
Nodes preselect and never decide.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from lowsky.geo.heights.vertical_reference import VerticalReference
from lowsky.geo.shapes.grouped_arrays import changes, numbered, of_some
from lowsky.geo.volumes.height_scales import on_both_scales
from lowsky.geo.volumes.volumes import Volumes

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
Nodes = NDArray[np.int64]

CELL_DEGREES: Final = 0.02
"""A flight of 5 km meets three or four: few rows a plan, and few strangers in each."""

CELLS: Final = 16
"""Cells along each side of a tile."""

SLICE_S: Final = 300
HOUR_S: Final = 3_600

LEAVES_MAX: Final = 256
"""Of one plan, as for a straight flight of 200 km in two hours. A plan that has more is held by areas instead."""

AREAS_MAX: Final = 1_024
"""Of one plan, as for a circle of 300 km for three hours, or four tiles for ten days. More than that is no flight, and
would make everybody wait."""

_ENTRIES_MAX: Final = 50_000
"""Nodes of a plan's single volumes, before those are counted once that several volumes share."""

_EXACT_FROM: Final = 16
"""Cells in the box of an outline, from which on each is looked at: a long slanting leg meets few of them."""

_MARGIN_DEGREES: Final = 1e-9
"""A tenth of a millimetre: far above what floating point rounds."""

_SLICE_BITS: Final = 4
_CELL_BITS: Final = 8
_TILE_BITS: Final = 20
_TILE_COLUMNS: Final = round(360 / (CELL_DEGREES * CELLS))

AREA_SPAN: Final = 1 << (_CELL_BITS + _SLICE_BITS)
"""An area and the leaves beneath it are the numbers from its own until before its own plus this."""

_HOURS: Final = 1 << 21
"""Until the year 2209."""


@dataclass(frozen=True, slots=True, eq=False)
class Cover:
    """The nodes that plans meet, by owner and node, each once; and when, where and how high the plan is around there.

    `boxes`, (n, 4), are west, south, east and north; `heights`, (n, 4), those of the volumes that were given.
    """

    owner: Indices
    node: Nodes
    start_s: Floats
    end_s: Floats
    boxes: Floats
    heights: Floats
    too_large: frozenset[int]
    """The owners that are left out, because they would hold more than AREAS_MAX areas."""

    def __len__(self) -> int:
        return len(self.node)

    def of_owners(self, owners: Sequence[int]) -> Cover:
        """The nodes of some plans, ascending; their owners are the indexes in that list."""
        some = of_some(self.owner, owners)
        return self if some is None else self._at(*some)

    def _at(self, index: Indices | NDArray[np.bool_], owner: Indices) -> Cover:
        return Cover(
            owner,
            self.node[index],
            self.start_s[index],
            self.end_s[index],
            self.boxes[index],
            self.heights[index],
            self.too_large,
        )


def is_area(node: Nodes) -> NDArray[np.bool_]:
    """Whether nodes are areas."""
    found: NDArray[np.bool_] = (node & ((1 << _SLICE_BITS) - 1)) == 0
    return found


def area_of(node: Nodes) -> Nodes:
    """The areas that nodes are, or lie beneath."""
    return node & ~np.int64(AREA_SPAN - 1)


def cover(volumes: Volumes, heights: Floats) -> Cover:
    """The leaves of each plan, or its areas where it has too many leaves.

    Args:
        heights: (n, 4) of least and greatest by one scale, then by another, see `lowsky.geo.volumes.height_scales`.
    """
    pieces = _Pieces(volumes.outlines, volumes.boxes, np.arange(len(volumes)))
    if (shapely.get_type_id(volumes.outlines) != _POLYGON).any():
        parts, volume = shapely.get_parts(volumes.outlines, return_index=True)
        pieces = _Pieces(parts, shapely.bounds(parts).reshape(-1, 4), volume.astype(np.intp))
    leaves, many = _cover(volumes, heights, pieces, _LEAVES)
    if not many:
        return leaves
    there = np.isin(volumes.owner[pieces.volume], list(many))
    areas, too_many = _cover(volumes, heights, pieces.at(there), _AREAS)
    return _joined(leaves, areas, too_many)


def cover_of(volumes: Volumes, reference: VerticalReference) -> Cover:
    """The same, by the scales that are compared with one another."""
    return cover(volumes, on_both_scales(volumes.altitudes, volumes.boxes, reference))


@dataclass(frozen=True, slots=True, eq=False)
class _Pieces:
    """Polygons of outlines: the two sides of the antimeridian have boxes of their own."""

    polygons: NDArray[np.object_]
    boxes: Floats
    volume: Indices

    def at(self, index: NDArray[np.bool_]) -> _Pieces:
        return _Pieces(self.polygons[index], self.boxes[index], self.volume[index])


@dataclass(frozen=True, slots=True)
class _Level:
    """A size of nodes."""

    degrees: float
    seconds: int
    most: int

    @property
    def columns(self) -> int:
        return math.ceil(360 / self.degrees)

    @property
    def rows(self) -> int:
        return math.ceil(180 / self.degrees)  # the last row of areas ends beyond the pole

    def numbers(self, column: Indices, row: Indices, step: Indices) -> Nodes:
        """The key of the node at a cell of this level's grid and a time step."""
        if self is _AREAS:
            return self._area(column, row, step)
        steps = HOUR_S // SLICE_S
        within = (row % CELLS) * CELLS + column % CELLS
        beneath = (within << _SLICE_BITS) | (step % steps + 1)
        return self._area(column // CELLS, row // CELLS, step // steps) | beneath

    @staticmethod
    def _area(column: Indices, row: Indices, hour: Indices) -> Nodes:
        area: Nodes = (hour << _TILE_BITS | (row * _TILE_COLUMNS + column)) << (_CELL_BITS + _SLICE_BITS)
        return area


_LEAVES: Final = _Level(CELL_DEGREES, SLICE_S, LEAVES_MAX)
_AREAS: Final = _Level(CELL_DEGREES * CELLS, HOUR_S, AREAS_MAX)

_CORNER: Final = np.array([180.0, 90.0])
"""From the south-west corner of all grids to 0, 0."""

_POLYGON: Final = shapely.GeometryType.POLYGON.value


def _cover(volumes: Volumes, heights: Floats, pieces: _Pieces, level: _Level) -> tuple[Cover, frozenset[int]]:
    """The nodes of one level; and the owners that have too many, who are left out."""
    owner = volumes.owner[pieces.volume]
    first, counts = _grid(pieces.boxes, level)
    step = np.floor(volumes.start_s[pieces.volume] / level.seconds)
    # Half-open: what ends with a step is not in the next one.
    steps = np.ceil(volumes.end_s[pieces.volume] / level.seconds) - step
    many = np.bincount(owner, counts[:, 0] * counts[:, 1] * steps) > _ENTRIES_MAX
    many[owner[(step + steps > _HOURS * (HOUR_S // level.seconds)) | (step < 0)]] = True
    which = (~many[owner]).nonzero()[0]
    piece, column, row = _cells(pieces, which, first.astype(np.intp), counts.astype(np.intp), level)
    at, nth = numbered(steps[piece].astype(np.intp))
    piece, column, row = piece[at], column[at], row[at]
    node = level.numbers(column, row, step[piece].astype(np.intp) + nth)
    met = _around(volumes, heights, pieces, piece, node, _clipped(pieces.boxes[piece], column, row, level))
    crowded = np.bincount(met.owner, minlength=len(many)) > level.most
    if crowded.any():
        keep = ~crowded[met.owner]
        met = met._at(keep, met.owner[keep])
    return met, frozenset((many | crowded).nonzero()[0].tolist())


def _grid(boxes: Floats, level: _Level) -> tuple[Floats, Floats]:
    """The first column and row that each box meets, and how many, (n, 2)."""
    ends = np.floor((boxes.reshape(-1, 2, 2) + _CORNER) / level.degrees)
    np.minimum(np.maximum(ends, 0.0, out=ends), (level.columns - 1, level.rows - 1), out=ends)
    first = ends[:, 0]
    return first, ends[:, 1] - first + 1


def _cells(
    pieces: _Pieces, which: Indices, first: Indices, counts: Indices, level: _Level
) -> tuple[Indices, Indices, Indices]:
    """Piece, column and row of each cell that the pieces meet."""
    total = counts[which, 0] * counts[which, 1]
    at, nth = numbered(total)
    piece = which[at]
    across = counts[piece, 0]
    column, row = first[piece, 0] + nth % across, first[piece, 1] + nth // across
    large = (total[at] > _EXACT_FROM).nonzero()[0]
    if len(large):
        west, south = column[large] * level.degrees - 180.0, row[large] * level.degrees - 90.0
        cells = shapely.box(
            west - _MARGIN_DEGREES,
            south - _MARGIN_DEGREES,
            west + level.degrees + _MARGIN_DEGREES,
            south + level.degrees + _MARGIN_DEGREES,
        )
        shapely.prepare(pieces.polygons[piece[large]])
        apart = large[~shapely.intersects(pieces.polygons[piece[large]], cells)]
        # Threads that share a prepared outline may build its index at once: these are kept, and compared by any thread.
        shapely.destroy_prepared(pieces.polygons[piece[large]])
        piece, column, row = (np.delete(values, apart) for values in (piece, column, row))
    return piece, column, row


def _clipped(boxes: Floats, column: Indices, row: Indices, level: _Level) -> Floats:
    """The boxes within their cells."""
    clipped = np.empty_like(boxes)
    for axis, place in enumerate((column, row)):
        low = place * level.degrees - _CORNER[axis]
        np.maximum(boxes[:, axis], low - _MARGIN_DEGREES, out=clipped[:, axis])
        np.minimum(boxes[:, axis + 2], low + level.degrees + _MARGIN_DEGREES, out=clipped[:, axis + 2])
    return clipped


def _around(volumes: Volumes, heights: Floats, pieces: _Pieces, piece: Indices, node: Nodes, boxes: Floats) -> Cover:
    """One row for each owner and node."""
    volume = pieces.volume[piece]
    owner = volumes.owner[volume]
    order = np.lexsort((node, owner))
    volume, owner, node, boxes = volume[order], owner[order], node[order], boxes[order]
    if not len(order):
        return Cover(owner, node, np.zeros(0), np.zeros(0), boxes, heights[volume], frozenset())
    begins = changes(owner, node).nonzero()[0]
    heights = heights[volume]
    around_boxes, around_heights = np.empty((2, len(begins), 4))
    for side, extreme in enumerate((np.minimum, np.maximum)):
        corner = slice(2 * side, 2 * side + 2)
        around_boxes[:, corner] = extreme.reduceat(boxes[:, corner], begins, axis=0)
        around_heights[:, side::2] = extreme.reduceat(heights[:, side::2], begins, axis=0)
    return Cover(
        owner[begins],
        node[begins],
        np.minimum.reduceat(volumes.start_s[volume], begins),
        np.maximum.reduceat(volumes.end_s[volume], begins),
        around_boxes,
        around_heights,
        frozenset(),
    )


def _joined(a: Cover, b: Cover, too_large: frozenset[int]) -> Cover:
    order = np.argsort(np.concatenate([a.owner, b.owner]), kind="stable")
    owner, node, start_s, end_s, boxes, heights = (
        np.concatenate([getattr(a, name), getattr(b, name)])[order]
        for name in ("owner", "node", "start_s", "end_s", "boxes", "heights")
    )
    return Cover(owner, node, start_s, end_s, boxes, heights, too_large)
