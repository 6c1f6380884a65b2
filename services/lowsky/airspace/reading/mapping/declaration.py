"""What a publisher declares about a file."""

from __future__ import annotations

from dataclasses import dataclass

from lowsky.airspace.reading.mapping.field_mapping import FieldMapping
from lowsky.airspace.reading.report import Format
from lowsky.geo.crs.names import ReferenceSystem


@dataclass(frozen=True, slots=True)
class Declared:
    """The declarations; by default none: only the content of the file counts."""

    format: Format | None = None
    """GEOJSON or KML; None for the dialects of ED-269 and ED-318, which are recognised by their content."""
    mapping: FieldMapping | None = None
    """Given with GEOJSON and KML, and only with these."""
    reference_system: ReferenceSystem | None = None
    """The system of all its coordinates; None: the one that the file states, or else WGS 84."""
    time_zone: str = ""
    """IANA time zone of times without an offset; "" when it is unknown."""
    terrain_m: tuple[float, float] | None = None
    """The least and the greatest elevation of the ground below all its zones, above mean sea level."""


AS_PUBLISHED = Declared()
"""No declarations: only the content of the file counts."""
