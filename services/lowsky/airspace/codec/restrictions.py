"""Restrictions as they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from lowsky.airspace.domain.restriction import Drawing, Window
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.errors import Invalid
from lowsky.geo.codec.volumes import band_from_message, volume_from_message
from lowsky.geo.heights.altitude import AltitudeBand
from lowsky.geo.zones.geozone import Layer, Restriction
from lowsky.moments import end_of, start_of

_KINDS = {
    pb.RESTRICTION_PROHIBITED: Restriction.PROHIBITED,
    pb.RESTRICTION_REQ_AUTHORIZATION: Restriction.REQ_AUTHORIZATION,
}


def drawing_of(request: pb.CreateRestrictionRequest) -> Drawing:
    """What a request draws.

    Raises:
        Invalid: Its time is none that a calendar has, its time or its altitude is reversed, or its outline is none.
    """
    window, band = window_of(request), _band(request.volume.altitude)
    field = f"volume.{request.volume.WhichOneof('outline')}"
    try:
        volume = volume_from_message(request.volume)
    except ValueError as fault:
        raise Invalid.field(field, str(fault), "INVALID_GEOMETRY") from None
    return Drawing(
        authority=request.authority,
        restriction=_KINDS[request.restriction],
        layer=Layer(volume.outline, band, volume.centre_line),
        outline_field=field,
        window=window,
        title=request.title,
        reason=request.reason,
        notified=tuple(request.notified_authorities),
    )


def window_of(request: pb.CreateRestrictionRequest) -> Window:
    """The time of a restriction, outwards to what is stored.

    Raises:
        Invalid: It is none that a calendar has, or is reversed.
    """
    return Window(
        _moment(start_of, request.volume.time_start, "volume.time_start"),
        _moment(end_of, request.volume.time_end, "volume.time_end"),
    )


def _moment(read: Callable[[Timestamp], datetime], message: Timestamp, field: str) -> datetime:
    try:
        return read(message)
    except (ValueError, OverflowError):
        raise Invalid.field(field, "no time that a calendar has") from None


def _band(message: geo_pb2.AltitudeBand) -> AltitudeBand:
    try:
        return band_from_message(message)
    except ValueError as fault:
        raise Invalid.field("volume.altitude.upper_m", str(fault), "INTERVAL_REVERSED") from None
