"""Whether two altitude bands overlap when terrain and geoid are known only within bounds."""

from __future__ import annotations

from enum import Enum

import numpy as np
from numpy.typing import NDArray

from lowsky.geo.heights.bands import AltitudeBand, AltitudeBands, Datum
from lowsky.geo.heights.vertical_reference import ANYWHERE, VerticalReference

_AGL, _WGS84 = Datum.AGL.code, Datum.WGS84.code


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


def needs_geoid(a: AltitudeBands, b: AltitudeBands) -> bool:
    """Whether bounds on the undulation can matter: some limits are measured from the ellipsoid, and not all."""
    limits = (a.lower_datum, a.upper_datum, b.lower_datum, b.upper_datum)
    ellipsoidal = int(np.count_nonzero(np.concatenate(limits) == _WGS84))
    return 0 < ellipsoidal < sum(map(len, limits))


def needs_terrain(a: AltitudeBands, b: AltitudeBands) -> bool:
    """Whether bounds on the ground can matter: some limits are measured from it, and not all."""
    limits = (a.lower_datum, a.upper_datum, b.lower_datum, b.upper_datum)
    above_ground = int(np.count_nonzero(np.concatenate(limits) == _AGL))
    return 0 < above_ground < sum(map(len, limits))


def amsl_reach(
    bands: AltitudeBands,
    reference: VerticalReference = ANYWHERE,
    geoid_m: NDArray[np.float64] | None = None,
    terrain_m: NDArray[np.float64] | None = None,
) -> NDArray[np.float64]:
    """The least height above mean sea level that each floor may stand for, and the greatest of each ceiling, (n, 2).

    From the same bounds as `overlap_codes`; infinite for an open band.
    """
    bands = bands.resolved()
    least = bands.lower_m + reference.offsets(bands.lower_datum, geoid_m, terrain_m)[..., 0]
    greatest = bands.upper_m + reference.offsets(bands.upper_datum, geoid_m, terrain_m)[..., 1]
    return np.stack([least, greatest], axis=-1)


def overlap_codes(
    a: AltitudeBands,
    b: AltitudeBands,
    reference: VerticalReference = ANYWHERE,
    geoid_m: NDArray[np.float64] | None = None,
    terrain_m: NDArray[np.float64] | None = None,
) -> NDArray[np.int8]:
    """`overlap` for arrays that broadcast against each other: int8 values of `Overlap`; non-zero is overlap.

    `geoid_m` and `terrain_m`, (..., 2), are bounds on the undulation and on the ground where each pair meets: as
    `overlap` with a reference narrowed to them. Those of the ground are NaN where only the reference's are known.
    """
    a, b = a.resolved(), b.resolved()
    a_one, b_one = a.lower_datum == a.upper_datum, b.lower_datum == b.upper_datum
    codes = np.minimum(
        _below_codes(a, b, b_one & (b.lower_m == b.upper_m), reference, geoid_m, terrain_m),
        _below_codes(b, a, a_one & (a.lower_m == a.upper_m), reference, geoid_m, terrain_m),
    )
    for bands, one_datum in ((a, a_one), (b, b_one)):
        if not one_datum.all():
            own = _below_codes(bands, bands, np.zeros_like(one_datum), reference, geoid_m, terrain_m)
            codes = np.minimum(codes, np.where(one_datum, np.int8(Overlap.CERTAIN.value), own))
    return codes


def _below_codes(
    floors: AltitudeBands,
    ceilings: AltitudeBands,
    ceiling_inside: NDArray[np.bool_],
    reference: VerticalReference,
    geoid_m: NDArray[np.float64] | None,
    terrain_m: NDArray[np.float64] | None,
) -> NDArray[np.int8]:
    least, greatest = reference.differences(floors.lower_datum, ceilings.upper_datum, geoid_m, terrain_m)
    least, greatest = floors.lower_m + least, floors.lower_m + greatest
    possible = (least < ceilings.upper_m) | (ceiling_inside & (least == ceilings.upper_m))
    certain = (greatest < ceilings.upper_m) | (ceiling_inside & (greatest == ceilings.upper_m))
    codes: NDArray[np.int8] = possible.astype(np.int8) + certain
    return codes
