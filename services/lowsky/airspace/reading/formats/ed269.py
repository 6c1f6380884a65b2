"""Zones in the dialect of ED-269: as they are, or as the properties of a GeoJSON feature."""

from __future__ import annotations

from collections.abc import Mapping

from lowsky.airspace.reading.attributes.json_values import empty, listed, mapping, number, text
from lowsky.airspace.reading.attributes.limits import ED_269_KEYS, read_band, unit_m
from lowsky.airspace.reading.attributes.periods import read_ed269
from lowsky.airspace.reading.attributes.shared_members import (
    PATH,
    Members,
    read_geozone,
    read_restriction,
    refuse_display_only,
)
from lowsky.airspace.reading.geometry.outlines import Outline, Outlines
from lowsky.airspace.reading.report import Notes, ZoneRefused
from lowsky.geo.zones.geozone import Geozone, Layer, Restriction

LAYERS_MAX = 200
"""Airports publish up to a dozen."""


def read_zone(entry: Mapping[str, object], identifier: str, notes: Notes) -> Geozone:
    """The zone of a feature whose `properties` are the members.

    Raises:
        ZoneRefused: when its restriction or its extent cannot be interpreted safely.
    """
    source = mapping(entry.get("properties"))
    members = Members(source, "restriction", "REQ_AUTHORISATION", "type")
    refuse_display_only(source)
    restriction = read_restriction(members, notes)
    layers = _layers(source, entry.get("geometry"), restriction, notes)
    return read_geozone(identifier, restriction, layers, read_ed269(source, layers, PATH, notes), members, notes)


def _layers(
    source: Mapping[str, object], feature_geometry: object, restriction: Restriction, notes: Notes
) -> tuple[Layer, ...]:
    volumes = listed(source.get("geometry"))
    if not volumes and empty(feature_geometry):
        raise ZoneRefused("GEOMETRY_ABSENT", f"{PATH}geometry", "no volume is published")
    if len(volumes) > LAYERS_MAX:
        raise ZoneRefused("TOO_MANY_LAYERS", f"{PATH}geometry", f"{len(volumes)} volumes; {LAYERS_MAX} is the most")
    outlines = Outlines(notes, restriction)
    own = [_projection(volume) for volume in volumes]
    if feature_geometry is not None and not any(own):
        # The flattened form: one outline beside the properties, which hold the limits.
        outline = _outline(mapping(feature_geometry), {}, "geometry", outlines, notes)
        limits = volumes or [source]
        path = f"{PATH}geometry" if volumes else PATH.rstrip(".")
        bands = [read_band(mapping(band), ED_269_KEYS, path, notes) for band in limits]
        return tuple(outlines.layer(outline, band) for band in bands)
    if not empty(feature_geometry):
        notes.unclear(
            "GEOMETRY_TWICE", "geometry", "the volumes have outlines of their own: the feature's is for display"
        )
    layers = []
    for index, (volume, projection) in enumerate(zip(volumes, own, strict=True)):
        field = f"{PATH}geometry[{index}]"
        if projection is None:
            raise ZoneRefused("GEOMETRY_UNREADABLE", field, "a volume without a horizontal projection")
        outline = _outline(projection, mapping(volume), f"{field}.horizontalProjection", outlines, notes)
        band = read_band(mapping(volume), ED_269_KEYS, field, notes)
        layers.append(outlines.layer(outline, band))
    return tuple(layers)


def _projection(volume: object) -> Mapping[str, object] | None:
    fields = mapping(volume)
    nested = fields.get("horizontalProjection")
    if isinstance(nested, dict):
        return nested
    # Flattened: the ring or the circle beside the limits.
    return fields if "coordinates" in fields or "center" in fields else None


def _outline(
    projection: Mapping[str, object], volume: Mapping[str, object], path: str, outlines: Outlines, notes: Notes
) -> Outline:
    kind = text(projection.get("type")).upper()
    if kind == "CIRCLE" or (kind == "POINT" and "radius" in projection):
        centre = projection.get("center", projection.get("centre", projection.get("coordinates")))
        return outlines.circle(centre, _radius_m(projection, volume, path, notes), path)
    coordinates = projection.get("coordinates")
    if kind == "POLYGON":
        return outlines.polygon(coordinates, f"{path}.coordinates")
    if kind == "MULTIPOLYGON":
        return outlines.multi_polygon(coordinates, f"{path}.coordinates")
    raise ZoneRefused("GEOMETRY_TYPE", f"{path}.type", f"{kind or 'no type'}: a volume is a Circle or a Polygon")


def _radius_m(projection: Mapping[str, object], volume: Mapping[str, object], path: str, notes: Notes) -> float | None:
    """The radius, in metres: the standard does not state whether the volume's unit applies to the radius too."""
    radius = number(projection.get("radius"))
    if isinstance(projection.get("radius"), str) and radius is not None:
        notes.unclear("NUMBER_AS_TEXT", f"{path}.radius", "the radius is written as a text")
    if unit_m(volume.get("uomDimensions")) != 1.0:
        notes.unclear(
            "RADIUS_UNIT", f"{path}.radius", "the unit of the radius is not certain: read in metres, the longer"
        )
    return radius
