"""What a publisher says of the properties of a file that is in no dialect."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lowsky.airspace.reading.values import mapping
from lowsky.geo.geozone import Restriction


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value is from: a property of the feature, or a constant for all; `property_name` wins where it is set."""

    property_name: str = ""
    constant: str = ""

    def of(self, entry: Mapping[str, object]) -> object:
        """The value for one feature; None where nothing is published."""
        return mapping(entry.get("properties")).get(self.property_name) if self.property_name else self.constant

    def place(self, target: str) -> str:
        """What a note calls it."""
        return f"properties.{self.property_name}" if self.property_name else f"mapping.{target}"


@dataclass(frozen=True, slots=True)
class LimitSource:
    """Where a vertical limit is from. Without a datum or a unit that is known, it is none."""

    value: Source
    datum: Source | None = None
    unit: Source | None = None


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """Which property of a feature is which member of a zone.

    `restrictions` has what published values mean; a restriction that is a constant names one of ours.
    """

    identifier: Source
    restriction: Source
    restrictions: Mapping[str, Restriction] = field(default_factory=dict)
    name: Source | None = None
    lower: LimitSource | None = None
    upper: LimitSource | None = None
    authority: Source | None = None
    contact: Source | None = None
    message: Source | None = None
    start: Source | None = None
    end: Source | None = None
