"""Trajectories, volumes and findings as messages, and back."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter

import numpy as np
import shapely
from google.protobuf.unknown_fields import UnknownFieldSet
from shapely import Polygon

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.errors import Invalid
from lowsky.geo.altitude import Datum
from lowsky.geo.codec import (
    band_from_message,
    band_to_message,
    reference_system_from,
    volume_from_message,
    widest_band,
)
from lowsky.geo.converting import converted_all, converted_circle, step_degrees
from lowsky.geo.reference_systems import ERRORS_M, Floats, at_edge, to_wgs84
from lowsky.geo.system_names import ReferenceSystem
from lowsky.geo.trajectory import Trajectory
from lowsky.geo.volumes import Volume4D
from lowsky.geofence.findings import Finding, Rule, Severity
from lowsky.moments import windows_s
from lowsky.open_enums import name_of, number_member, text_member

VERTICES_MAX = 10_000
"""In all volumes of a plan together (ASTM F3548-21, OiMaxVertices)."""

FLIGHT_S_MAX = 864_000
"""Ten days, as of trajectories (Waypoint.offset_s): airspace is not held by a request that hardly ends."""

_DATUM_CODES = np.array(
    [-1, *(Datum(name.removeprefix("ALTITUDE_DATUM_")).code for name in geo_pb2.AltitudeDatum.keys()[1:])],
    dtype=np.int8,
)
"""The code of each datum of the wire."""

_RULES, _SEVERITIES, _DATUMS = (
    frozenset(enum.values()) for enum in (pb.Finding.Rule, pb.Finding.Severity, geo_pb2.AltitudeDatum)
)

_COLUMNS = attrgetter("longitude", "latitude", "altitude_m", "offset_s", "altitude_datum")
"""Of a waypoint: every column in one pass over the messages, which is most of what reading a trajectory takes."""


CONVERTED_MAX = 20_000
"""Vertices in all volumes of a plan together, edges divided until they stay straight when they are converted: some 60
ms. As many as 10 000 km in GCJ-02 and 2 000 km in BD-09 take."""


def trajectory_from_message(message: pb.Trajectory, field: str) -> Trajectory:
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


def volumes_from_message(message: pb.Volumes, field: str) -> tuple[Volume4D, ...]:
    """Volumes that passed the rules, in WGS 84: outlines that are converted have the error of that around them.

    Args:
        field: Its path in the request.

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
    return _converted(messages, volumes, system, field) if system.displaced else volumes


def _system(message: pb.Trajectory | pb.Volumes) -> ReferenceSystem:
    if message.reference_system not in geo_pb2.ReferenceSystem.values():
        # As WGS 84 it would be somewhere else.
        unknown = f"this version does not know the reference system {message.reference_system}"
        raise Invalid.field("reference_system", unknown)
    return reference_system_from(message.reference_system) or ReferenceSystem.WGS_84


def _waypoints(
    message: pb.Trajectory, longitudes: Floats, latitudes: Floats, field: str
) -> tuple[Floats, Floats, float]:
    """Where they are in WGS 84, and how far they may be from there, metres."""
    system = _system(message)
    if not system.displaced:
        return longitudes, latitudes, 0.0
    unclear = at_edge(longitudes, latitudes)
    if unclear.any():
        place = int(np.argmax(unclear))
        message_text = f"so near to the edge of what {system} displaces, it may or may not be displaced: give WGS 84"
        raise Invalid.field(f"{field}.waypoints[{place}]", message_text, "INVALID_GEOMETRY")
    return *to_wgs84(longitudes, latitudes, system), ERRORS_M[system]


def _converted(
    messages: Sequence[geo_pb2.Volume4D], volumes: tuple[Volume4D, ...], system: ReferenceSystem, field: str
) -> tuple[Volume4D, ...]:
    """Volumes as they were sent, in WGS 84: a circle by its centre, since its radius is on the ground."""
    circles = {n: one.outline_circle for n, one in enumerate(messages) if one.HasField("outline_circle")}
    polygons = {n: volume.outline for n, volume in enumerate(volumes) if n not in circles}
    vertices = sum(outline.length for outline in polygons.values()) / step_degrees(system)
    if vertices > CONVERTED_MAX:
        limit = f"the outlines are longer than {CONVERTED_MAX * step_degrees(system):g} degrees, which is the most in"
        raise Invalid.field(field, f"{limit} {system}: give WGS 84", "TOO_LARGE", limit=str(CONVERTED_MAX))
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


def finding_to_message(finding: Finding) -> pb.Finding:
    """For the wire, and for what is kept."""
    if finding.as_read:
        return pb.Finding.FromString(finding.as_read)
    message = pb.Finding(
        rule=pb.Finding.Rule.Value(f"RULE_{finding.rule}"),
        severity=pb.Finding.Severity.Value(f"SEVERITY_{finding.severity.name}"),
        subject=finding.subject,
        subject_title=finding.subject_title,
        volumes=finding.volumes,
        volumes_count=len(finding.volumes) + finding.volumes_left_out,
        plan_altitude=band_to_message(finding.plan_altitude) if finding.plan_altitude else None,
        subject_altitude=band_to_message(finding.subject_altitude) if finding.subject_altitude else None,
        altitude_uncertain=finding.altitude_uncertain,
        plan_amsl=_reach_to_message(finding.plan_amsl_m),
        subject_amsl=_reach_to_message(finding.subject_amsl_m),
        deciding_authorities=finding.deciding,
        notified_authorities=finding.notified,
        message=finding.message,
        overlap_outlines=[_outline_to_message(outline) for outline in finding.overlap_outlines],
        fields=finding.fields,
        subject_terms=finding.terms,
    )
    if finding.start_s is not None and finding.end_s is not None:
        message.time_start.FromNanoseconds(round(finding.start_s * 1e6) * 1000)
        message.time_end.FromNanoseconds(round(finding.end_s * 1e6) * 1000)
    return message


def finding_from_message(message: pb.Finding) -> Finding:
    """The other way. Rules and severities of a later version are members of their own, written again as they are."""
    return Finding(
        rule=text_member(Rule, name_of(pb.Finding.Rule, message.rule, "RULE_")),
        severity=number_member(Severity, message.severity),
        subject=message.subject,
        subject_title=message.subject_title,
        volumes=tuple(message.volumes),
        message=message.message,
        plan_altitude=widest_band(message.plan_altitude) if message.HasField("plan_altitude") else None,
        subject_altitude=widest_band(message.subject_altitude) if message.HasField("subject_altitude") else None,
        start_s=message.time_start.ToMicroseconds() / 1e6 if message.HasField("time_start") else None,
        end_s=message.time_end.ToMicroseconds() / 1e6 if message.HasField("time_end") else None,
        altitude_uncertain=message.altitude_uncertain,
        plan_amsl_m=_reach_from(message.plan_amsl) if message.HasField("plan_amsl") else None,
        subject_amsl_m=_reach_from(message.subject_amsl) if message.HasField("subject_amsl") else None,
        deciding=tuple(message.deciding_authorities),
        notified=tuple(message.notified_authorities),
        overlap_outlines=tuple(_outline_from(outline) for outline in message.overlap_outlines),
        fields=tuple(message.fields),
        terms=message.subject_terms,
        volumes_left_out=max(message.volumes_count - len(message.volumes), 0),
        as_read=b"" if _is_understood(message) else message.SerializeToString(),
    )


def _is_understood(message: pb.Finding) -> bool:
    """Whether all that a finding says has a meaning in this version."""
    return (
        message.rule in _RULES
        and message.severity in _SEVERITIES
        and {message.plan_altitude.lower_datum, message.plan_altitude.upper_datum} <= _DATUMS
        and {message.subject_altitude.lower_datum, message.subject_altitude.upper_datum} <= _DATUMS
        and not len(UnknownFieldSet(message))
    )


def _outline_to_message(outline: Polygon) -> geo_pb2.Polygon:
    ring = shapely.get_coordinates(outline.exterior)[:-1].tolist()
    return geo_pb2.Polygon(vertices=[geo_pb2.LatLng(longitude=lon, latitude=lat) for lon, lat in ring])


def _outline_from(message: geo_pb2.Polygon) -> Polygon:
    return Polygon([(vertex.longitude, vertex.latitude) for vertex in message.vertices])


def _reach_to_message(reach_m: tuple[float, float] | None) -> pb.Finding.AmslReach | None:
    if reach_m is None:
        return None
    least, greatest = reach_m
    return pb.Finding.AmslReach(
        least_m=least if math.isfinite(least) else None, greatest_m=greatest if math.isfinite(greatest) else None
    )


def _reach_from(message: pb.Finding.AmslReach) -> tuple[float, float]:
    return (
        message.least_m if message.HasField("least_m") else -math.inf,
        message.greatest_m if message.HasField("greatest_m") else math.inf,
    )
