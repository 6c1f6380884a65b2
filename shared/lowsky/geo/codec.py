"""Geozones, altitude bands and volumes as messages, and back: what airspace publishes, others read.

From a message to the domain nothing is lost of what a geozone says; what only its publication knows (dataset, version,
notes, published text) stays in the message.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import shapely
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from shapely import MultiPolygon, Polygon

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.geo.altitude import AltitudeBand, Datum
from lowsky.geo.antimeridian import cut
from lowsky.geo.applicability import DAY_S, Applicability, Daily, Period
from lowsky.geo.centre_lines import CentreLine
from lowsky.geo.circles import circle
from lowsky.geo.geozone import Geozone, Layer, LocalizedText, Purpose, Restriction, ZoneAuthority
from lowsky.geo.sun import Place, SunEvent, place_of
from lowsky.geo.system_names import ReferenceSystem
from lowsky.geo.volumes import Volume4D
from lowsky.moments import end_of, end_s, longest, start_of, start_s
from lowsky.open_enums import name_of, number_of, text_member

_Value = TypeVar("_Value")

DURATION_MAX = timedelta(seconds=315_576_000_000)
"""The longest google.protobuf.Duration, ten thousand years; a longer published interval is cut to it."""

_DATUMS = {datum: geo_pb2.AltitudeDatum.Value(f"ALTITUDE_DATUM_{datum}") for datum in Datum}
_DATUM_OF: Mapping[int, Datum] = {int(number): datum for datum, number in _DATUMS.items()}
_SYSTEM_OF: Mapping[int, ReferenceSystem] = {
    int(geo_pb2.ReferenceSystem.Value(f"REFERENCE_SYSTEM_{system}")): system for system in ReferenceSystem
}
_SUN_EVENTS = {event: pb.SunEvent.Value(f"SUN_EVENT_{event}") for event in SunEvent}
_SUN_EVENT_OF: Mapping[int, SunEvent] = {int(number): event for event, number in _SUN_EVENTS.items()}
_EVENTS_OF_THE_SUN = frozenset(pb.SunEvent.values())
_PURPOSES = {purpose: pb.AuthorityPurpose.Value(f"AUTHORITY_PURPOSE_{purpose}") for purpose in Purpose}
_PURPOSE_OF: Mapping[int, Purpose] = {int(number): purpose for purpose, number in _PURPOSES.items()}


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
    """The reference system; None where none is said."""
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
        _circle_from(message.outline_circle) if message.HasField("outline_circle") else None,
    )


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
                circle=_circle(layer.circle) if layer.circle else None,
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


def _datum(number: int) -> Datum:
    return _known(_DATUM_OF, number, "altitude datum")


def _known(table: Mapping[int, _Value], number: int, what: str) -> _Value:
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


def _layer_from(message: pb.Layer) -> Layer:
    outline = _area_from(message.outline_wkb)
    if not 0.0 < outline.area < math.inf:  # nor of a corner that is not a number, which nothing would ever meet
        raise ValueError("an outline is not an area")
    circle_of = _circle_from(message.circle) if message.HasField("circle") else None
    sure = _area_from(message.sure_wkb) if message.HasField("sure_wkb") else None
    if not _is_known(message.altitude):
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


def _is_known(message: geo_pb2.AltitudeBand) -> bool:
    return {message.lower_datum, message.upper_datum} <= {*geo_pb2.AltitudeDatum.values()}


def _circle(line: CentreLine) -> geo_pb2.Circle:
    center = geo_pb2.LatLng(latitude=line.latitude, longitude=line.longitude)
    return geo_pb2.Circle(center=center, radius_m=line.reach_m)


def _circle_from(message: geo_pb2.Circle) -> CentreLine:
    if not all(map(math.isfinite, (message.center.longitude, message.center.latitude, message.radius_m))):
        raise ValueError("a circle without a place or a radius")
    return CentreLine.circle(message.center.longitude, message.center.latitude, message.radius_m)


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
    # Where the sun is looked at follows from the zone's own outlines, so that no message says it twice.
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
    return _known(_SUN_EVENT_OF, number, "event of the sun")


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
    return _known(_PURPOSE_OF, number, "authority's purpose")


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
