"""Coordinates in the reference systems of Chinese maps, to WGS 84.

GCJ-02 displaces WGS 84 within China by some hundred metres, BD-09 displaces GCJ-02 once more. Neither is published by
those who made it: the formulas here are the ones that public reproductions share (eviltransform, coordtransform,
gcoord). They lead from WGS 84 to the map, and are inverted here by iteration, so that what they leave is the error of
the reproduction alone (`ERRORS_M`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from lowsky.geo.crs.mainland import mainland
from lowsky.geo.crs.names import ReferenceSystem
from lowsky.geo.shapes.projection import metres_per_degree

Floats = NDArray[np.float64]
Marks = NDArray[np.bool_]

ERRORS_M: Final = {ReferenceSystem.GCJ_02: 10.0, ReferenceSystem.BD_09: 20.0}
"""How far a converted point may be from where it is, in metres.

A margin of ours and no figure of the makers, who publish none: the reproductions are said to agree with the maps within
one to a few metres, which is taken several times over, and twice for the two displacements of BD-09.
"""
CHINA: Final = (72.004, 0.8293, 137.8347, 55.8271)
"""West, south, east, north, degrees: the reproductions displace within this box, and nothing outside of it. It also
holds Korea, Mongolia, Vietnam, northern India and more, where maps of China may be displaced or not."""
EDGE_DEGREES: Final = 0.02
"""Nearer than this to the edge of `CHINA`, some 1 to 2 km and more than any displacement, a published point may be one
that was displaced or one that was not."""
STEP_DEGREES: Final = {ReferenceSystem.GCJ_02: 0.005, ReferenceSystem.BD_09: 0.001}
"""A straight edge no longer than this strays from its straight converted one by at most `STRAY_M`."""
STRAY_M: Final = 0.05
"""The waves of GCJ-02 bend by up to 8 km per square degree, of which an edge takes an eighth of its length squared: 3
cm; those of BD-09 by up to 120 km: 2 cm."""
RESIDUE_M: Final = 0.001
"""What the inversion leaves."""

_ITERATIONS_MAX = 30
_AXIS_M = 6_378_245.0
"""Of the ellipsoid of Krasovsky, which the formulas take."""
_E2 = 0.00669342162296594323
_BD_WAVES = np.pi * 3_000.0 / 180.0


def to_wgs84(
    longitudes: ArrayLike, latitudes: ArrayLike, system: ReferenceSystem, *, everywhere: bool = False
) -> tuple[Floats, Floats]:
    """Where published points are, degrees in and out: wrong by at most `ERRORS_M` of the system.

    A point that is published outside of `CHINA` stays: there, maps are not displaced. Inside of it every point is taken
    as displaced, and with `everywhere` every point at all; see `unclear`.
    """
    lon, lat = np.asarray(longitudes, dtype=np.float64), np.asarray(latitudes, dtype=np.float64)
    if not system.displaced:
        return lon, lat
    inside = _in_china(lon, lat) | everywhere
    there_lon, there_lat = np.where(inside, lon, 105.0), np.where(inside, lat, 35.0)
    if system is ReferenceSystem.BD_09:
        there_lon, there_lat = _inverted(_gcj02_to_bd09, there_lon, there_lat)
    there_lon, there_lat = _inverted(_displaced, there_lon, there_lat)
    return np.where(inside, there_lon, lon), np.where(inside, there_lat, lat)


def unclear(longitudes: ArrayLike, latitudes: ArrayLike) -> Marks:
    """The published points, in degrees, of which it is unknown whether they are displaced.

    A point in `mainland` is displaced: were it not, it would lie where it is published, which is where maps displace.
    One beyond `CHINA` is not.
    """
    lon, lat = np.asarray(longitudes, dtype=np.float64), np.asarray(latitudes, dtype=np.float64)
    return np.asarray(~beyond(lon, lat) & ~shapely.covers(mainland(), shapely.points(lon, lat)))


def beyond(longitudes: ArrayLike, latitudes: ArrayLike) -> Marks:
    """Which published points are so far from `CHINA` that they are certainly not displaced: see `EDGE_DEGREES`."""
    lon, lat = np.asarray(longitudes, dtype=np.float64), np.asarray(latitudes, dtype=np.float64)
    west, south, east, north = CHINA
    outwards = np.maximum(np.maximum(west - lon, lon - east), np.maximum(south - lat, lat - north))
    return np.asarray(outwards > EDGE_DEGREES)


def from_wgs84(longitudes: ArrayLike, latitudes: ArrayLike, system: ReferenceSystem) -> tuple[Floats, Floats]:
    """Where a map shows points, degrees in and out."""
    lon, lat = np.asarray(longitudes, dtype=np.float64), np.asarray(latitudes, dtype=np.float64)
    if not system.displaced:
        return lon, lat
    inside = _in_china(lon, lat)
    shown_lon, shown_lat = _displaced(lon, lat)
    if system is ReferenceSystem.BD_09:
        shown_lon, shown_lat = _gcj02_to_bd09(shown_lon, shown_lat)
    return np.where(inside, shown_lon, lon), np.where(inside, shown_lat, lat)


def _in_china(longitudes: Floats, latitudes: Floats) -> NDArray[np.bool_]:
    west, south, east, north = CHINA
    return (longitudes >= west) & (longitudes <= east) & (latitudes >= south) & (latitudes <= north)


def _inverted(
    forward: Callable[[Floats, Floats], tuple[Floats, Floats]], longitudes: Floats, latitudes: Floats
) -> tuple[Floats, Floats]:
    """The points that a map shows at these: the displacement changes by a fiftieth of a step at most, so each step of
    the iteration is fifty times nearer."""
    lon, lat = longitudes, latitudes
    per_longitude, per_latitude = metres_per_degree(latitudes)
    for _ in range(_ITERATIONS_MAX):
        shown_lon, shown_lat = forward(lon, lat)
        off_lon, off_lat = longitudes - shown_lon, latitudes - shown_lat
        lon, lat = lon + off_lon, lat + off_lat
        # Of what was just corrected; what is left is smaller.
        if not (np.hypot(off_lon * per_longitude, off_lat * per_latitude) >= RESIDUE_M).any():
            break
    return lon, lat


def _displaced(longitudes: Floats, latitudes: Floats) -> tuple[Floats, Floats]:
    """WGS 84 to GCJ-02, wherever the point is."""
    x, y = longitudes - 105.0, latitudes - 35.0
    root = np.sqrt(np.abs(x))
    waves = 20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root
    north = north + 2.0 / 3.0 * (waves + _waves(y, 160.0, 320.0))
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root
    east = east + 2.0 / 3.0 * (waves + _waves(x, 150.0, 300.0))
    sine, cosine = np.sin(np.radians(latitudes)), np.cos(np.radians(latitudes))
    squash = 1.0 - _E2 * sine * sine
    meridian = _AXIS_M * (1.0 - _E2) / (squash * np.sqrt(squash))
    parallel = _AXIS_M / np.sqrt(squash) * cosine
    return longitudes + np.degrees(east / parallel), latitudes + np.degrees(north / meridian)


def _waves(at: Floats, long: float, longest: float) -> Floats:
    short = 20.0 * np.sin(np.pi * at) + 40.0 * np.sin(np.pi / 3.0 * at)
    return np.asarray(short + long * np.sin(np.pi / 12.0 * at) + longest * np.sin(np.pi / 30.0 * at))


def _gcj02_to_bd09(longitudes: Floats, latitudes: Floats) -> tuple[Floats, Floats]:
    radius = np.hypot(longitudes, latitudes) + 0.00002 * np.sin(latitudes * _BD_WAVES)
    angle = np.arctan2(latitudes, longitudes) + 0.000003 * np.cos(longitudes * _BD_WAVES)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006
