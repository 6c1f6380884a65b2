"""What is known of the ground and of the geoid, and so of the differences between datums, by bounds."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lowsky.geo.heights.bands import DATUMS, Datum
from lowsky.geo.heights.geoid import narrowed

_AGL, _WGS84, _TAKEOFF = Datum.AGL.code, Datum.WGS84.code, Datum.TAKEOFF.code


class Ground(Protocol):
    """Bounds on the elevation of the ground by location."""

    @property
    def extremes(self) -> tuple[float, float]:
        """The least and the greatest elevation that `bounds_of` may give anywhere."""
        ...

    def bounds_of(self, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Least and greatest metres above mean sea level, (n, 2), within boxes of west, south, east and north, (n, 4).

        NaN where nothing is known. Longitudes may run past 180.
        """
        ...


@dataclass(frozen=True, slots=True)
class VerticalReference:
    """Bounds that an installation states for the area it serves, in metres; the default holds anywhere on Earth.

    `terrain_*` bound the elevation of the ground, and of every surface that is taken off from, above mean sea level
    (EGM96). `geoid_*` bound the EGM96 undulation: the height of mean sea level above the WGS84 ellipsoid. Bounds that
    are too narrow lose overlaps; wide ones only make more of them uncertain. Where two shapes meet, EGM96's own bounds
    narrow those of the geoid further: see `within`. `ground`, where there is one, narrows those of the terrain in the
    same way, but not those of take-off points, which may lie anywhere in the area.
    """

    terrain_min_m: float = -430.0
    terrain_max_m: float = 8850.0
    geoid_min_m: float = -107.0
    geoid_max_m: float = 86.0
    ground: Ground | None = field(default=None, compare=False)
    _spread: NDArray[np.float64] = field(init=False, repr=False, compare=False)
    _offsets: NDArray[np.float64] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        bounds = (
            self.terrain_min_m,
            self.terrain_max_m,
            self.geoid_min_m,
            self.geoid_max_m,
        )
        if not all(map(math.isfinite, bounds)):
            raise ValueError("terrain and geoid bounds must be finite")
        if self.terrain_min_m > self.terrain_max_m or self.geoid_min_m > self.geoid_max_m:
            raise ValueError("a lower terrain or geoid bound exceeds its upper bound")
        spread = np.array([[self.difference(x, y) for y in DATUMS] for x in DATUMS])
        offsets = np.array([self.offset(datum) for datum in DATUMS])
        for name, table in (("_spread", spread), ("_offsets", offsets)):
            table.flags.writeable = False
            object.__setattr__(self, name, table)

    def offset(self, datum: Datum) -> tuple[float, float]:
        """Least and greatest height above mean sea level, in metres, of zero in this datum."""
        if datum is Datum.AMSL:
            return 0.0, 0.0
        if datum is Datum.WGS84:
            return -self.geoid_max_m, -self.geoid_min_m
        return self.terrain_min_m, self.terrain_max_m

    def offsets(
        self,
        datums: NDArray[np.int8],
        geoid_m: NDArray[np.float64] | None = None,
        terrain_m: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """`offset` for an array of datum codes, (..., 2); `within` bounds of each place, (..., 2), as `differences`."""
        offsets: NDArray[np.float64] = self._offsets[datums]
        if geoid_m is not None:
            local = narrowed(self.geoid_min_m, self.geoid_max_m, geoid_m)
            offsets = np.where((datums == _WGS84)[..., None], -local[..., ::-1], offsets)
        if terrain_m is not None:
            # A take-off point may lie anywhere in the area: the ground of the place says nothing of it.
            known = np.where(np.isnan(terrain_m), np.array([self.terrain_min_m, self.terrain_max_m]), terrain_m)
            local = narrowed(self.terrain_min_m, self.terrain_max_m, known)
            offsets = np.where((datums == _AGL)[..., None], local, offsets)
        return offsets

    def difference(self, x: Datum, y: Datum) -> tuple[float, float]:
        """Least and greatest (offset of x - offset of y), in metres, for limits of two bands at one point."""
        if x is y and x is not Datum.TAKEOFF:
            return 0.0, 0.0
        (x_min, x_max), (y_min, y_max) = self.offset(x), self.offset(y)
        return x_min - y_max, x_max - y_min

    def differences(
        self,
        x: NDArray[np.int8],
        y: NDArray[np.int8],
        geoid_m: NDArray[np.float64] | None = None,
        terrain_m: NDArray[np.float64] | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`difference` for arrays of datum codes; `within` bounds on undulation and ground at each place, (..., 2).

        The bounds on the ground are NaN where only those of the area are known.
        """
        both = self._spread[x, y]
        least, greatest = both[..., 0], both[..., 1]
        if geoid_m is None and terrain_m is None:
            return least, greatest
        ours, theirs = self.offsets(x, geoid_m, terrain_m), self.offsets(y, geoid_m, terrain_m)
        apart = (x != y) | (x == _TAKEOFF)
        return (
            np.where(apart, ours[..., 0] - theirs[..., 1], least),
            np.where(apart, ours[..., 1] - theirs[..., 0], greatest),
        )

    def within(self, geoid_min_m: float, geoid_max_m: float) -> VerticalReference:
        """The same at a place where the undulation has these bounds too; contradicting ones widen instead."""
        least, greatest = narrowed(self.geoid_min_m, self.geoid_max_m, np.array([geoid_min_m, geoid_max_m]))
        return replace(self, geoid_min_m=float(least), geoid_max_m=float(greatest))


ANYWHERE = VerticalReference()
