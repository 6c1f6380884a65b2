"""The publisher's mapping of properties, for files in neither ED-269 nor ED-318."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from lowsky.airspace.reading.attributes.json_values import empty, mapping, text
from lowsky.airspace.reading.mapping.value_patterns import Pattern
from lowsky.geo.zones.geozone import Restriction

INDEX_DIGITS_MAX = 6
"""Of an index in a list."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value of one feature, None where there is none; and a reason and a message where it could not be taken."""

    value: object
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a value is from: a property of the feature, or a constant for all; `property_name` wins where it is set.

    A property is named exactly, or as the members on the way to it with dots between them. With a pattern the value is
    what the pattern finds in the property's text.
    """

    property_name: str = ""
    constant: str = ""
    pattern: Pattern | None = None

    def of(self, entry: Mapping[str, object]) -> object:
        """The value for one feature; None where nothing is published."""
        return self.found_in(entry).value

    def found_in(self, entry: Mapping[str, object]) -> Found:
        """The same, with the reason for None where the pattern is it."""
        if not self.property_name:
            return Found(self.constant)
        published = _member(mapping(entry.get("properties")), self.property_name)
        if self.pattern is None or empty(published):
            return Found(published)
        values = self.pattern.values_in(text(published))
        if len(values) > 1:
            message = f"the pattern finds {values[0][:50]!r} and {values[1][:50]!r}: it is not clear which is meant"
            return Found(None, "PATTERN_AMBIGUOUS", message)
        if not values:
            return Found(None, "PATTERN_NOT_FOUND", "the pattern finds nothing in the text")
        return Found(values[0])

    def place(self, target: str) -> str:
        """The path of the source, for notes."""
        return f"properties.{self.property_name}" if self.property_name else f"mapping.{target}"


@dataclass(frozen=True, slots=True)
class LimitSource:
    """Where a vertical limit is from. Without a datum or a unit that is known, it is none.

    With `coordinates` it is the lowest or the highest of the heights in the feature's coordinates; there is no value.
    """

    value: Source | None
    datum: Source | None = None
    unit: Source | None = None
    coordinates: bool = False


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

    def unused(self, properties: Mapping[str, object]) -> Iterator[str]:
        """Paths of properties with values that no source uses."""
        return _unused(properties, "", frozenset(source.property_name for source in self._sources()))

    def _sources(self) -> Iterator[Source]:
        limits = [limit for limit in (self.lower, self.upper) if limit is not None]
        parts = (part for limit in limits for part in (limit.value, limit.datum, limit.unit))
        others = (self.name, self.authority, self.contact, self.message, self.start, self.end)
        yield self.identifier
        yield self.restriction
        yield from (source for source in (*parts, *others) if source is not None)


def _member(properties: Mapping[str, object], name: str) -> object:
    """The property of exactly this name, or else the value at the path of names and list indexes between its dots."""
    if name in properties:
        return properties[name]
    value: object = properties
    for step in name.split("."):
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdecimal() and len(step) < INDEX_DIGITS_MAX:
            value = value[int(step)] if int(step) < len(value) else None
        else:
            return None
    return value


def _unused(members: Mapping[str, object], around: str, names: frozenset[str]) -> Iterator[str]:
    for key, value in members.items():
        name = around + key
        within = any(used.startswith(f"{name}.") for used in names)
        if isinstance(value, dict) and within:
            yield from _unused(value, f"{name}.", names)
        elif name not in names and not within and not empty(value):
            yield f"properties.{name}"
