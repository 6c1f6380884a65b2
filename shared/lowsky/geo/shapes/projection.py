"""The WGS84 ellipsoid: curvature, distances, and geodesics as straight pieces in longitude/latitude.

Near a point, a geodesic that leaves with velocity (x, y) is followed to second order of the geodesic equation of a
surface of revolution, with r = N cos(lat) the distance from the axis and M the meridian's radius (primes are per unit
of parameter):

    lon'' = 2 (M sin(lat) / r) lat' lon'          lat'' = -(r sin(lat) / M) lon'^2 - (dM/dlat / M) lat'^2

What that leaves out grows with the cube of the distance, and each function says how far it is trusted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pyproj import Geod

from lowsky.geo.shapes.grouped_arrays import numbered

Floats = NDArray[np.float64]

GEOD: Final = Geod(ellps="WGS84")
SEMI_MAJOR_M: Final = 6_378_137.0
E2: Final = 0.0066943799901413165
"""First eccentricity, squared."""
RADIUS_MIN_M: Final = 6_335_439.0
"""Least radius of curvature anywhere: the meridian's at the equator."""
CHORD_TOLERANCE_M: Final = 0.02
"""How far a straight longitude/latitude piece may stray from the geodesic it stands for."""
LATITUDE_MAX: Final = 89.0
"""Densified geodesics stay below: longitude means too little beyond."""
LEG_MAX_M: Final = 1_000_000.0
"""Longest leg: beyond any low-altitude flight, and what keeps one leg's vertices to a few thousand."""
SERIES_ERROR_M: Final = 0.001
"""How far a leg followed from its middle to second order may stray from the geodesic; longer ones go to `GEOD`."""


class LegRefused(ValueError):
    """A leg that cannot be drawn: `leg`, from 0, of the trajectory at `owner` in the batch."""

    def __init__(self, owner: int, leg: int, reason: str) -> None:
        super().__init__(f"leg {leg} of trajectory {owner}: {reason}")
        self.owner, self.leg, self.reason = owner, leg, reason


@dataclass(frozen=True, slots=True)
class Curvature:
    """The ellipsoid at latitudes: `meridian_m` (M), `parallel_m` (r), and factors of the geodesic equation."""

    meridian_m: Floats
    parallel_m: Floats
    eastward: Floats
    """2 M sin(lat) / r: lon'' per lat' lon'."""
    poleward: Floats
    """r sin(lat) / M: -lat'' per lon'^2."""
    flattening: Floats
    """dM/dlat / M: -lat'' per lat'^2."""

    @classmethod
    def at(cls, latitudes_rad: Floats) -> Curvature:
        """The curvature at each latitude."""
        sine, cosine = np.sin(latitudes_rad), np.cos(latitudes_rad)
        squash = 1.0 - E2 * sine * sine
        normal = SEMI_MAJOR_M / np.sqrt(squash)
        meridian = normal * ((1.0 - E2) / squash)
        parallel = normal * cosine
        return cls(
            meridian,
            parallel,
            2.0 * meridian * sine / parallel,
            parallel * sine / meridian,
            3.0 * E2 * sine * cosine / squash,
        )

    def __getitem__(self, index: Any) -> Curvature:
        """The curvature at a numpy index."""
        return Curvature(
            self.meridian_m[index],
            self.parallel_m[index],
            self.eastward[index],
            self.poleward[index],
            self.flattening[index],
        )

    def acceleration(self, east: Floats, north: Floats) -> tuple[Floats, Floats]:
        """lon'' and lat'' of a geodesic whose lon' and lat' are given, in radians."""
        return self.eastward * north * east, -self.poleward * east * east - self.flattening * north * north

    def fan(self, heading_east: Floats, heading_north: Floats, reach_m: Floats, directions: Floats) -> Floats:
        """Degrees of longitude and of latitude, (2, n, k), to where geodesics lead by each reach times (ahead, left).

        `directions` are k, made by `fan_directions`; the headings are unit vectors, and with a negative reach it goes
        the other way. Wrong by less than d^3 (1 + 3 tan^2(lat)) / 3 R^2 at a distance d. Second order in the
        directions, hence a product of matrices.
        """
        east, north = heading_east * reach_m, heading_north * reach_m
        lon_ahead, lon_left = east / self.parallel_m, -north / self.parallel_m
        lat_ahead, lat_left = north / self.meridian_m, east / self.meridian_m
        terms = np.empty((2, len(reach_m), 5))
        turns = self.acceleration(
            np.array([lon_ahead, lon_left, lon_ahead + lon_left]), np.array([lat_ahead, lat_left, lat_ahead + lat_left])
        )
        for term, ahead, left, (first, second, both) in zip(
            terms, (lon_ahead, lat_ahead), (lon_left, lat_left), turns, strict=True
        ):
            term[:, 0], term[:, 1] = ahead, left
            term[:, 2], term[:, 3], term[:, 4] = 0.5 * first, 0.5 * (both - first - second), 0.5 * second
        led: Floats = terms @ directions
        return led


def fan_directions(ahead_left: Floats) -> Floats:
    """Directions (ahead, left), (k, 2), as `Curvature.fan` takes them: worked out once for many fans."""
    ahead, left = ahead_left.T
    directions: Floats = np.degrees(np.stack([ahead, left, ahead * ahead, ahead * left, left * left]))
    return directions


def metres_per_degree(latitude: ArrayLike) -> tuple[Floats, Floats]:
    """Metres per degree of longitude and of latitude, at latitudes in degrees."""
    curvature = Curvature.at(np.radians(np.asarray(latitude, dtype=np.float64)))
    return np.radians(curvature.parallel_m), np.radians(curvature.meridian_m)


def inverse(
    longitudes: ArrayLike, latitudes: ArrayLike, to_longitudes: ArrayLike, to_latitudes: ArrayLike
) -> tuple[Floats, Floats]:
    """Forward azimuth in degrees at the first points, and length in metres, of the geodesics to the second points."""
    azimuths, _, lengths = GEOD.inv(
        np.asarray(longitudes, dtype=np.float64),
        np.asarray(latitudes, dtype=np.float64),
        np.asarray(to_longitudes, dtype=np.float64),
        np.asarray(to_latitudes, dtype=np.float64),
    )
    return azimuths, lengths


def unwrapped_steps(longitudes_from: Floats, longitudes_to: Floats) -> Floats:
    """Degrees of longitude from each to each, the short way round, in [-180, 180]."""
    steps = longitudes_to - longitudes_from
    return steps - 360.0 * np.rint(steps / 360.0)


def highest_latitude(latitudes_from: Floats, latitudes_to: Floats, lengths_m: Floats) -> Floats:
    """A bound, in radians, on the absolute latitude along geodesics between these latitudes, in degrees.

    A geodesic that peaks between its ends is at most half its length d from the peak, and there has dropped from it
    by no more than tan(peak) d^2 / 2 R^2.
    """
    ends = np.radians(np.maximum(np.abs(latitudes_from), np.abs(latitudes_to)))
    rise = lengths_m / (2.0 * RADIUS_MIN_M)
    highest = np.minimum(ends + rise, np.radians(LATITUDE_MAX))
    return np.asarray(np.minimum(highest, ends + 0.5 * rise * rise * np.tan(highest)))


def bend(highest_rad: Floats) -> Floats:
    """A bound, per metre, on how sharply geodesics up to this latitude turn away from longitude/latitude lines.

    A straight piece of length d strays at most `bend * d^2 / 8`. At the heading a the geodesic equation turns the
    path by tan(lat)/N * sin(a) (1 + cos(a)^2) across itself, which is at most 1.089 tan(lat)/N (the rest of 1.12
    covers how the scale changes along a piece); the flattening term adds at most 3/2 e^2 * 0.385 / M.
    """
    return (1.12 * np.tan(highest_rad) + 0.004) / RADIUS_MIN_M


@dataclass(frozen=True, slots=True)
class Pieces:
    """Geodesic legs as straight pieces: flat arrays of vertices, leg after leg.

    Longitudes are continuous along a leg and may leave [-180, 180]. Legs of no length head north.
    """

    longitudes: Floats
    latitudes: Floats
    curvature: Curvature
    """At each vertex."""
    heading_east: Floats
    """With `heading_north`: the unit tangent at each vertex."""
    heading_north: Floats
    leg: NDArray[np.intp]
    """Which leg a vertex belongs to."""
    place: NDArray[np.intp]
    """Which vertex of its leg, from 0."""
    count: NDArray[np.intp]
    """Per leg: how many pieces, one less than its vertices."""
    lengths_m: Floats
    """Per leg."""
    highest_rad: Floats
    """Per leg: a bound on the absolute latitude along it, see `highest_latitude`."""


def densify(
    longitudes: Floats,
    latitudes: Floats,
    to_longitudes: Floats,
    to_latitudes: Floats,
    tolerance_m: float = CHORD_TOLERANCE_M,
) -> Pieces:
    """The geodesic legs from each point to each, as straight pieces that stray from them by no more than the tolerance.

    The tolerance is at least 4 mm. Raises LegRefused (with owner 0) for a leg that is longer than LEG_MAX_M or may come
    beyond LATITUDE_MAX.
    """
    east = np.radians(unwrapped_steps(longitudes, to_longitudes))
    north = np.radians(to_latitudes - latitudes)
    middle = Curvature.at(np.radians((latitudes + to_latitudes) / 2.0))
    lengths = np.hypot(middle.parallel_m * east, middle.meridian_m * north)
    long = ~(lengths <= _series_reach_m(middle))
    azimuths = np.zeros_like(lengths)
    if long.any():
        ends = longitudes[long], latitudes[long], to_longitudes[long], to_latitudes[long]
        azimuths[long], lengths[long] = inverse(*ends)
    highest = highest_latitude(latitudes, to_latitudes, lengths)
    count = _piece_counts(highest, lengths, tolerance_m)
    leg, place = numbered(count + 1)

    # From the middle to second order, t from -1/2 to 1/2, and exact at both ends.
    share = place / count[leg]
    t = share - 0.5
    bow = 0.5 * t * t - 0.125
    east_turn, north_turn = middle.acceleration(east, north)
    lon = longitudes[leg] + np.degrees(east[leg] * share + east_turn[leg] * bow)
    lat = latitudes[leg] + np.degrees(north[leg] * share + north_turn[leg] * bow)
    far = long[leg].nonzero()[0]
    if far.size:
        start = leg[far]
        far_lon, lat[far], back = GEOD.fwd(
            longitudes[start], latitudes[start], azimuths[start], lengths[start] * share[far]
        )
        lon[far] = longitudes[start] + unwrapped_steps(longitudes[start], far_lon)
    curvature = Curvature.at(np.radians(lat))
    heading_east, heading_north = _unit(
        curvature.parallel_m * (east[leg] + east_turn[leg] * t),
        curvature.meridian_m * (north[leg] + north_turn[leg] * t),
    )
    if far.size:
        heading = np.radians(back + 180.0)
        heading_east[far], heading_north[far] = np.sin(heading), np.cos(heading)
    return Pieces(lon, lat, curvature, heading_east, heading_north, leg, place, count, lengths, highest)


def _piece_counts(highest_rad: Floats, lengths_m: Floats, tolerance_m: float) -> NDArray[np.intp]:
    """The fewest equal pieces that keep to the tolerance; refuses legs that cannot be drawn."""
    refuse(lengths_m > LEG_MAX_M, f"it is longer than {LEG_MAX_M / 1000.0:.0f} km")
    refuse(highest_rad >= np.radians(LATITUDE_MAX), f"it may come beyond {LATITUDE_MAX:g} degrees of latitude")
    chord_m = np.sqrt(8.0 * (tolerance_m - 2.0 * SERIES_ERROR_M) / bend(highest_rad))
    return np.maximum(np.ceil(lengths_m / chord_m), 1.0).astype(np.intp)


def refuse(legs: NDArray[np.bool_], reason: str) -> None:
    """Raises LegRefused for the first leg that is marked."""
    if legs.any():
        raise LegRefused(0, int(np.argmax(legs)), reason)


def _unit(east: Floats, north: Floats) -> tuple[Floats, Floats]:
    """The direction of each vector; north for those of no length."""
    norm = np.hypot(east, north)
    still = norm == 0.0
    return east / (norm + still), (north + still) / (norm + still)


def _series_reach_m(middle: Curvature) -> Floats:
    """Length up to which the third order, below 0.01 d^3 (1 + 3 tan^2(lat)) / R^2, is below SERIES_ERROR_M."""
    tangent = 0.5 * middle.eastward
    return np.cbrt(SERIES_ERROR_M * RADIUS_MIN_M**2 / (0.01 * (1.0 + 3.0 * tangent * tangent)))
