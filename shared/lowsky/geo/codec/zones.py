"""Geozones as messages, and back: what airspace publishes, others read.

From a message to the domain nothing is lost of what a geozone says; what only its publication knows (dataset, version,
notes, published text) stays in the message.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

import shapely
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from shapely import MultiPolygon, Polygon

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.geo.codec.volumes import (
    band_to_message,
    circle_from_message,
    circle_to_message,
    is_known_band,
    known_member,
    widest_band,
)
from lowsky.geo.schedules.applicability import DAY_S, Applicability, Daily, Period
from lowsky.geo.schedules.sun import Place, SunEvent, place_of
from lowsky.geo.zones.geozone import Geozone, Layer, LocalizedText, Purpose, Restriction, ZoneAuthority
from lowsky.moments import end_of, longest, start_of
from lowsky.open_enums import name_of, number_of, text_member

DURATION_MAX = timedelta(seconds=315_576_000_000)
"""The longest google.protobuf.Duration, ten thousand years; a longer published interval is cut to it."""

_SUN_EVENTS = {event: pb.SunEvent.Value(f"SUN_EVENT_{event}") for event in SunEvent}

_SUN_EVENT_OF: Mapping[int, SunEvent] = {int(number): event for event, number in _SUN_EVENTS.items()}

_EVENTS_OF_THE_SUN = frozenset(pb.SunEvent.values())

_PURPOSES = {purpose: pb.AuthorityPurpose.Value(f"AUTHORITY_PURPOSE_{purpose}") for purpose in Purpose}

_PURPOSE_OF: Mapping[int, Purpose] = {int(number): purpose for purpose, number in _PURPOSES.items()}


def geozone_to_message(
    geozone: Geozone,
    *,
    name: str,
    dataset: str,
    dataset_version: int,
    notes: Iterable[pb.ReportNote] = (),
    published_json: str = "",
) -> pb.Geozone:
    """The resource: the geozone, and what its publication knows of it."""
    return pb.Geozone(
        name=name,
        dataset=dataset,
        dataset_version=dataset_version,
        identifier=geozone.identifier,
        country=geozone.country,
        titles=_texts(geozone.names),
        restriction=pb.Restriction.ValueType(number_of(pb.Restriction, "RESTRICTION_", geozone.restriction)),
        variant=geozone.variant,
        reasons=geozone.reasons,
        other_reasons=_texts(geozone.other_reasons),
        messages=_texts(geozone.messages),
        conditions=geozone.conditions,
        region=geozone.region,
        regulation_exemption=geozone.regulation_exemption,
        layers=[
            pb.Layer(
                outline_wkb=shapely.to_wkb(layer.outline),
                altitude=band_to_message(layer.altitude),
                circle=circle_to_message(layer.circle) if layer.circle else None,
                sure_wkb=None if layer.sure is None else shapely.to_wkb(layer.sure),
            )
            for layer in geozone.layers
        ],
        applicability=pb.Applicability(periods=[_period(period) for period in geozone.applicability.periods]),
        authorities=[_authority(authority) for authority in geozone.authorities],
        notes=notes,
        published_json=published_json,
        terrain_min_m=geozone.terrain_m[0] if geozone.terrain_m else None,
        terrain_max_m=geozone.terrain_m[1] if geozone.terrain_m else None,
        publisher=geozone.publisher,
    )


def geozone_from_message(message: pb.Geozone) -> Geozone:
    """The geozone. What a later version added to an enum is read on the careful side: a restriction as its own, which
    the geofence treats as a prohibition; an altitude in an unknown datum as any; a time at an unknown event of the sun
    as the whole day; an authority with an unknown purpose as one that must decide.

    Raises:
        ValueError: Not a message that geozone_to_message made: an unspecified value, no layer, an unreadable outline.
    """
    layers = tuple(_layer_from(layer) for layer in message.layers)
    return Geozone(
        identifier=message.identifier,
        country=message.country,
        names=_texts_from(message.titles),
        restriction=_restriction(message.restriction),
        layers=layers,
        applicability=Applicability(tuple(_period_from(period, layers) for period in message.applicability.periods)),
        authorities=tuple(_authority_from(authority) for authority in message.authorities),
        variant=message.variant,
        reasons=tuple(message.reasons),
        other_reasons=_texts_from(message.other_reasons),
        messages=_texts_from(message.messages),
        conditions=message.conditions,
        region=message.region if message.HasField("region") else None,
        regulation_exemption=message.regulation_exemption if message.HasField("regulation_exemption") else None,
        terrain_m=(message.terrain_min_m, message.terrain_max_m) if message.HasField("terrain_min_m") else None,
        publisher=message.publisher,
    )


def _restriction(number: int) -> Restriction:
    if number == pb.RESTRICTION_UNSPECIFIED:
        raise ValueError("the restriction is not specified")
    return text_member(Restriction, name_of(pb.Restriction, number, "RESTRICTION_"))


def _layer_from(message: pb.Layer) -> Layer:
    outline = _area_from(message.outline_wkb)
    if not 0.0 < outline.area < math.inf:  # nor of a corner that is not a number, which nothing would ever meet
        raise ValueError("an outline is not an area")
    circle_of = circle_from_message(message.circle) if message.HasField("circle") else None
    sure = _area_from(message.sure_wkb) if message.HasField("sure_wkb") else None
    if not is_known_band(message.altitude):
        sure = Polygon()  # what is as wide as it may be must not permit anything
    return Layer(outline, widest_band(message.altitude), circle_of, sure)


def _area_from(wkb: bytes) -> Polygon | MultiPolygon:
    try:
        area = shapely.from_wkb(wkb)
    except shapely.GEOSException as fault:
        raise ValueError(f"an outline is not readable: {fault}") from None
    if not isinstance(area, Polygon | MultiPolygon):
        raise ValueError("an outline is not an area")
    return area


def _texts(texts: Iterable[LocalizedText]) -> list[geo_pb2.LocalizedText]:
    return [geo_pb2.LocalizedText(language=text.language or "", text=text.text) for text in texts]


def _texts_from(messages: Sequence[geo_pb2.LocalizedText]) -> tuple[LocalizedText, ...]:
    return tuple(LocalizedText(message.text, message.language or None) for message in messages)


def _period(period: Period) -> pb.ApplicabilityPeriod:
    return pb.ApplicabilityPeriod(
        start_time=_timestamp(period.start),
        end_time=_timestamp(period.end),
        schedule=[
            pb.ScheduleEntry(
                weekdays=[day + 1 for day in sorted(entry.days)],
                start=Duration(seconds=entry.start_s),
                end=Duration(seconds=entry.end_s),
                uncertain=entry.uncertain,
                time_zone=entry.zone,
                start_event=_event(entry.start_event),
                end_event=_event(entry.end_event),
            )
            for entry in period.schedule
        ],
    )


def _period_from(message: pb.ApplicabilityPeriod, layers: Sequence[Layer]) -> Period:
    return Period(
        start_of(message.start_time) if message.HasField("start_time") else None,
        end_of(message.end_time) if message.HasField("end_time") else None,
        tuple(_daily_from(entry, layers) for entry in message.schedule),
    )


def _daily_from(message: pb.ScheduleEntry, layers: Sequence[Layer]) -> Daily:
    if not {message.start_event, message.end_event} <= _EVENTS_OF_THE_SUN:
        # A day more on either side, as for times that could not be placed when the zone was read.
        days = {(day + shift - 1) % 7 for day in message.weekdays for shift in (-1, 0, 1)}
        return Daily(frozenset(days), 0, DAY_S, uncertain=True)
    start, end = _event_from(message.start_event), _event_from(message.end_event)
    # The location for events of the sun follows from the zone's outlines, so that no message states it twice.
    place: Place | None = place_of(layer.outline for layer in layers) if start or end else None
    return Daily(
        frozenset(day - 1 for day in message.weekdays),
        message.start.seconds,
        message.end.seconds,
        message.uncertain,
        message.time_zone,
        start,
        end,
        place,
    )


def _event(event: SunEvent | None) -> pb.SunEvent.ValueType:
    return pb.SUN_EVENT_UNSPECIFIED if event is None else _SUN_EVENTS[event]


def _event_from(number: int) -> SunEvent | None:
    if number == pb.SUN_EVENT_UNSPECIFIED:
        return None
    return known_member(_SUN_EVENT_OF, number, "event of the sun")


def _timestamp(moment: datetime | None) -> Timestamp | None:
    if moment is None:
        return None
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def _authority(authority: ZoneAuthority) -> pb.ZoneAuthority:
    message = pb.ZoneAuthority(
        authority=authority.authority or "",
        purpose=_PURPOSES[authority.purpose],
        names=_texts(authority.names),
        services=_texts(authority.service),
        contact_names=_texts(authority.contacts),
        email=authority.email,
        phone=authority.phone,
        site_url=authority.site_url,
    )
    if authority.interval_before is not None:
        message.interval_before.FromTimedelta(min(authority.interval_before, DURATION_MAX))
    return message


def _purpose(number: int) -> Purpose:
    if number not in pb.AuthorityPurpose.values():
        return Purpose.AUTHORIZATION
    return known_member(_PURPOSE_OF, number, "authority's purpose")


def _authority_from(message: pb.ZoneAuthority) -> ZoneAuthority:
    return ZoneAuthority(
        names=_texts_from(message.names),
        purpose=_purpose(message.purpose),
        service=_texts_from(message.services),
        contacts=_texts_from(message.contact_names),
        site_url=message.site_url,
        email=message.email,
        phone=message.phone,
        interval_before=longest(message.interval_before) if message.HasField("interval_before") else None,
        authority=message.authority or None,
    )
