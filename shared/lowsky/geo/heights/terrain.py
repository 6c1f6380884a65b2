"""The elevation of the ground by bounds, from a raster: least and greatest metres above mean sea level in boxes.

Bounds instead of values: a plan and a zone meet over an area, over which the ground is not one number. All pixels that
a box touches count, and one more on each side, so that the surface that is interpolated between the centres of pixels
lies within the bounds. Where the raster does not cover all these pixels (outside it, or no data), the elevation is
unknown, and the bounds that the installation states apply.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
import rasterio
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Pixels = NDArray[np.float32]
Places = NDArray[np.intp]

_FEW: Final = 12
"""Pixels, or blocks, along each side of what is looked at one by one."""
_BLOCK: Final = 4
"""Pixels, or blocks, along each side of a block of the next level."""

PIXELS_MAX: Final = 400_000_000
"""Of a raster: it is held in memory, at some nine bytes a pixel. At 30 m this is a country of 600 km by 600 km."""


class Terrain:
    """A raster of elevations, in longitude and latitude, north up; every level holds the least and greatest of blocks.

    Raises:
        ValueError: Steps that are not positive, or no pixels.
    """

    __slots__ = ("_error_m", "_greatest", "_least", "_north", "_step", "_west")

    def __init__(
        self, metres: Floats | Pixels, *, west: float, north: float, step: tuple[float, float], error_m: float
    ) -> None:
        if metres.ndim != 2 or not metres.size or not min(step) > 0:
            raise ValueError("a raster has rows and columns of pixels, from north to south and from west to east")
        self._west, self._north, self._step, self._error_m = west, north, step, error_m
        # Pixels without data are unbounded both ways, and make everything that holds one so.
        unknown = ~np.isfinite(metres)
        single: Pixels = metres.astype(np.float32)
        least, greatest = np.nextafter(single, np.float32(-np.inf)), np.nextafter(single, np.float32(np.inf))
        least[unknown], greatest[unknown] = -np.inf, np.inf
        self._least, self._greatest = [least], [greatest]
        while max(self._least[-1].shape) > _FEW:
            self._least.append(_blocks(self._least[-1], np.minimum, np.inf))
            self._greatest.append(_blocks(self._greatest[-1], np.maximum, -np.inf))

    @property
    def extremes(self) -> tuple[float, float]:
        """The least and the greatest elevation anywhere in the raster, its error included."""
        least, greatest = self._least[0], self._greatest[0]
        known = np.isfinite(least)
        if not known.any():
            return 0.0, 0.0
        return float(least[known].min()) - self._error_m, float(greatest[known].max()) + self._error_m

    def bounds_of(self, boxes: Floats) -> Floats:
        """Least and greatest elevation, (n, 2), within boxes of west, south, east and north in degrees, (n, 4).

        The raster's error is added on both sides. NaN where the raster does not cover the whole box.
        """
        rows, columns = self._least[0].shape
        # A raster may run past the antimeridian where a box does not, and the other way round.
        west = np.mod(boxes[:, 0] - self._west, 360.0)
        east = west + boxes[:, 2] - boxes[:, 0]
        first = np.floor(np.stack([(self._north - boxes[:, 3]) / self._step[1], west / self._step[0]], axis=1)) - 1
        last = np.floor(np.stack([(self._north - boxes[:, 1]) / self._step[1], east / self._step[0]], axis=1)) + 1
        inside = np.flatnonzero((first >= 0).all(axis=1) & (last < [rows, columns]).all(axis=1))
        bounds = np.full((len(boxes), 2), np.nan)
        bounds[inside] = self._within(first[inside].astype(np.intp), last[inside].astype(np.intp))
        bounds[~np.isfinite(bounds).all(axis=1)] = np.nan
        bounds += np.array([-self._error_m, self._error_m])
        return bounds

    def _within(self, first: Places, last: Places) -> Floats:
        """Of the pixels from first to last, (n, 2) of row and column; of many pixels, of the blocks that they touch."""
        bounds = np.empty((len(first), 2))
        left = np.arange(len(first))
        for least, greatest in zip(self._least, self._greatest, strict=True):
            few = (last - first < _FEW).all(axis=1)
            reach = np.arange(_FEW)
            row = np.minimum(first[few, 0, None] + reach, last[few, 0, None])[:, :, None]
            column = np.minimum(first[few, 1, None] + reach, last[few, 1, None])[:, None, :]
            bounds[left[few], 0] = least[row, column].min(axis=(1, 2))
            bounds[left[few], 1] = greatest[row, column].max(axis=(1, 2))
            left, first, last = left[~few], first[~few] // _BLOCK, last[~few] // _BLOCK
        return bounds


def _blocks(metres: Pixels, extreme: np.ufunc, filling: float) -> Pixels:
    """The extreme of each block; filled up to whole blocks."""
    rows, columns = metres.shape
    filled = np.pad(metres, ((0, -rows % _BLOCK), (0, -columns % _BLOCK)), constant_values=filling)
    blocks = filled.reshape(filled.shape[0] // _BLOCK, _BLOCK, filled.shape[1] // _BLOCK, _BLOCK)
    reduced: Pixels = extreme.reduce(extreme.reduce(blocks, axis=3), axis=1)
    return reduced


@lru_cache(maxsize=1)
def read_terrain(path: Path, error_m: float) -> Terrain:
    """The first band of a raster that rasterio reads, as a GeoTIFF: metres above mean sea level, EPSG:4326, north up.

    The last one read is kept: the parts of a process share it.

    Raises:
        ValueError: Not such a raster, or too large.
    """
    try:
        with rasterio.open(path) as raster:
            if raster.crs is None or raster.crs.to_epsg() != 4326:
                raise ValueError(f"{path}: not in EPSG:4326 but {raster.crs}; gdalwarp -t_srs EPSG:4326 makes it so")
            place = raster.transform
            if place.b or place.d or place.a <= 0 or place.e >= 0:
                raise ValueError(f"{path}: rotated or not north up")
            if raster.width * raster.height > PIXELS_MAX:
                raise ValueError(f"{path}: more than {PIXELS_MAX} pixels: cut it to the area that is served")
            metres = raster.read(1, masked=True).astype(np.float32)
            metres = metres * np.float32(raster.scales[0]) + np.float32(raster.offsets[0])
    except rasterio.errors.RasterioError as error:
        raise ValueError(f"{path}: {error}") from None
    return Terrain(np.ma.filled(metres, np.nan), west=place.c, north=place.f, step=(place.a, -place.e), error_m=error_m)
