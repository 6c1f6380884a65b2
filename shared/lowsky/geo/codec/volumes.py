"""Altitude bands, circles and volumes as messages, and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

import shapely
from shapely import MultiPolygon, Polygon

from lowsky.api.geo.v1 import geo_pb2
from lowsky.geo.crs.names import ReferenceSystem
from lowsky.geo.heights.altitude import AltitudeBand, Datum
from lowsky.geo.shapes.antimeridian import cut
from lowsky.geo.shapes.centre_lines import CentreLine
from lowsky.geo.shapes.circles import circle
from lowsky.geo.volumes.volumes import Volume4D
from lowsky.moments import end_s, start_s

_Value = TypeVar("_Value")

_DATUMS = {datum: geo_pb2.AltitudeDatum.Value(f"ALTITUDE_DATUM_{datum}") for datum in Datum}

_DATUM_OF: Mapping[int, Datum] = {int(number): datum for datum, number in _DATUMS.items()}

_SYSTEM_OF: Mapping[int, ReferenceSystem] = {
    int(geo_pb2.ReferenceSystem.Value(f"REFERENCE_SYSTEM_{system}")): system for system in ReferenceSystem
}


def band_to_message(band: AltitudeBand) -> geo_pb2.AltitudeBand:
    """The band; limits above a take-off point of known elevation become AMSL, an infinite limit is absent."""
    lower_m, lower_datum, upper_m, upper_datum = band.resolved()
    return geo_pb2.AltitudeBand(
        lower_m=lower_m if math.isfinite(lower_m) else None,
        lower_datum=_DATUMS[lower_datum],
        upper_m=upper_m if math.isfinite(upper_m) else None,
        upper_datum=_DATUMS[upper_datum],
    )


def band_from_message(message: geo_pb2.AltitudeBand, takeoff_amsl_m: float | None = None) -> AltitudeBand:
    """The band; an absent lower limit is -inf, an absent upper one inf.

    Raises:
        ValueError: An unspecified datum, or a ceiling below the floor in the same datum.
    """
    return AltitudeBand(
        message.lower_m if message.HasField("lower_m") else -math.inf,
        _datum(message.lower_datum),
        message.upper_m if message.HasField("upper_m") else math.inf,
        _datum(message.upper_datum),
        takeoff_amsl_m,
    )


def reference_system_from(number: geo_pb2.ReferenceSystem.ValueType) -> ReferenceSystem | None:
    """The reference system; None where it is unspecified."""
    return _SYSTEM_OF.get(number)


def volume_from_message(message: geo_pb2.Volume4D) -> Volume4D:
    """The volume, its outline cut at the antimeridian, a circle with a polygon that contains it; times to microseconds,
    outwards.

    Raises:
        ValueError: An outline that is self-crossing, without area, or too near a pole; a band or a time that is
            reversed; nothing said of one of them.
    """
    return Volume4D(
        _outline(message),
        band_from_message(message.altitude),
        start_s(message.time_start),
        end_s(message.time_end),
        circle_from_message(message.outline_circle) if message.HasField("outline_circle") else None,
    )


def _datum(number: int) -> Datum:
    return known_member(_DATUM_OF, number, "altitude datum")


def known_member(table: Mapping[int, _Value], number: int, what: str) -> _Value:
    """The member that a number of an enum stands for.

    Args:
        what: How the enum is called, for the error.

    Raises:
        ValueError: There is none.
    """
    if number not in table:
        raise ValueError(f"the {what} is not specified")
    return table[number]


def _outline(message: geo_pb2.Volume4D) -> Polygon | MultiPolygon:
    if message.HasField("outline_circle"):
        center = message.outline_circle.center
        return circle(center.longitude, center.latitude, message.outline_circle.radius_m)
    vertices = [(vertex.longitude, vertex.latitude) for vertex in message.outline_polygon.vertices]
    if len(vertices) < 3:
        raise ValueError("an outline has three vertices or more")
    outline = cut(Polygon(vertices))
    if outline.area == 0.0:
        raise ValueError("the outline has no area")
    if not outline.is_valid:
        raise ValueError(f"the outline is not a simple polygon: {shapely.is_valid_reason(outline)}")
    return outline


def widest_band(message: geo_pb2.AltitudeBand) -> AltitudeBand:
    """As band_from_message; a limit in a datum of a later version may be any, so that there is none."""
    band = geo_pb2.AltitudeBand()
    band.CopyFrom(message)
    if message.lower_datum not in geo_pb2.AltitudeDatum.values():
        band.ClearField("lower_m")
        band.lower_datum = geo_pb2.ALTITUDE_DATUM_AGL
    if message.upper_datum not in geo_pb2.AltitudeDatum.values():
        band.ClearField("upper_m")
        band.upper_datum = geo_pb2.ALTITUDE_DATUM_AGL
    return band_from_message(band)


def is_known_band(message: geo_pb2.AltitudeBand) -> bool:
    """Whether this version knows the datums of both limits."""
    return {message.lower_datum, message.upper_datum} <= {*geo_pb2.AltitudeDatum.values()}


def circle_to_message(line: CentreLine) -> geo_pb2.Circle:
    """Centre and radius, metres."""
    center = geo_pb2.LatLng(latitude=line.latitude, longitude=line.longitude)
    return geo_pb2.Circle(center=center, radius_m=line.reach_m)


def circle_from_message(message: geo_pb2.Circle) -> CentreLine:
    """All within a radius of a centre.

    Raises:
        ValueError: A number that is not finite.
    """
    if not all(map(math.isfinite, (message.center.longitude, message.center.latitude, message.radius_m))):
        raise ValueError("a circle without a centre or a radius")
    return CentreLine.circle(message.center.longitude, message.center.latitude, message.radius_m)
