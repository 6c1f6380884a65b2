"""Restrictions as they are asked for, and as zones ready to be stored."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from lowsky.airspace.admission import AdmittedZone
from lowsky.airspace.codec.zones import PackedZone, pack
from lowsky.airspace.domain.authority import Authority
from lowsky.airspace.domain.naming import geozone_name
from lowsky.airspace.domain.restriction import (
    Window,
    dataset_of,
    draw,
    notified_among,
    require_band,
    require_window,
    require_within_area,
)
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


def window_of(request: pb.CreateRestrictionRequest, now: datetime) -> Window:
    """The time of a restriction.

    Raises:
        Invalid: It is reversed, over, too long or too far ahead.
    """
    window = Window(
        _moment(start_of, request.volume.time_start, "volume.time_start"),
        _moment(end_of, request.volume.time_end, "volume.time_end"),
    )
    require_window(window, now)
    return window


def zone_of(
    request: pb.CreateRestrictionRequest,
    identifier: str,
    window: Window,
    authority: Authority,
    registered: dict[str, str],
) -> PackedZone:
    """The zone that a request draws.

    Raises:
        Invalid: The altitude is reversed, or the outline is none.
        Precondition: The authority has no area or the outline reaches out of it, or one that is to be told is not
            registered.
    """
    band = _band(request.volume.altitude)
    require_band(band)
    field = f"volume.{request.volume.WhichOneof('outline')}"
    try:
        volume = volume_from_message(request.volume)
    except ValueError as fault:
        raise Invalid.field(field, str(fault), "INVALID_GEOMETRY") from None
    require_within_area(authority, volume.outline, field)
    geozone = draw(
        identifier,
        authority,
        restriction=_KINDS[request.restriction],
        layer=Layer(volume.outline, band, volume.centre_line),
        window=window,
        title=request.title,
        reason=request.reason,
        notified=notified_among(registered, request.notified_authorities),
    )
    dataset = dataset_of(authority.name)
    return pack(AdmittedZone(geozone_name(dataset, identifier), geozone, (), b""), dataset)


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
