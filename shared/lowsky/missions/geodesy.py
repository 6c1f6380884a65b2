"""Distance on the WGS 84 ellipsoid in plain Python: operators install this package without numpy or pyproj."""

import math

_A_M = 6_378_137.0
_F = 1 / 298.257223563
_B_M = _A_M * (1 - _F)
_MEAN_RADIUS_M = 6_371_008.8
# Converges in under 10 rounds except for near-antipodal points, which no drone flies.
_ROUNDS_MAX = 100


def distance_m(latitude_1: float, longitude_1: float, latitude_2: float, longitude_2: float) -> float:
    """Geodesic distance in metres between two points in degrees.

    Vincenty's inverse formula (Survey Review XXIII 176, 1975): within 1 mm. Where it does not converge (points almost
    opposite on the globe) the haversine formula on the mean sphere is used, within 0.6 %.
    """
    difference = math.radians(longitude_2 - longitude_1)
    u_1 = math.atan((1 - _F) * math.tan(math.radians(latitude_1)))
    u_2 = math.atan((1 - _F) * math.tan(math.radians(latitude_2)))
    sin_1, cos_1, sin_2, cos_2 = math.sin(u_1), math.cos(u_1), math.sin(u_2), math.cos(u_2)
    lam = difference = math.remainder(difference, math.tau)
    for _ in range(_ROUNDS_MAX):
        sin_lam, cos_lam = math.sin(lam), math.cos(lam)
        sin_sigma = math.hypot(cos_2 * sin_lam, cos_1 * sin_2 - sin_1 * cos_2 * cos_lam)
        if sin_sigma == 0.0:
            return 0.0 if cos_lam > 0 else _haversine_m(latitude_1, longitude_1, latitude_2, longitude_2)
        cos_sigma = sin_1 * sin_2 + cos_1 * cos_2 * cos_lam
        sigma = math.atan2(sin_sigma, cos_sigma)
        sin_alpha = cos_1 * cos_2 * sin_lam / sin_sigma
        cos_sq = 1 - sin_alpha * sin_alpha
        # On the equator cos_sq is 0 and the mid-point term has no meaning.
        cos_mid = cos_sigma - 2 * sin_1 * sin_2 / cos_sq if cos_sq > 1e-15 else 0.0
        c = _F / 16 * cos_sq * (4 + _F * (4 - 3 * cos_sq))
        before = lam
        lam = difference + (1 - c) * _F * sin_alpha * (
            sigma + c * sin_sigma * (cos_mid + c * cos_sigma * (2 * cos_mid * cos_mid - 1))
        )
        if abs(lam) > math.pi:
            break
        if abs(lam - before) < 1e-12:
            return _arc_m(sigma, sin_sigma, cos_sigma, cos_mid, cos_sq)
    return _haversine_m(latitude_1, longitude_1, latitude_2, longitude_2)


def _arc_m(sigma: float, sin_sigma: float, cos_sigma: float, cos_mid: float, cos_sq: float) -> float:
    u_sq = cos_sq * (_A_M**2 - _B_M**2) / _B_M**2
    a = 1 + u_sq / 16384 * (4096 + u_sq * (-768 + u_sq * (320 - 175 * u_sq)))
    b = u_sq / 1024 * (256 + u_sq * (-128 + u_sq * (74 - 47 * u_sq)))
    inner = cos_sigma * (2 * cos_mid**2 - 1) - b / 6 * cos_mid * (4 * sin_sigma**2 - 3) * (4 * cos_mid**2 - 3)
    return _B_M * a * (sigma - b * sin_sigma * (cos_mid + b / 4 * inner))


def _haversine_m(latitude_1: float, longitude_1: float, latitude_2: float, longitude_2: float) -> float:
    phi_1, phi_2 = math.radians(latitude_1), math.radians(latitude_2)
    h = (
        math.sin((phi_2 - phi_1) / 2) ** 2
        + math.cos(phi_1) * math.cos(phi_2) * math.sin(math.radians(longitude_2 - longitude_1) / 2) ** 2
    )
    return 2 * _MEAN_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))
