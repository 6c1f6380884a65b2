"""Authorities as messages, and back."""

from __future__ import annotations

from lowsky.airspace.codec.authority_areas import area_from, area_to
from lowsky.airspace.domain.area import Area
from lowsky.airspace.domain.authority import Authority, AuthorityProfile
from lowsky.airspace.domain.country_codes import COUNTRIES
from lowsky.api.airspace.v1 import authorities_pb2 as pb
from lowsky.api.events.v1 import events_pb2
from lowsky.errors import Invalid
from lowsky.geo.schedules.schedule import civil


def country_of(message: pb.Authority) -> str:
    """The country in a message.

    Raises:
        Invalid: No country has that code.
    """
    if message.country not in COUNTRIES:
        raise Invalid.field("authority.country", f"{message.country} is no ISO 3166-1 alpha-3 code of a country")
    return message.country


def profile_of(message: pb.Authority) -> AuthorityProfile:
    """The part of an authority that can be changed.

    Raises:
        Invalid: The time zone is not one that exists, or the area is none.
    """
    try:
        time_zone = civil(message.time_zone).key
    except ValueError as fault:
        raise Invalid.field("authority.time_zone", str(fault)) from None
    area = area_from(message.area) if message.HasField("area") else None
    return AuthorityProfile(
        message.display_name, time_zone, message.email, message.phone, area, message.filing_horizon_days
    )


def to_message(authority: Authority) -> pb.Authority:
    """The resource."""
    profile = authority.profile
    message = pb.Authority(
        name=authority.name,
        etag=authority.etag,
        display_name=profile.display_name,
        country=authority.country,
        time_zone=profile.time_zone,
        email=profile.email,
        phone=profile.phone,
        area=area_to(profile.area) if profile.area else None,
        filing_horizon_days=profile.filing_horizon_days,
    )
    message.create_time.FromDatetime(authority.create_time)
    message.update_time.FromDatetime(authority.update_time)
    return message


def area_to_store(area: Area | None) -> bytes | None:
    """An area as it is kept beside its authority."""
    return area_to(area).SerializeToString() if area else None


def stored_area(stored: bytes | None) -> Area | None:
    """The same, read back."""
    return area_from(pb.Area.FromString(stored)) if stored is not None else None


def to_event(authority: Authority) -> bytes:
    """The value of lowsky.authority.* events."""
    return events_pb2.AuthorityEvent(authority=to_message(authority)).SerializeToString()
