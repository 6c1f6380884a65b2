"""The height of the sun from its place among the stars, and when it passes a height, by halving intervals.

The formulas are Meeus' (Astronomical Algorithms, 2nd ed., chapters 12, 13 and 25, low accuracy: 0.01°). What is asked
goes by the angle from sidereal time: no equation of time, no formula for the moment of an event.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

DAY_S = 86_400.0
HORIZON_DEG = {"BMCT": -6.0, "SR": -50.0 / 60.0, "SS": -50.0 / 60.0, "EECT": -6.0}
"""Height of the sun's centre, no refraction added: 34' of refraction and 16' of radius at the horizon."""
MORNING = frozenset({"BMCT", "SR"})
ORDER = ("BMCT", "SR", "SS", "EECT")
_HALVINGS = 24
"""Of half a day: to three milliseconds."""


def noon_s(days: Floats, longitudes: Floats) -> Floats:
    """When a mean sun is in the south on solar days counted from 1970-01-01: four minutes earlier a degree of east."""
    found: Floats = days * DAY_S + DAY_S / 2.0 - longitudes * 240.0
    return found


def _place(moments_s: Floats, longitudes: Floats) -> tuple[Floats, Floats]:
    """Local hour angle in (-180, 180] and declination, in degrees."""
    days = moments_s / DAY_S + 2_440_587.5 - 2_451_545.0
    t = days / 36_525.0
    mean_longitude = 280.46646 + 36_000.76983 * t + 0.0003032 * t * t
    m = np.radians(357.52911 + 35_999.05029 * t - 0.0001537 * t * t)
    centre = (
        (1.914602 - 0.004817 * t - 0.000014 * t * t) * np.sin(m)
        + (0.019993 - 0.000101 * t) * np.sin(2.0 * m)
        + 0.000289 * np.sin(3.0 * m)
    )
    node = np.radians(125.04 - 1_934.136 * t)
    longitude = np.radians(mean_longitude + centre - 0.00569 - 0.00478 * np.sin(node))
    tilt = np.radians(23.439291 - 0.0130042 * t + 0.00256 * np.cos(node))
    ascension = np.degrees(np.arctan2(np.cos(tilt) * np.sin(longitude), np.cos(longitude)))
    declination = np.degrees(np.arcsin(np.sin(tilt) * np.sin(longitude)))
    sidereal = 280.46061837 + 360.98564736629 * days + 0.000387933 * t * t
    hour_angle: Floats = -((180.0 - (sidereal + longitudes - ascension)) % 360.0 - 180.0)
    return hour_angle, declination


def height_deg(moments_s: Floats, longitudes: Floats, latitudes: Floats) -> Floats:
    """Of the sun's centre above a level horizon, without refraction."""
    hour_angle, declination = (np.radians(angle) for angle in _place(moments_s, longitudes))
    phi = np.radians(latitudes)
    sine = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(hour_angle)
    height: Floats = np.degrees(np.arcsin(np.clip(sine, -1.0, 1.0)))
    return height


def passes_s(
    event: str, days: Floats, longitudes: Floats, latitudes: Floats, higher_deg: Floats | float = 0.0
) -> Floats:
    """When the sun rises past, or sinks past, the height of an event and `higher_deg` more, on each solar day.

    Arrays that broadcast against each other. NaN where it stays above or below from one midnight to the next noon.
    """
    days, longitudes, latitudes, higher_deg = np.broadcast_arrays(days, longitudes, latitudes, higher_deg)
    wanted = HORIZON_DEG[event] + higher_deg
    noon = noon_s(days, longitudes)
    noon = noon - _place(noon, longitudes)[0] * 240.0
    midnight = noon + (-DAY_S / 2.0 if event in MORNING else DAY_S / 2.0)
    below, above = midnight.copy(), noon.copy()
    happens = (height_deg(below, longitudes, latitudes) < wanted) & (height_deg(above, longitudes, latitudes) > wanted)
    for _ in range(_HALVINGS):
        middle = (below + above) / 2.0
        high = height_deg(middle, longitudes, latitudes) > wanted
        below, above = np.where(high, below, middle), np.where(high, middle, above)
    found: Floats = np.where(happens, (below + above) / 2.0, np.nan)
    return found
