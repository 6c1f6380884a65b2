"""The field mapping of an import's header, as the readers use it."""

from __future__ import annotations

from lowsky.airspace.reading import FieldMapping, Format, LimitSource, Pattern, Source
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.errors import Invalid
from lowsky.geo.zones.geozone import Restriction
from lowsky.open_enums import name_of, text_member

_FORMATS = {pb.ZONE_FILE_FORMAT_GEOJSON: Format.GEOJSON, pb.ZONE_FILE_FORMAT_KML: Format.KML}


def format_by(header: pb.ImportHeader) -> Format | None:
    """The declared format of the file; None for ED-269 and ED-318, which are recognised by their content."""
    return _FORMATS.get(header.format)


def mapping_by(header: pb.ImportHeader) -> FieldMapping | None:
    """The declared meaning of the file's properties.

    Raises:
        Invalid: A mapping where the format takes none, no mapping where it needs one, a mapping that leaves the
            restriction open, or an invalid pattern.
    """
    form, given = format_by(header), header.HasField("mapping")
    if form is None and given:
        raise Invalid.field("header.mapping", "ED-269 and ED-318 define their fields: leave out the mapping")
    if form is not None and not given:
        raise Invalid.field("header.mapping", f"{form} does not define its properties: a mapping is required")
    return _mapping(header.mapping) if given else None


def _mapping(message: pb.FieldMapping) -> FieldMapping:
    restriction = _source(message.restriction, "restriction")
    if restriction.constant and restriction.constant not in list(Restriction):
        known = ", ".join(Restriction)
        raise Invalid.field("header.mapping.restriction.constant", f"a restriction is one of {known}")
    if restriction.property_name and not message.restriction_values:
        raise Invalid.field("header.mapping.restriction_values", "map the values of the property to restrictions")
    if restriction.constant and message.restriction_values:
        raise Invalid.field(
            "header.mapping.restriction_values", "the restriction is a constant: leave out restriction_values"
        )
    meanings = {value.strip(): _restriction(meant) for value, meant in message.restriction_values.items()}
    if len(meanings) < len(message.restriction_values):
        raise Invalid.field("header.mapping.restriction_values", "two values differ only in leading or trailing spaces")
    return FieldMapping(
        identifier=_source(message.identifier, "identifier"),
        restriction=restriction,
        restrictions=meanings,
        name=_source(message.name, "name") if message.HasField("name") else None,
        lower=_limit(message.lower, "lower") if message.HasField("lower") else None,
        upper=_limit(message.upper, "upper") if message.HasField("upper") else None,
        authority=_source(message.authority, "authority") if message.HasField("authority") else None,
        contact=_source(message.contact, "contact") if message.HasField("contact") else None,
        message=_source(message.message, "message") if message.HasField("message") else None,
        start=_source(message.start, "start") if message.HasField("start") else None,
        end=_source(message.end, "end") if message.HasField("end") else None,
    )


def _source(message: pb.FieldSource, target: str) -> Source:
    if not message.pattern:
        return Source(message.property, message.constant)
    field = f"header.mapping.{target}.pattern"
    if not message.property:
        raise Invalid.field(field, "a pattern needs a property, but the source is a constant")
    try:
        return Source(message.property, pattern=Pattern(message.pattern))
    except ValueError as fault:
        raise Invalid.field(field, str(fault)) from None


def _limit(message: pb.LimitSource, target: str) -> LimitSource:
    return LimitSource(
        value=_source(message.value, f"{target}.value") if message.HasField("value") else None,
        datum=_source(message.datum, f"{target}.datum") if message.HasField("datum") else None,
        unit=_source(message.unit, f"{target}.unit") if message.HasField("unit") else None,
        coordinates=message.coordinates,
    )


def _restriction(value: pb.Restriction.ValueType) -> Restriction:
    return text_member(Restriction, name_of(pb.Restriction, value, "RESTRICTION_"))
