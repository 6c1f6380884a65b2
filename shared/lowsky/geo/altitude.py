"""Altitude bands, their datums, and whether two bands overlap when terrain and geoid are known only within bounds.

Heights above mean sea level (AMSL) are the common scale. A height in another datum is that height plus an offset:

    AMSL 0 · AGL + terrain · WGS84 - undulation · TAKEOFF + elevation of the take-off point

Terrain and undulation are the same unknown for both bands at any one point, so they cancel where both limits share the
datum. The take-off point is each band's own, so that it never cancels between two bands unless both state it. The
undulation is known within bounds for the place (`lowsky.geo.geoid`), which the caller gives as `geoid_m` per pair.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum, StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from lowsky.geo.geoid import narrowed


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
_WGS84 = _CODES[Datum.WGS84]


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
class VerticalReference:
    """Bounds that an installation states for the area it serves, in metres; the default holds anywhere on Earth.

    `terrain_*` bound the elevation of the ground, and of every surface that is taken off from, above mean sea level
    (EGM96). `geoid_*` bound the EGM96 undulation: the height of mean sea level above the WGS84 ellipsoid. Bounds that
    are too narrow lose overlaps; wide ones only make more of them uncertain. Where two shapes meet, EGM96's own bounds
    narrow those of the geoid further: see `within`.
    """

    terrain_min_m: float = -430.0
    terrain_max_m: float = 8850.0
    geoid_min_m: float = -107.0
    geoid_max_m: float = 86.0
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

    def offsets(self, datums: NDArray[np.int8]) -> NDArray[np.float64]:
        """`offset` for an array of datum codes, (..., 2)."""
        offsets: NDArray[np.float64] = self._offsets[datums]
        return offsets

    def difference(self, x: Datum, y: Datum) -> tuple[float, float]:
        """Least and greatest (offset of x - offset of y), in metres, for limits of two bands at one point."""
        if x is y and x is not Datum.TAKEOFF:
            return 0.0, 0.0
        (x_min, x_max), (y_min, y_max) = self.offset(x), self.offset(y)
        return x_min - y_max, x_max - y_min

    def differences(
        self, x: NDArray[np.int8], y: NDArray[np.int8], geoid_m: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """`difference` for arrays of datum codes; `within` bounds on the undulation at each place, (..., 2)."""
        both = self._spread[x, y]
        least, greatest = both[..., 0], both[..., 1]
        if geoid_m is None:
            return least, greatest
        # Where one of the two is measured from the ellipsoid, the local bounds replace the area's in its offset.
        local = narrowed(self.geoid_min_m, self.geoid_max_m, geoid_m)
        x_sea, y_sea = x == _WGS84, y == _WGS84
        x_only, y_only = x_sea & ~y_sea, y_sea & ~x_sea
        if x_only.any():
            least = np.where(x_only, -local[..., 1] - self._offsets[y, 1], least)
            greatest = np.where(x_only, -local[..., 0] - self._offsets[y, 0], greatest)
        if y_only.any():
            least = np.where(y_only, self._offsets[x, 0] + local[..., 0], least)
            greatest = np.where(y_only, self._offsets[x, 1] + local[..., 1], greatest)
        return least, greatest

    def within(self, geoid_min_m: float, geoid_max_m: float) -> VerticalReference:
        """The same at a place where the undulation has these bounds too; contradicting ones widen instead."""
        least, greatest = narrowed(self.geoid_min_m, self.geoid_max_m, np.array([geoid_min_m, geoid_max_m]))
        return replace(self, geoid_min_m=float(least), geoid_max_m=float(greatest))


ANYWHERE = VerticalReference()


class Overlap(Enum):
    """Whether two bands overlap; the values are the codes of `overlap_codes`. All but NONE count as overlap."""

    NONE = 0
    """Whatever terrain and geoid within the bounds."""
    UNCERTAIN = 1
    """For some terrain and geoid within the bounds, or not shown otherwise."""
    CERTAIN = 2
    """Whatever terrain and geoid within the bounds."""


def overlap(a: AltitudeBand, b: AltitudeBand, reference: VerticalReference = ANYWHERE) -> Overlap:
    """Whether the bands share a height above some point of the ground that both lie over.

    Exact where each band keeps to one datum. Where a band's limits differ in datum, conditions that cannot hold
    together may each seem possible, and the answer then errs to UNCERTAIN.
    """
    a_floor, a_floor_datum, a_ceiling, a_ceiling_datum = a.resolved()
    b_floor, b_floor_datum, b_ceiling, b_ceiling_datum = b.resolved()
    a_level = a_floor_datum is a_ceiling_datum and a_floor == a_ceiling
    b_level = b_floor_datum is b_ceiling_datum and b_floor == b_ceiling
    verdicts = [
        _below(a_floor, b_ceiling, b_level, reference.difference(a_floor_datum, b_ceiling_datum)),
        _below(b_floor, a_ceiling, a_level, reference.difference(b_floor_datum, a_ceiling_datum)),
    ]
    # A band of one datum is never empty; one of two datums is, where the ground rises above its ceiling.
    if a_floor_datum is not a_ceiling_datum:
        verdicts.append(_below(a_floor, a_ceiling, False, reference.difference(a_floor_datum, a_ceiling_datum)))
    if b_floor_datum is not b_ceiling_datum:
        verdicts.append(_below(b_floor, b_ceiling, False, reference.difference(b_floor_datum, b_ceiling_datum)))
    return min(verdicts, key=lambda verdict: verdict.value)


def _below(
    floor_m: float,
    ceiling_m: float,
    ceiling_inside: bool,
    difference_m: tuple[float, float],
) -> Overlap:
    """Whether the floor lies below the ceiling, or at one that is inside, for none, some or all offsets."""
    least, greatest = floor_m + difference_m[0], floor_m + difference_m[1]
    if greatest < ceiling_m or (ceiling_inside and greatest == ceiling_m):
        return Overlap.CERTAIN
    if least < ceiling_m or (ceiling_inside and least == ceiling_m):
        return Overlap.UNCERTAIN
    return Overlap.NONE


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


def needs_geoid(a: AltitudeBands, b: AltitudeBands) -> bool:
    """Whether bounds on the undulation can matter: some limits are measured from the ellipsoid, and not all."""
    limits = (a.lower_datum, a.upper_datum, b.lower_datum, b.upper_datum)
    ellipsoidal = int(np.count_nonzero(np.concatenate(limits) == _WGS84))
    return 0 < ellipsoidal < sum(map(len, limits))


def overlap_codes(
    a: AltitudeBands,
    b: AltitudeBands,
    reference: VerticalReference = ANYWHERE,
    geoid_m: NDArray[np.float64] | None = None,
) -> NDArray[np.int8]:
    """`overlap` for arrays that broadcast against each other: int8 values of `Overlap`; non-zero is overlap.

    `geoid_m`, (..., 2), are bounds on the undulation where each pair meets: as `overlap` with `reference.within` them.
    """
    a, b = a.resolved(), b.resolved()
    a_one, b_one = a.lower_datum == a.upper_datum, b.lower_datum == b.upper_datum
    codes = np.minimum(
        _below_codes(a, b, b_one & (b.lower_m == b.upper_m), reference, geoid_m),
        _below_codes(b, a, a_one & (a.lower_m == a.upper_m), reference, geoid_m),
    )
    for bands, one_datum in ((a, a_one), (b, b_one)):
        if not one_datum.all():
            own = _below_codes(bands, bands, np.zeros_like(one_datum), reference, geoid_m)
            codes = np.minimum(codes, np.where(one_datum, np.int8(Overlap.CERTAIN.value), own))
    return codes


def _below_codes(
    floors: AltitudeBands,
    ceilings: AltitudeBands,
    ceiling_inside: NDArray[np.bool_],
    reference: VerticalReference,
    geoid_m: NDArray[np.float64] | None,
) -> NDArray[np.int8]:
    least, greatest = reference.differences(floors.lower_datum, ceilings.upper_datum, geoid_m)
    least, greatest = floors.lower_m + least, floors.lower_m + greatest
    possible = (least < ceilings.upper_m) | (ceiling_inside & (least == ceilings.upper_m))
    certain = (greatest < ceilings.upper_m) | (ceiling_inside & (greatest == ceilings.upper_m))
    codes: NDArray[np.int8] = possible.astype(np.int8) + certain
    return codes
