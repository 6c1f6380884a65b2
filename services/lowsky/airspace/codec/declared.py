"""The header of an import, as what the publisher declares of the file."""

from __future__ import annotations

from lowsky.airspace.codec.field_mapping import format_by, mapping_by
from lowsky.airspace.reading import Declared
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.errors import Invalid
from lowsky.geo.reference_systems import ReferenceSystem
from lowsky.geo.schedule import civil


def declared_by(header: pb.ImportHeader) -> Declared:
    """What the header says of the file.

    Raises:
        Invalid: Its format and its mapping do not go together, or its time zone is unknown.
    """
    return Declared(
        format=format_by(header),
        mapping=mapping_by(header),
        reference_system=_reference_system(header.reference_system),
        time_zone=_time_zone(header.time_zone),
    )


def _reference_system(said: pb.ReferenceSystem.ValueType) -> ReferenceSystem:
    if said == pb.REFERENCE_SYSTEM_UNSPECIFIED:
        return ReferenceSystem.WGS_84
    return ReferenceSystem(pb.ReferenceSystem.Name(said).removeprefix("REFERENCE_SYSTEM_"))


def _time_zone(name: str) -> str:
    try:
        return civil(name).key if name else ""
    except ValueError as fault:
        raise Invalid.field("header.time_zone", str(fault)) from None
