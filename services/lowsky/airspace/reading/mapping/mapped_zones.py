"""Zones of files that are in no dialect, plain GeoJSON and KML, by a mapping that their publisher declares.

Each feature becomes the feature of ED-318 that says the same, and is read as one: the same repairs, the same wider
readings, the same notes, which name the members as they were published. Nothing is guessed: a restriction that the
mapping does not know refuses its zone, a limit without a datum or a unit is none.
"""

from __future__ import annotations

from collections.abc import Mapping

from lowsky.airspace.reading.attributes.json_values import empty, mapping, number, text
from lowsky.airspace.reading.attributes.limits import THOUSANDS, UNLIMITED_ALSO, UNLIMITED_MIN, unit_m
from lowsky.airspace.reading.attributes.published_paths import at_published_places
from lowsky.airspace.reading.formats import ed318
from lowsky.airspace.reading.mapping.field_mapping import FieldMapping, LimitSource, Source
from lowsky.airspace.reading.mapping.position_heights import has_heights, heights_of
from lowsky.airspace.reading.report import Notes, ZoneRefused
from lowsky.geo.zones.geozone import Geozone

HEIGHTS = "geometry.coordinates"
"""Where heights are published."""
_AREAS = {"POLYGON": "Polygon", "MULTIPOLYGON": "MultiPolygon"}
_LINES = ("POINT", "MULTIPOINT", "LINESTRING", "MULTILINESTRING", "LINEARRING")
"""They enclose nothing: beside areas they are left out."""


def read_zone(entry: Mapping[str, object], identifier: str, fields: FieldMapping, notes: Notes) -> Geozone:
    """The zone of a feature.

    Raises:
        ZoneRefused: when it is no feature, or its restriction or its extent cannot be interpreted safely.
    """
    feature = _translated(entry, fields, notes)
    return at_published_places(ed318.read_zone, feature, identifier, _places(fields), notes)


def _translated(entry: Mapping[str, object], fields: FieldMapping, notes: Notes) -> dict[str, object]:
    """The feature of ED-318 that says the same."""
    kind = text(entry.get("type"))
    if kind != "Feature":
        raise ZoneRefused("FEATURE_TYPE", "type", f"{kind or 'no type'} is no zone; what it refers to is not fetched")
    geometry = entry.get("geometry")
    values = _Values(entry, notes)
    properties: dict[str, object] = {"type": _restriction(values, fields)}
    for key, source in (("name", fields.name), ("message", fields.message)):
        if source is not None:
            properties[key] = values.of(source, key)
    whom = (("name", "authority", fields.authority), ("contactName", "contact", fields.contact))
    authority = {key: values.of(source, target) for key, target, source in whom if source}
    properties["zoneAuthority"] = [] if empty(authority) else [authority]
    times = (("startDateTime", "start", fields.start), ("endDateTime", "end", fields.end))
    period = {key: values.of(source, target) for key, target, source in times if source}
    properties["limitedApplicability"] = [] if empty(period) else [period]
    if empty(geometry):
        raise ZoneRefused("GEOMETRY_ABSENT", "geometry", "no geometry is published")
    area = _area(geometry, "geometry")
    layer: dict[str, object] = {"uom": "m"}
    for key, limit in (("lower", fields.lower), ("upper", fields.upper)):
        if limit is not None:
            layer[key] = _limit(limit, key, values, geometry)
            layer[f"{key}Reference"] = values.of(limit.datum, f"{key}.datum") if limit.datum else None
    if not any(limit and limit.coordinates for limit in (fields.lower, fields.upper)) and has_heights(geometry):
        notes.unclear("HEIGHTS_IGNORED", HEIGHTS, "the mapping takes no limit from the heights of positions: not read")
    return {"type": "Feature", "properties": properties, "geometry": area, "layer": layer}


class _Values:
    """The values of one feature, with notes where a pattern is the reason that there is none."""

    def __init__(self, entry: Mapping[str, object], notes: Notes) -> None:
        self._entry = entry
        self.notes = notes

    def of(self, source: Source, target: str) -> object:
        found = source.found_in(self._entry)
        if found.reason:
            self.notes.unclear(found.reason, source.place(target), found.message)
        return found.value


def _restriction(values: _Values, fields: FieldMapping) -> str:
    place = fields.restriction.place("restriction")
    published = values.of(fields.restriction, "restriction")
    if empty(published):
        raise ZoneRefused("RESTRICTION_ABSENT", place, "no restriction is published")
    if not fields.restriction.property_name:
        return str(published)
    value = ("true" if published else "false") if isinstance(published, bool) else text(published)
    if value not in fields.restrictions:
        raise ZoneRefused(
            "RESTRICTION_UNMAPPED",
            place,
            f"the mapping does not say what {value[:100] or type(published).__name__!r} means",
        )
    return fields.restrictions[value].value


def _limit(limit: LimitSource, key: str, values: _Values, geometry: object) -> object:
    """A limit in metres, or what the reader of limits makes none of."""
    if limit.value is not None:
        published = values.of(limit.value, key)
    else:
        heights = heights_of(geometry)
        if heights.missing:
            values.notes.unclear("HEIGHTS_UNUSABLE", HEIGHTS, heights.missing)
        published = heights.lowest if key == "lower" else heights.highest
    if isinstance(published, str) and THOUSANDS.fullmatch(published.strip()):
        return published
    found = number(published)
    if found is None or abs(found) >= UNLIMITED_MIN or abs(found) == UNLIMITED_ALSO:
        return published
    unit = values.of(limit.unit, f"{key}.unit") if limit.unit else None
    metres = None if empty(unit) else unit_m(unit)
    if found == 0.0:
        return 0.0
    return f"{text(published)} {text(unit) or 'of no unit'}" if metres is None else found * metres


def _area(geometry: object, place: str) -> dict[str, object]:
    """The geometry with nothing but its coordinates: members beside them mean nothing in plain GeoJSON."""
    fields = mapping(geometry)
    kind = text(fields.get("type"))
    if kind.upper() == "GEOMETRYCOLLECTION":
        inner = fields.get("geometries")
        if not isinstance(inner, list):
            raise ZoneRefused("GEOMETRY_UNREADABLE", f"{place}.geometries", "not a list of geometries")
        parts = [_area(part, f"{place}.geometries[{at}]") for at, part in enumerate(inner)]
        return {"type": "GeometryCollection", "geometries": parts}
    if kind.upper() in _LINES and place != "geometry":
        return {"type": kind, "coordinates": fields.get("coordinates")}
    if kind.upper() not in _AREAS:
        raise ZoneRefused("GEOMETRY_TYPE", f"{place}.type", f"{kind or 'no type'} encloses no area")
    coordinates = fields.get("coordinates")
    return {"type": _AREAS[kind.upper()], "coordinates": coordinates}


def _places(fields: FieldMapping) -> dict[str, str]:
    """Ends of the members' paths in ED-318, with the published places."""
    found: dict[str, str] = {}
    for end, target, source in (
        ("properties.name", "name", fields.name),
        ("properties.message", "message", fields.message),
        ("properties.zoneAuthority", "authority", fields.authority),
        ("properties.zoneAuthority[0]", "authority", fields.authority),
        ("properties.zoneAuthority[0].name", "authority", fields.authority),
        ("properties.zoneAuthority[0].purpose", "authority", fields.authority),
        ("properties.zoneAuthority[0].contactName", "contact", fields.contact),
        ("properties.limitedApplicability[0].startDateTime", "start", fields.start),
        ("properties.limitedApplicability[0].endDateTime", "end", fields.end),
        ("layer.lower", "lower", fields.lower.value if fields.lower else None),
        ("layer.lowerReference", "lower.datum", fields.lower.datum if fields.lower else None),
        ("layer.upper", "upper", fields.upper.value if fields.upper else None),
        ("layer.upperReference", "upper.datum", fields.upper.datum if fields.upper else None),
    ):
        found[end] = source.place(target) if source else f"mapping.{target}"
    for key, limit in (("lower", fields.lower), ("upper", fields.upper)):
        if limit is not None and limit.coordinates:
            found[f"layer.{key}"] = HEIGHTS
    return found
