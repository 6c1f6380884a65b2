"""What a publisher says of a file beyond what is in it."""

from __future__ import annotations

from dataclasses import dataclass

from lowsky.airspace.reading.mapping.field_mapping import FieldMapping
from lowsky.airspace.reading.report import Format
from lowsky.geo.crs.names import ReferenceSystem


@dataclass(frozen=True, slots=True)
class Declared:
    """What is said; as it is by default, nothing: the file speaks for itself."""

    format: Format | None = None
    """GEOJSON or KML; None for the dialects of ED-269 and ED-318, which are told apart by what is in the file."""
    mapping: FieldMapping | None = None
    """Given with GEOJSON and KML, and only with these."""
    reference_system: ReferenceSystem | None = None
    """Of all its coordinates; None: what the file states, WGS 84 where it states none."""
    time_zone: str = ""
    """An IANA name: whose clock times are by that do not say it themselves; "" when nobody knows."""
    terrain_m: tuple[float, float] | None = None
    """The least and the greatest elevation of the ground below all its zones, above mean sea level."""


AS_PUBLISHED = Declared()
"""The file speaks for itself."""
