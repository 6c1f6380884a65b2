"""Heights as texts in findings: bands, and ranges of altitudes above sea level."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

from lowsky.geo.heights.altitude import DATUMS, AltitudeBand

AmslRange = tuple[float, float]
"""The least and the greatest height above mean sea level, in metres; infinite for an open band."""

_BANDS_KEPT = 8_192
"""Zones of a city share a few dozen, and plans fly at round heights; a megabyte or two."""

_DATUM_TEXT = {
    "AGL": "above ground",
    "AMSL": "above sea level",
    "WGS84": "above the ellipsoid",
    "TAKEOFF": "above take-off",
}


class Heights(NamedTuple):
    """A band, and its text."""

    band: AltitudeBand
    text: str


@lru_cache(maxsize=_BANDS_KEPT)
def heights_of(lower_m: float, lower_datum: int, upper_m: float, upper_datum: int) -> Heights:
    """The band of these limits, with codes of `Datum`: the same ones come again and again.

    Raises:
        ValueError: There is no such band.
    """
    # Equal floats are kept as one, so that one zero stands for both.
    band = AltitudeBand(lower_m + 0.0, DATUMS[lower_datum], upper_m + 0.0, DATUMS[upper_datum])
    return Heights(band, _text(band))


def _text(band: AltitudeBand) -> str:
    lower = "the ground" if band.lower_m == -math.inf else f"{band.lower_m:.0f} m {_DATUM_TEXT[band.lower_datum]}"
    if band.upper_m == math.inf:
        return f"{lower} upwards"
    if band.lower_datum is band.upper_datum and band.lower_m != -math.inf:
        return f"{band.lower_m:.0f}–{band.upper_m:.0f} m {_DATUM_TEXT[band.upper_datum]}"
    return f"{lower} to {band.upper_m:.0f} m {_DATUM_TEXT[band.upper_datum]}"


def span(amsl_m: AmslRange) -> str:
    """As in "12 to 45 m above sea level", rounded outwards."""
    least, greatest = amsl_m
    if least == -math.inf:
        return "at any height" if greatest == math.inf else f"up to {math.ceil(greatest)} m above sea level"
    if greatest == math.inf:
        return f"{math.floor(least)} m above sea level and higher"
    return f"{math.floor(least)} to {math.ceil(greatest)} m above sea level"
