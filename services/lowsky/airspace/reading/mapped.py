"""Zones of files that are in no dialect, plain GeoJSON and KML, by a mapping that their publisher declares.

Each feature becomes the feature of ED-318 that says the same, and is read as one: the same repairs, the same wider
readings, the same notes, which name the members as they were published. Nothing is guessed: a restriction that the
mapping does not know refuses its zone, a limit without a datum or a unit is none.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lowsky.airspace.reading import ed318
from lowsky.airspace.reading.field_mapping import FieldMapping, LimitSource
from lowsky.airspace.reading.limits import THOUSANDS, UNLIMITED_ALSO, UNLIMITED_MIN, unit_m
from lowsky.airspace.reading.report import Notes, ZoneRefused
from lowsky.airspace.reading.values import empty, mapping, number, text
from lowsky.geo.geozone import Geozone

_AREAS = {"POLYGON": "Polygon", "MULTIPOLYGON": "MultiPolygon"}
_LINES = ("POINT", "MULTIPOINT", "LINESTRING", "MULTILINESTRING", "LINEARRING")
"""They enclose nothing: beside areas they are left out."""


def read_zone(entry: Mapping[str, object], identifier: str, fields: FieldMapping, notes: Notes) -> Geozone:
    """The zone of a feature.

    Raises:
        ZoneRefused: when it is no feature, or its restriction or its extent cannot be stood behind.
    """
    places = _places(fields)
    try:
        return ed318.read_zone(_translated(entry, fields, notes), identifier, notes)
    except ZoneRefused as refusal:
        note = refusal.note
        raise ZoneRefused(note.reason, _published(note.field, places), note.message) from None
    finally:
        notes.found[:] = [replace(note, field=_published(note.field, places)) for note in notes.found]


def _translated(entry: Mapping[str, object], fields: FieldMapping, notes: Notes) -> dict[str, object]:
    """The feature of ED-318 that says the same."""
    kind = text(entry.get("type"))
    if kind != "Feature":
        raise ZoneRefused("FEATURE_TYPE", "type", f"{kind or 'no type'} is no zone; what it refers to is not fetched")
    properties: dict[str, object] = {"type": _restriction(entry, fields)}
    for key, source in (("name", fields.name), ("message", fields.message)):
        if source is not None:
            properties[key] = source.of(entry)
    whom = (("name", fields.authority), ("contactName", fields.contact))
    authority = {key: source.of(entry) for key, source in whom if source}
    properties["zoneAuthority"] = [] if empty(authority) else [authority]
    period = {
        key: source.of(entry)
        for key, source in (("startDateTime", fields.start), ("endDateTime", fields.end))
        if source
    }
    properties["limitedApplicability"] = [] if empty(period) else [period]
    layer: dict[str, object] = {"uom": "m"}
    for key, limit in (("lower", fields.lower), ("upper", fields.upper)):
        if limit is not None:
            layer[key] = _limit(limit, entry)
            layer[f"{key}Reference"] = limit.datum.of(entry) if limit.datum else None
    geometry = entry.get("geometry")
    if empty(geometry):
        raise ZoneRefused("GEOMETRY_ABSENT", "geometry", "no geometry is published")
    return {"type": "Feature", "properties": properties, "geometry": _area(geometry, "geometry", notes), "layer": layer}


def _restriction(entry: Mapping[str, object], fields: FieldMapping) -> str:
    place = fields.restriction.place("restriction")
    published = fields.restriction.of(entry)
    if empty(published):
        raise ZoneRefused("RESTRICTION_ABSENT", place, "what the zone asks of a flight is not said")
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


def _limit(limit: LimitSource, entry: Mapping[str, object]) -> object:
    """A limit in metres, or what the reader of limits makes none of."""
    published = limit.value.of(entry)
    if isinstance(published, str) and THOUSANDS.fullmatch(published.strip()):
        return published
    found = number(published)
    if found is None or abs(found) >= UNLIMITED_MIN or abs(found) == UNLIMITED_ALSO:
        return published
    unit = limit.unit.of(entry) if limit.unit else None
    metres = None if empty(unit) else unit_m(unit)
    if found == 0.0:
        return 0.0
    return f"{text(published)} {text(unit) or 'of no unit'}" if metres is None else found * metres


def _area(geometry: object, place: str, notes: Notes) -> dict[str, object]:
    """The geometry with nothing but its coordinates: members beside them mean nothing in plain GeoJSON."""
    fields = mapping(geometry)
    kind = text(fields.get("type"))
    if kind.upper() == "GEOMETRYCOLLECTION":
        inner = fields.get("geometries")
        if not isinstance(inner, list):
            raise ZoneRefused("GEOMETRY_UNREADABLE", f"{place}.geometries", "not a list of geometries")
        parts = [_area(part, f"{place}.geometries[{at}]", notes) for at, part in enumerate(inner)]
        return {"type": "GeometryCollection", "geometries": parts}
    if kind.upper() in _LINES and place != "geometry":
        return {"type": kind, "coordinates": fields.get("coordinates")}
    if kind.upper() not in _AREAS:
        raise ZoneRefused("GEOMETRY_TYPE", f"{place}.type", f"{kind or 'no type'} encloses no area")
    coordinates = fields.get("coordinates")
    if _has_heights(coordinates):
        notes.unclear("HEIGHTS_IGNORED", f"{place}.coordinates", "heights of positions are no limits: not read")
    return {"type": _AREAS[kind.upper()], "coordinates": coordinates}


def _has_heights(coordinates: object) -> bool:
    """Whether any position has a height that is not 0."""
    waiting = [coordinates]
    while waiting:
        item = waiting.pop()
        if not isinstance(item, list):
            continue
        if len(item) > 2 and not isinstance(item[0], list):
            if number(item[2]) != 0.0:
                return True
        else:
            waiting.extend(element for element in item if isinstance(element, list))
    return False


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
    return found


def _published(path: str, places: Mapping[str, str]) -> str:
    end = path if path.startswith("properties.") else path[path.rfind("layer.") :]
    return places.get(end, path)
