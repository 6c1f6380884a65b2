"""What a flight asks for, trajectories and ready-made volumes, read from messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

import numpy as np

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.geo.v1 import geo_pb2
from lowsky.errors import Invalid
from lowsky.geo.codec.displaced_positions import require_clear, unclear_place
from lowsky.geo.codec.volumes import (
    band_from_message,
    reference_system_from,
    volume_from_message,
)
from lowsky.geo.crs.converting import converted_all, converted_circle, over_limit, step_degrees
from lowsky.geo.crs.displacement import ERRORS_M, Floats, to_wgs84, unclear
from lowsky.geo.crs.names import ReferenceSystem
from lowsky.geo.heights.altitude import Datum
from lowsky.geo.volumes.trajectory import HORIZONTAL_BUFFER_MAX_M, Trajectory
from lowsky.geo.volumes.volumes import Volume4D
from lowsky.moments import windows_s

VERTICES_MAX = 10_000
"""In all volumes of a plan together (ASTM F3548-21, OiMaxVertices)."""

FLIGHT_S_MAX = 864_000
"""Ten days, as of trajectories (Waypoint.offset_s): airspace is not held by a request that hardly ends."""

_DATUM_CODES = np.array(
    [-1, *(Datum(name.removeprefix("ALTITUDE_DATUM_")).code for name in geo_pb2.AltitudeDatum.keys()[1:])],
    dtype=np.int8,
)
"""The code of each datum of the wire."""

_COLUMNS = attrgetter("longitude", "latitude", "altitude_m", "offset_s", "altitude_datum")
"""Of a waypoint: every column in one pass over the messages, which is most of what reading a trajectory takes."""

CONVERTED_MAX = 20_000
"""Vertices in all volumes of a plan together, edges divided until they stay straight when they are converted: some 60
ms. As many as 10 000 km in GCJ-02 and 2 000 km in BD-09 take."""


def trajectory_from_message(message: assessment_pb2.Trajectory, field: str) -> Trajectory:
    """A trajectory that passed the rules, in WGS 84: where waypoints are converted, the buffer is wider by the error.

    Args:
        field: Its path in the request.

    Raises:
        Invalid: A time that runs backwards, or a geometry without a clear meaning.
    """
    columns = np.array(list(map(_COLUMNS, message.waypoints)), dtype=np.float64).reshape(-1, 5).T
    longitudes, latitudes, altitudes_m, offsets, datums = columns
    if datums.max(initial=0.0) >= len(_DATUM_CODES):
        unknown = f"{field}.waypoints[{int(np.argmax(datums))}].altitude_datum"
        raise Invalid.field(unknown, f"this version does not know the datum {datums.max():.0f}")
    backwards = offsets[1:] < offsets[:-1]
    if np.count_nonzero(backwards):
        raise Invalid.field(
            f"{field}.waypoints[{int(np.argmax(backwards)) + 1}].offset_s",
            "a waypoint cannot be reached before the one before it",
            "INTERVAL_REVERSED",
        )
    longitudes, latitudes, error_m = _waypoints(message, longitudes, latitudes, field)
    departure_ns, buffer_ns = message.departure_time.ToNanoseconds(), message.time_buffer.ToNanoseconds()
    try:
        return Trajectory(
            longitudes=longitudes,
            latitudes=latitudes,
            altitudes_m=altitudes_m,
            datums=_DATUM_CODES[datums.astype(np.intp)],
            times_s=departure_ns / 1e9 + offsets,
            horizontal_buffer_m=message.horizontal_buffer_m + error_m,
            vertical_buffer_m=message.vertical_buffer_m,
            time_buffer_s=buffer_ns / 1e9,
            takeoff_amsl_m=message.takeoff_amsl_m if message.HasField("takeoff_amsl_m") else None,
            windows_s=windows_s(offsets, departure_ns, buffer_ns),
        )
    except ValueError as error:
        raise Invalid.field(field, str(error), "INVALID_GEOMETRY") from None


def volumes_from_message(message: assessment_pb2.Volumes, field: str, *, either: bool = False) -> tuple[Volume4D, ...]:
    """Volumes that passed the rules, in WGS 84: outlines that are converted have the error of that around them.

    Args:
        field: Its path in the request.
        either: What may be displaced or not covers both places instead of being refused.

    Raises:
        Invalid: A time that runs backwards, a geometry without a clear meaning, too many vertices, a flight too long.
    """
    messages = message.volumes
    vertices = sum(len(one.outline_polygon.vertices) for one in messages)
    if vertices > VERTICES_MAX:
        raise Invalid.field(
            field,
            f"{vertices} vertices are more than {VERTICES_MAX}",
            "TOO_LARGE",
            limit=str(VERTICES_MAX),
        )
    volumes = tuple(_volume(f"{field}.volumes[{index}]", one) for index, one in enumerate(messages))
    lasts_s = max(volume.end_s for volume in volumes) - min(volume.start_s for volume in volumes)
    if lasts_s > FLIGHT_S_MAX:
        raise Invalid.field(
            field, f"the flight takes {lasts_s:.0f} s, more than {FLIGHT_S_MAX}", "TOO_LARGE", limit=str(FLIGHT_S_MAX)
        )
    system = _system(message)
    return _converted(messages, volumes, system, field, either=either) if system.displaced else volumes


def _system(message: assessment_pb2.Trajectory | assessment_pb2.Volumes) -> ReferenceSystem:
    if message.reference_system not in geo_pb2.ReferenceSystem.values():
        # As WGS 84 it would be somewhere else.
        unknown = f"this version does not know the reference system {message.reference_system}"
        raise Invalid.field("reference_system", unknown)
    return reference_system_from(message.reference_system) or ReferenceSystem.WGS_84


def _waypoints(
    message: assessment_pb2.Trajectory, longitudes: Floats, latitudes: Floats, field: str
) -> tuple[Floats, Floats, float]:
    """Where they are in WGS 84, and how far they may be from there, metres."""
    system = _system(message)
    if not system.displaced:
        return longitudes, latitudes, 0.0
    marks = unclear(longitudes, latitudes)
    if marks.any():
        raise unclear_place(f"{field}.waypoints[{int(np.argmax(marks))}]", system)
    asked_m, error_m = message.horizontal_buffer_m, ERRORS_M[system]
    if asked_m <= HORIZONTAL_BUFFER_MAX_M < asked_m + error_m:
        too_wide = over_limit("buffer", asked_m, error_m, system, HORIZONTAL_BUFFER_MAX_M)
        limit = f"{HORIZONTAL_BUFFER_MAX_M - error_m:g}"
        raise Invalid.field(f"{field}.horizontal_buffer_m", too_wide, "TOO_LARGE", limit=limit)
    return *to_wgs84(longitudes, latitudes, system), error_m


def _converted(
    messages: Sequence[geo_pb2.Volume4D],
    volumes: tuple[Volume4D, ...],
    system: ReferenceSystem,
    field: str,
    *,
    either: bool,
) -> tuple[Volume4D, ...]:
    """Volumes as they were sent, in WGS 84: a circle by its centre, since its radius is on the ground."""
    circles = {n: one.outline_circle for n, one in enumerate(messages) if one.HasField("outline_circle")}
    polygons = {n: volume.outline for n, volume in enumerate(volumes) if n not in circles}
    vertices = sum(outline.length for outline in polygons.values()) / step_degrees(system)
    if vertices > CONVERTED_MAX:
        limit = f"the outlines are longer than {CONVERTED_MAX * step_degrees(system):g} degrees, which is the most in"
        raise Invalid.field(field, f"{limit} {system}: give WGS 84", "TOO_LARGE", limit=str(CONVERTED_MAX))
    if not either:
        require_clear(messages, polygons, system, field)
    try:
        there = dict(zip(polygons, converted_all(list(polygons.values()), system), strict=True)) | {
            n: converted_circle(one.center.longitude, one.center.latitude, one.radius_m, system)
            for n, one in circles.items()
        }
    except ValueError as error:
        raise Invalid.field(field, str(error), "INVALID_GEOMETRY") from None
    moved = (there[n] for n in range(len(volumes)))
    return tuple(
        replace(volume, outline=one.outline, centre_line=None) if one else volume
        for volume, one in zip(volumes, moved, strict=True)
    )


def _volume(field: str, message: geo_pb2.Volume4D) -> Volume4D:
    start, end = message.time_start.ToNanoseconds(), message.time_end.ToNanoseconds()
    if end <= start:
        raise Invalid.field(f"{field}.time_end", "the end is not after the start", "INTERVAL_REVERSED")
    try:
        band_from_message(message.altitude)
    except ValueError as error:
        raise Invalid.field(f"{field}.altitude", str(error), "INTERVAL_REVERSED") from None
    try:
        return volume_from_message(message)
    except ValueError as error:
        raise Invalid.field(field, str(error), "INVALID_GEOMETRY") from None
