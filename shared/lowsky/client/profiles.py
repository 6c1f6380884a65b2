"""Profiles: the fields that an operator's requests have in common, as TOML.

commercial = true
identification_technologies = ["NETWORK_REMOTE_ID"]
endurance = "2400s"

[[command_links]]
method = "CELLULAR"
frequency_mhz = 2600.0
bandwidth_mhz = 20.0
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from google.protobuf import json_format
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.client.errors import InvalidArgument
from lowsky.text_files import decode

BYTES_MAX = 256 * 1024
"""All fields at their maximum length take some 10 kB."""

FIELDS = (
    "purpose",
    "mode",
    "commercial",
    "special_activities",
    "endurance",
    "lost_link_procedure",
    "emergency_procedure",
    "identification_technologies",
    "connectivity_methods",
    "alternate_landing_sites",
    "communications",
    "command_links",
)
"""The fields of a flight plan that do not depend on a single flight's route, time or aircraft."""


def read_profile(path: str | Path) -> pb.FlightPlan:
    """The profile of a TOML file, whose keys are fields of FlightPlan; enumerations are named as in BVLOS.

    Raises:
        InvalidArgument: UNREADABLE_FILE, with the fault and its position.
    """
    with Path(path).open("rb") as file:
        data = file.read(BYTES_MAX + 1)
    try:
        if len(data) > BYTES_MAX:
            raise ValueError(f"a profile has at most {BYTES_MAX} bytes")
        written = tomllib.loads(decode(data))
        for key in written:
            if key not in FIELDS:
                raise ValueError(f"{key} is not a field of a profile; the fields are: {', '.join(FIELDS)}")
        fields = pb.FlightPlan.DESCRIPTOR.fields_by_name
        whole = {key: _with_prefixes(fields[key], value) for key, value in written.items()}
        return json_format.ParseDict(whole, pb.FlightPlan(), max_recursion_depth=50)
    except (ValueError, TypeError, RecursionError, json_format.ParseError) as fault:  # TOML and UTF-8 raise ValueErrors
        raise InvalidArgument("UNREADABLE_FILE", f"{path}: {fault}") from None


def fill_from(plan: pb.FlightPlan, profile: pb.FlightPlan) -> None:
    """Sets the fields of the profile that the plan leaves unset."""
    said = {field.name for field, _ in plan.ListFields()}
    missing = pb.FlightPlan()
    missing.CopyFrom(profile)
    for field, _ in profile.ListFields():
        if field.name in said:
            missing.ClearField(field.name)  # type: ignore[arg-type]  # the stubs know only literals
    plan.MergeFrom(missing)


def _with_prefixes(field: FieldDescriptor, written: object) -> object:
    """The same, with the values of enumerations as in protobuf JSON."""
    if isinstance(written, list):
        return [_with_prefixes(field, one) for one in written]
    if field.enum_type is not None and isinstance(written, str):
        return _value(field.enum_type, field.name, written)
    if field.message_type is not None and isinstance(written, dict):
        inner = field.message_type.fields_by_name
        return {key: _with_prefixes(inner[key], one) if key in inner else one for key, one in written.items()}
    return written


def _value(enum: EnumDescriptor, field: str, name: str) -> str:
    unspecified, *others = enum.values
    prefix = unspecified.name.removesuffix("UNSPECIFIED")
    names = [one.name.removeprefix(prefix) for one in others]
    if name not in names:
        raise ValueError(f"{field}: {name!r} is not one of {', '.join(names)}")
    return prefix + name
