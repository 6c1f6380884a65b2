"""Altitude bands and their datums, one by one and as arrays."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray


class Datum(StrEnum):
    """What an altitude is measured from."""

    AGL = "AGL"
    """Ground directly below."""
    AMSL = "AMSL"
    """Mean sea level, EGM96."""
    WGS84 = "WGS84"
    """The WGS84 ellipsoid."""
    TAKEOFF = "TAKEOFF"
    """The take-off point."""

    @property
    def code(self) -> int:
        """The datum in int8 arrays: its place in this enumeration."""
        return _CODES[self]


DATUMS = tuple(Datum)
"""The datum of each int8 code."""
_CODES = {datum: code for code, datum in enumerate(DATUMS)}


@dataclass(frozen=True, slots=True)
class AltitudeBand:
    """Heights from `lower_m` (inside) up to `upper_m` (outside), in metres, each in its own datum.

    `lower_m` may be -inf and `upper_m` inf. A band whose limits are equal in one datum is that single height: level
    flight without a vertical buffer is somewhere. `takeoff_amsl_m` is the elevation of the take-off point, where a
    limit is above take-off and the elevation is known. Raises ValueError for NaN and for a ceiling below the floor in
    the same datum.
    """

    lower_m: float
    lower_datum: Datum
    upper_m: float
    upper_datum: Datum
    takeoff_amsl_m: float | None = None

    def __post_init__(self) -> None:
        if math.isnan(self.lower_m) or math.isnan(self.upper_m):
            raise ValueError("an altitude limit is not a number")
        if self.lower_m == math.inf or self.upper_m == -math.inf:
            raise ValueError("a floor cannot be +infinity and a ceiling cannot be -infinity")
        if self.takeoff_amsl_m is not None and not math.isfinite(self.takeoff_amsl_m):
            raise ValueError("the take-off elevation must be finite")
        floor, floor_datum, ceiling, ceiling_datum = self.resolved()
        if floor_datum is ceiling_datum and ceiling < floor:
            raise ValueError(f"the ceiling {self.upper_m} m lies below the floor {self.lower_m} m")

    def resolved(self) -> tuple[float, Datum, float, Datum]:
        """Floor, its datum, ceiling, its datum; limits above a take-off point of known elevation become AMSL."""
        floor, floor_datum = self._resolve(self.lower_m, self.lower_datum)
        ceiling, ceiling_datum = self._resolve(self.upper_m, self.upper_datum)
        return floor, floor_datum, ceiling, ceiling_datum

    def _resolve(self, height_m: float, datum: Datum) -> tuple[float, Datum]:
        if datum is Datum.TAKEOFF and self.takeoff_amsl_m is not None:
            return height_m + self.takeoff_amsl_m, Datum.AMSL
        return height_m, datum


@dataclass(frozen=True, slots=True)
class AltitudeBands:
    """Many bands, one per index: float64 metres, int8 datum codes, and NaN for an unknown take-off elevation."""

    lower_m: NDArray[np.float64]
    upper_m: NDArray[np.float64]
    lower_datum: NDArray[np.int8]
    upper_datum: NDArray[np.int8]
    takeoff_amsl_m: NDArray[np.float64]

    @classmethod
    def of(cls, bands: Iterable[AltitudeBand]) -> Self:
        """The same bands as arrays."""
        listed = list(bands)
        return cls(
            np.array([band.lower_m for band in listed], dtype=np.float64),
            np.array([band.upper_m for band in listed], dtype=np.float64),
            np.array([band.lower_datum.code for band in listed], dtype=np.int8),
            np.array([band.upper_datum.code for band in listed], dtype=np.int8),
            np.array(
                [math.nan if band.takeoff_amsl_m is None else band.takeoff_amsl_m for band in listed],
                dtype=np.float64,
            ),
        )

    @classmethod
    def join(cls, parts: Sequence[AltitudeBands]) -> Self:
        """Those of several, one after the other."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in cls.__dataclass_fields__))

    def __len__(self) -> int:
        return len(self.lower_m)

    def __getitem__(self, index: Any) -> AltitudeBands:
        """The bands at a numpy index (slice, mask or positions), in its shape."""
        return AltitudeBands(
            self.lower_m[index],
            self.upper_m[index],
            self.lower_datum[index],
            self.upper_datum[index],
            self.takeoff_amsl_m[index],
        )

    def band(self, index: int) -> AltitudeBand:
        """One band as a value."""
        takeoff = float(self.takeoff_amsl_m[index])
        return AltitudeBand(
            float(self.lower_m[index]),
            DATUMS[self.lower_datum[index]],
            float(self.upper_m[index]),
            DATUMS[self.upper_datum[index]],
            None if math.isnan(takeoff) else takeoff,
        )

    def resolved(self) -> AltitudeBands:
        """The bands with limits above a take-off point of known elevation made AMSL."""
        known = ~np.isnan(self.takeoff_amsl_m)
        if not known.any():
            return self
        lower, upper = (
            known & (self.lower_datum == Datum.TAKEOFF.code),
            known & (self.upper_datum == Datum.TAKEOFF.code),
        )
        return AltitudeBands(
            np.where(lower, self.lower_m + self.takeoff_amsl_m, self.lower_m),
            np.where(upper, self.upper_m + self.takeoff_amsl_m, self.upper_m),
            np.where(lower, np.int8(Datum.AMSL.code), self.lower_datum),
            np.where(upper, np.int8(Datum.AMSL.code), self.upper_datum),
            np.full_like(self.takeoff_amsl_m, np.nan),
        )
