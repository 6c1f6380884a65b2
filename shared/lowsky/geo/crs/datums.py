"""Geographic reference systems of the EPSG registry, to WGS 84 by every transformation that may be meant.

The transformations are those that PROJ has without any grid from elsewhere: what a machine has fetched, or may fetch,
does not change where a zone lies. Each has an area of use and an accuracy, both as the registry states them. Areas of
use are known as boxes, which overlap, so that it cannot be known which of several is meant: all of them are.
"""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj.crs import CRS
from pyproj.exceptions import CRSError, ProjError
from pyproj.network import set_network_enabled  # type: ignore[attr-defined]  # it does not list what it exports
from pyproj.transformer import Transformer, TransformerGroup

from lowsky.geo.crs.names import ReferenceSystem, known

Floats = NDArray[np.float64]

STEP_DEGREES: Final = 0.25
"""A straight edge no longer than this stays straight: datums lie up to some kilometre apart, which over so much of the
Earth bends by an eighth of its length squared: a few millimetres."""
_EDGE_DEGREES: Final = 0.01
"""How far outside of an area of use a coordinate of the other datum may lie, about a kilometre."""


@dataclass(frozen=True, slots=True)
class Transformation:
    """One way to WGS 84, and how far off it may be, metres."""

    pipeline: str
    accuracy_m: float
    area: tuple[float, float, float, float]
    """West, south, east and north, degrees; west greater than east spans the antimeridian."""

    def covers(self, west: float, south: float, east: float, north: float) -> bool:
        """Whether a box lies within its area of use."""
        area_west, area_south, area_east, area_north = self.area
        area_east += 360.0 if area_east < area_west else 0.0
        if not (area_south - _EDGE_DEGREES <= south and north <= area_north + _EDGE_DEGREES):
            return False
        return any(
            area_west - _EDGE_DEGREES <= west + turn and east + turn <= area_east + _EDGE_DEGREES
            for turn in (-360.0, 0.0, 360.0)
        )

    def to_wgs84(self, longitudes: Floats, latitudes: Floats) -> tuple[Floats, Floats]:
        """Degrees in and out; longitudes stay within half a turn of what they were."""
        lon, lat = Transformer.from_pipeline(self.pipeline).transform(longitudes, latitudes, errcheck=True)
        return longitudes + (np.asarray(lon) - longitudes + 540.0) % 360.0 - 180.0, np.asarray(lat)


@dataclass(frozen=True, slots=True)
class GeographicSystem:
    """A system of longitudes and latitudes in degrees from Greenwich, by its code (EPSG:4301)."""

    code: str
    title: str

    def __str__(self) -> str:
        """As a part of reasons: EPSG_4301."""
        return re.sub(r"\W", "_", self.code)

    @property
    def displaced(self) -> bool:
        """Its coordinates have to be converted."""
        return True

    def transformations(self, bounds: tuple[float, float, float, float]) -> tuple[Transformation, ...]:
        """All that may be meant for what lies within these bounds.

        Raises:
            ValueError: There is none of known accuracy.
        """
        found = tuple(one for one in _transformations(self.code) if one.covers(*bounds))
        if not found:
            raise ValueError(
                f"no transformation of known accuracy leads from {self.code} ({self.title}) to WGS 84 there"
            )
        return found


System = ReferenceSystem | GeographicSystem
"""What outlines may be published in."""


@cache
def system_of(name: str) -> System:
    """The system of a name of lowsky.geo.crs.names.stated_name.

    Raises:
        ValueError: It is not known, is not one of longitudes and latitudes in degrees from Greenwich, or no
            transformation of known accuracy leads from it to WGS 84.
    """
    if (one := known(name)) is not None:
        return one
    if not re.fullmatch(r"[A-Z]+:\w+", name):
        raise ValueError(f"{name} is no reference system that is known")
    try:
        crs = CRS.from_authority(*name.split(":"))
    except CRSError:
        raise ValueError(f"{name} is no reference system that is known") from None
    if not crs.is_geographic or len(crs.axis_info) != 2:
        raise ValueError(f"{name} ({crs.name}) is not in longitudes and latitudes")
    in_degrees = all(axis.unit_name == "degree" for axis in crs.axis_info)
    if not in_degrees or crs.prime_meridian is None or crs.prime_meridian.longitude != 0.0:
        raise ValueError(f"{name} ({crs.name}) is not in degrees from Greenwich")
    if not _transformations(name):
        raise ValueError(f"no transformation of known accuracy leads from {name} ({crs.name}) to WGS 84")
    return GeographicSystem(name, crs.name)


@cache
def _transformations(code: str) -> tuple[Transformation, ...]:
    set_network_enabled(False)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of grids that are not here: the ways that need them are left out
            group = TransformerGroup(code, "EPSG:4326", always_xy=True)
    except ProjError:
        return ()
    return tuple(
        Transformation(one.definition, one.accuracy, (area.west, area.south, area.east, area.north))
        for one in group.transformers
        # The accuracy of a ballpark transformation is -1. A grid would be one that this machine has fetched.
        if one.accuracy >= 0.0 and "grids=" not in one.definition and (area := one.area_of_use) is not None
    )
