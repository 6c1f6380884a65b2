"""Vertical limits: a doubtful limit is read in the wider way, with a note."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

from lowsky.airspace.reading.attributes.json_values import empty, number, text
from lowsky.airspace.reading.report import Notes
from lowsky.geo.heights.altitude import AltitudeBand, Datum

FOOT_M = 0.3048
"""The international foot, exactly."""
UNLIMITED_MIN = 99_999.0
"""A limit of at least this value, in either unit, means "none"."""
UNLIMITED_ALSO = 9_999.0
"""Seen beside the text UNL."""


@dataclass(frozen=True, slots=True)
class LimitKeys:
    """The names of the parts of a vertical extent in a dialect."""

    lower: str
    lower_datum: str
    upper: str
    upper_datum: str
    unit: str
    metres_by_default: bool
    """Whether an absent unit means metres in the dialect."""


ED_269_KEYS = LimitKeys(
    "lowerLimit", "lowerVerticalReference", "upperLimit", "upperVerticalReference", "uomDimensions", False
)
ED_318_KEYS = LimitKeys("lower", "lowerReference", "upper", "upperReference", "uom", True)

_UNITS_M = {"M": 1.0, "METRE": 1.0, "METRES": 1.0, "METER": 1.0, "METERS": 1.0}
_UNITS_FT = {"FT": FOOT_M, "FEET": FOOT_M, "FOOT": FOOT_M}
_UNITS = _UNITS_M | _UNITS_FT
_DATUMS = {
    "AGL": Datum.AGL,
    "GND": Datum.AGL,
    "SFC": Datum.AGL,
    "AMSL": Datum.AMSL,
    "MSL": Datum.AMSL,
    "WGS84": Datum.WGS84,
    "W84": Datum.WGS84,
    "HAE": Datum.WGS84,
}
_NONE_TEXTS = {"UNL", "UNLIMITED", "UNLTD", "NONE"}
_GROUND_TEXTS = {"GND", "SFC", "GROUND", "SURFACE"}
THOUSANDS = re.compile(r"\d{1,3}(?:[.,]\d{3})+")
"""1.200 is one or one thousand two hundred, by country."""


def read_band(source: Mapping[str, object], keys: LimitKeys, path: str, notes: Notes) -> AltitudeBand:
    """The altitude band of a layer, in metres.

    No ceiling that can be understood is +inf; no floor is the ground, or -inf where it is not given above ground. An
    unknown unit or datum, and a ceiling that is not above the floor, leave the limits open in the same way.
    """
    metres = _unit_m(source, keys, path, notes)
    upper, upper_datum = _upper(source, keys, path, metres, notes)
    lower, lower_datum = _lower(source, keys, path, metres, notes)
    if lower_datum is upper_datum and upper <= lower:
        notes.unclear(
            "LIMITS_CONTRADICT",
            f"{path}.{keys.upper}",
            f"the ceiling {upper:g} m is not above the floor {lower:g} m: no limits",
        )
        return AltitudeBand(-math.inf, lower_datum, math.inf, upper_datum)
    return AltitudeBand(lower, lower_datum, upper, upper_datum)


def unit_m(value: object) -> float | None:
    """Metres per unit; 1 where none is given, None for an unknown unit."""
    return 1.0 if empty(value) else _UNITS.get(text(value).upper())


def _doubtful_unit(source: Mapping[str, object], keys: LimitKeys) -> bool:
    return not keys.metres_by_default and empty(source.get(keys.unit))


def _unit_m(source: Mapping[str, object], keys: LimitKeys, path: str, notes: Notes) -> float | None:
    metres = unit_m(source.get(keys.unit))
    if metres is None:
        notes.unclear(
            "UNIT_UNKNOWN", f"{path}.{keys.unit}", f"{text(source.get(keys.unit))!r} is no unit: its limits are open"
        )
    elif _doubtful_unit(source, keys) and not (empty(source.get(keys.upper)) and empty(source.get(keys.lower))):
        notes.unclear("UNIT_ABSENT", f"{path}.{keys.unit}", "no unit: a ceiling is read in metres, a floor in feet")
    return metres


def _upper(
    source: Mapping[str, object], keys: LimitKeys, path: str, metres: float | None, notes: Notes
) -> tuple[float, Datum]:
    field, value = f"{path}.{keys.upper}", source.get(keys.upper)
    datum = _datum(source.get(keys.upper_datum))
    words = text(value).upper()
    if empty(value):
        notes.unclear("UPPER_ABSENT", field, "no upper limit: no ceiling")
        return math.inf, datum or Datum.AGL
    found = _limit(value, field, notes)
    if words in _NONE_TEXTS or (found is not None and (found >= UNLIMITED_MIN or found == UNLIMITED_ALSO)):
        notes.unclear("NO_CEILING", field, f"{words} stands for no ceiling")
        return math.inf, datum or Datum.AGL
    if found is None:
        notes.unclear("UPPER_UNREADABLE", field, f"{words or type(value).__name__!r} is no limit: no ceiling")
        return math.inf, datum or Datum.AGL
    if datum is None:
        notes.unclear("UPPER_DATUM_UNKNOWN", f"{path}.{keys.upper_datum}", "unknown vertical reference: no ceiling")
        return math.inf, Datum.AGL
    return (math.inf if metres is None else found * metres), datum


def _lower(
    source: Mapping[str, object], keys: LimitKeys, path: str, metres: float | None, notes: Notes
) -> tuple[float, Datum]:
    field, value = f"{path}.{keys.lower}", source.get(keys.lower)
    datum = _datum(source.get(keys.lower_datum))
    words = text(value).upper()
    if words in _GROUND_TEXTS:
        return 0.0, Datum.AGL
    open_below = (0.0 if datum is Datum.AGL else -math.inf), datum or Datum.AGL
    if empty(value):
        notes.unclear("LOWER_ABSENT", field, "no lower limit: from the ground")
        return open_below
    found = _limit(value, field, notes)
    if found is None or abs(found) >= UNLIMITED_MIN or found == -UNLIMITED_ALSO:
        notes.unclear("LOWER_UNREADABLE", field, f"{words or type(value).__name__!r} is no limit: from the ground")
        return -math.inf, datum or Datum.AGL
    if datum is None:
        notes.unclear("LOWER_DATUM_UNKNOWN", f"{path}.{keys.lower_datum}", "unknown vertical reference: no floor")
        return -math.inf, Datum.AGL
    if metres is None:
        return -math.inf, datum
    if _doubtful_unit(source, keys) and found > 0.0:
        metres = FOOT_M
    return found * metres, datum


def _limit(value: object, field: str, notes: Notes) -> float | None:
    if isinstance(value, str):
        if THOUSANDS.fullmatch(value.strip()):
            return None
        if number(value) is not None:
            notes.unclear("NUMBER_AS_TEXT", field, f"the number {value.strip()} is written as a text")
    return number(value)


def _datum(value: object) -> Datum | None:
    return _DATUMS.get(re.sub(r"[\s_-]", "", text(value).upper()))
