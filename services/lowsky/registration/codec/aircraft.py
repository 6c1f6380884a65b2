"""Conversion between aircraft and protobuf messages."""

from __future__ import annotations

from lowsky.api.events.v1 import events_pb2
from lowsky.api.registration.v1 import aircraft_pb2
from lowsky.errors import Invalid
from lowsky.open_enums import name_of, number_of, text_member
from lowsky.registration.codec.identifiers import to_messages
from lowsky.registration.domain.aircraft import Aircraft, AircraftProfile, EuClass

_Category = aircraft_pb2.Aircraft.Category
_EuClass = aircraft_pb2.Aircraft.EuClass
_State = aircraft_pb2.Aircraft.State


def profile_of(message: aircraft_pb2.Aircraft) -> AircraftProfile:
    """The fields of an aircraft that its operator may change, from a validated message.

    Raises:
        Invalid: The masses contradict each other.
    """
    if message.max_takeoff_mass_kg < message.empty_mass_kg:
        raise Invalid.field("aircraft.max_takeoff_mass_kg", "must not be less than the empty mass")
    return AircraftProfile(
        manufacturer=message.manufacturer,
        model=message.model,
        empty_mass_kg=message.empty_mass_kg,
        max_takeoff_mass_kg=message.max_takeoff_mass_kg,
        max_speed_mps=message.max_speed_mps,
        max_height_m=message.max_height_m if message.HasField("max_height_m") else None,
        eu_class=text_member(EuClass, name_of(_EuClass, message.eu_class, "EU_CLASS_")),
    )


def to_message(aircraft: Aircraft) -> aircraft_pb2.Aircraft:
    """The resource."""
    profile = aircraft.profile
    message = aircraft_pb2.Aircraft(
        name=aircraft.name,
        etag=aircraft.etag,
        identifiers=to_messages(aircraft.identifiers),
        manufacturer=profile.manufacturer,
        model=profile.model,
        empty_mass_kg=profile.empty_mass_kg,
        max_takeoff_mass_kg=profile.max_takeoff_mass_kg,
        max_speed_mps=profile.max_speed_mps,
        max_height_m=profile.max_height_m,
        eu_class=_EuClass.ValueType(number_of(_EuClass, "EU_CLASS_", profile.eu_class)),
        category=_Category.Value(f"CATEGORY_{profile.category}"),
        state=_State.ValueType(number_of(_State, "STATE_", aircraft.state)),
    )
    message.create_time.FromDatetime(aircraft.create_time)
    message.update_time.FromDatetime(aircraft.update_time)
    return message


def to_event(aircraft: Aircraft) -> bytes:
    """The value of lowsky.aircraft.* events."""
    return events_pb2.AircraftEvent(aircraft=to_message(aircraft)).SerializeToString()
