"""The header of an import: what the publisher declares about the file."""

from __future__ import annotations

from lowsky.airspace.codec.imports.field_mapping import format_by, mapping_by
from lowsky.airspace.reading import Declared
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.errors import Invalid
from lowsky.geo.codec.volumes import reference_system_from
from lowsky.geo.schedules.schedule import civil


def declared_by(header: pb.ImportHeader) -> Declared:
    """What the header states about the file.

    Raises:
        Invalid: Its format and its mapping do not go together, its time zone is unknown, or its bounds of the ground
            are not two in order.
    """
    return Declared(
        format=format_by(header),
        mapping=mapping_by(header),
        reference_system=reference_system_from(header.reference_system),
        time_zone=_time_zone(header.time_zone),
        terrain_m=_terrain_m(header),
    )


def accepts_valid(header: pb.ImportHeader) -> bool:
    """Whether the publisher accepts an import without the zones that are refused."""
    if header.on_error == pb.ON_ERROR_UNSPECIFIED:
        return header.accept_valid
    return header.on_error == pb.ON_ERROR_ACCEPT_VALID


def _terrain_m(header: pb.ImportHeader) -> tuple[float, float] | None:
    given = header.HasField("terrain_min_m"), header.HasField("terrain_max_m")
    if not any(given):
        return None
    if not all(given):
        raise Invalid.field(
            "header.terrain_max_m" if given[0] else "header.terrain_min_m",
            "give both terrain_min_m and terrain_max_m, or neither",
        )
    if header.terrain_max_m < header.terrain_min_m:
        raise Invalid.field("header.terrain_max_m", "terrain_max_m is less than terrain_min_m", "INTERVAL_REVERSED")
    return header.terrain_min_m, header.terrain_max_m


def _time_zone(name: str) -> str:
    try:
        return civil(name).key if name else ""
    except ValueError as fault:
        raise Invalid.field("header.time_zone", str(fault)) from None
