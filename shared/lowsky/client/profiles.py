"""Profiles: what an operator's requests have in common, written once as TOML.

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
from lowsky.text import decode

BYTES_MAX = 256 * 1024
"""All of its fields at their longest are some 10 kB."""

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
"""Of a flight plan: those that do not say where and when one flight goes, nor by which aircraft."""


def read_profile(path: str | Path) -> pb.FlightPlan:
    """The profile of a TOML file, whose keys are fields of FlightPlan; enumerations are named as in BVLOS.

    Raises:
        InvalidArgument: UNREADABLE_FILE, with what is wrong where.
    """
    with Path(path).open("rb") as file:
        data = file.read(BYTES_MAX + 1)
    try:
        if len(data) > BYTES_MAX:
            raise ValueError(f"a profile has at most {BYTES_MAX} bytes")
        written = tomllib.loads(decode(data))
        for key in written:
            if key not in FIELDS:
                raise ValueError(f"{key} is no field of a profile; these are: {', '.join(FIELDS)}")
        fields = pb.FlightPlan.DESCRIPTOR.fields_by_name
        whole = {key: _with_prefixes(fields[key], value) for key, value in written.items()}
        return json_format.ParseDict(whole, pb.FlightPlan(), max_recursion_depth=50)
    except (ValueError, TypeError, RecursionError, json_format.ParseError) as fault:  # no TOML, no UTF-8: ValueErrors
        raise InvalidArgument("UNREADABLE_FILE", f"{path}: {fault}") from None


def fill_from(plan: pb.FlightPlan, profile: pb.FlightPlan) -> None:
    """Gives a plan what it does not say itself."""
    said = {field.name for field, _ in plan.ListFields()}
    missing = pb.FlightPlan()
    missing.CopyFrom(profile)
    for field, _ in profile.ListFields():
        if field.name in said:
            missing.ClearField(field.name)  # type: ignore[arg-type]  # the stubs know only literals
    plan.MergeFrom(missing)


def _with_prefixes(field: FieldDescriptor, written: object) -> object:
    """The same with the values of enumerations as protobuf JSON spells them."""
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
        raise ValueError(f"{field}: {name!r} is none of {', '.join(names)}")
    return prefix + name
