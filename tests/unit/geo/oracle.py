"""Slow distances to geodesics, by pyproj alone."""

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

GEOD = Geod(ellps="WGS84")
Floats = NDArray[np.float64]
_GOLDEN = (np.sqrt(5.0) - 1.0) / 2.0


def distances_to_leg(
    start: tuple[float, float], end: tuple[float, float], longitudes: Floats, latitudes: Floats
) -> Floats:
    """Metres from each point to the nearest one of the geodesic between two (longitude, latitude): golden section."""
    azimuth, _, length = GEOD.inv(*start, *end)
    count = len(longitudes)

    def away(along: Floats) -> Floats:
        lon, lat, _ = GEOD.fwd(np.full(count, start[0]), np.full(count, start[1]), np.full(count, azimuth), along)
        return np.asarray(GEOD.inv(lon, lat, longitudes, latitudes)[2])

    low, high = np.zeros(count), np.full(count, length)
    for _ in range(50):
        nearer, further = high - _GOLDEN * (high - low), low + _GOLDEN * (high - low)
        left = away(nearer) < away(further)
        high, low = np.where(left, further, high), np.where(left, low, nearer)
    nearest = np.minimum(away((low + high) / 2.0), away(np.zeros(count)))
    return np.asarray(np.minimum(nearest, away(np.full(count, length))))
