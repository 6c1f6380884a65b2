"""Requests for restrictions."""

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
    """The restriction that a request describes.

    Raises:
        Invalid: Its time is out of range, its time or its altitude is reversed, or its outline is invalid.
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
    """The time of a restriction, rounded outwards to stored microseconds.

    Raises:
        Invalid: It is outside of the years 1 to 9999, or reversed.
    """
    return Window(
        _moment(start_of, request.volume.time_start, "volume.time_start"),
        _moment(end_of, request.volume.time_end, "volume.time_end"),
    )


def _moment(read: Callable[[Timestamp], datetime], message: Timestamp, field: str) -> datetime:
    try:
        return read(message)
    except (ValueError, OverflowError):
        raise Invalid.field(field, "the time lies outside of the years 1 to 9999") from None


def _band(message: geo_pb2.AltitudeBand) -> AltitudeBand:
    try:
        return band_from_message(message)
    except ValueError as fault:
        raise Invalid.field("volume.altitude.upper_m", str(fault), "INTERVAL_REVERSED") from None
