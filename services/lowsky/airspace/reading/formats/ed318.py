"""Zones in the dialect of ED-318: GeoJSON features whose geometries carry a `layer`, and points an `extent`."""

from __future__ import annotations

from collections.abc import Mapping

from lowsky.airspace.reading.attributes.json_values import empty, mapping, number, text
from lowsky.airspace.reading.attributes.limits import ED_318_KEYS, read_band
from lowsky.airspace.reading.attributes.member_names import Group, attribute, member
from lowsky.airspace.reading.attributes.periods import read_ed318
from lowsky.airspace.reading.attributes.shared_members import (
    PATH,
    Members,
    read_geozone,
    read_restriction,
    refuse_display_only,
)
from lowsky.airspace.reading.geometry.outlines import Outline, Outlines
from lowsky.airspace.reading.report import Format, Notes, ZoneRefused
from lowsky.geo.zones.geozone import Geozone, Layer, Restriction

LAYERS_MAX = 200
"""Airports publish up to a dozen."""
NESTING_MAX = 4
"""GeometryCollections within each other."""
_LINES = ("POINT", "MULTIPOINT", "LINESTRING", "MULTILINESTRING", "LINEARRING")


def read_zone(entry: Mapping[str, object], identifier: str, notes: Notes) -> Geozone:
    """The zone of a feature.

    Raises:
        ZoneRefused: when its restriction or its extent cannot be interpreted safely.
    """
    source = mapping(entry.get("properties"))
    members = Members(source, "type", "REQ_AUTHORIZATION", "variant")
    refuse_display_only(source)
    restriction = read_restriction(members, notes)
    geometry = entry.get("geometry")
    if empty(geometry):
        raise ZoneRefused("GEOMETRY_ABSENT", "geometry", "no geometry is published")
    layers = _Layers(notes, restriction, mapping(entry.get("layer")))
    layers.read(geometry, "geometry", {}, 0)
    if not layers.found:
        raise ZoneRefused("GEOMETRY_ABSENT", "geometry", "the collection holds no geometry that encloses an area")
    layers.leave_out_strays()
    found = tuple(layers.found)
    return read_geozone(identifier, restriction, found, read_ed318(source, found, PATH, notes), members, notes)


def _is_line(geometry: Mapping[str, object]) -> bool:
    """Whether it is only a line or a point; with limits or an extent of its own it may be part of the zone."""
    return text(geometry.get("type")).upper() in _LINES and geometry.keys() <= {"type", "coordinates", "bbox", "crs"}


class _Layers:
    """Collects the layers of one zone; `default` is a layer that stands outside of the geometry."""

    def __init__(self, notes: Notes, restriction: Restriction, default: Mapping[str, object]) -> None:
        self.found: list[Layer] = []
        self._notes = notes
        self._default = default
        self._outlines = Outlines(notes, restriction)
        self._points: list[str] = []
        """Paths of points that may be labels."""
        self._polygons = False

    def read(self, geometry: object, path: str, around: Mapping[str, object], depth: int) -> None:
        """A geometry, or all of a collection, whose own layer is `around` for those that have none."""
        fields = mapping(geometry)
        layer = self._own_layer(fields) or around
        if text(fields.get("type")).upper() == "GEOMETRYCOLLECTION":
            inner = fields.get("geometries")
            if not isinstance(inner, list) or depth >= NESTING_MAX:
                raise ZoneRefused(
                    "GEOMETRY_UNREADABLE", f"{path}.geometries", "not a list of geometries, or nested too deeply"
                )
            for index, part in enumerate(inner):
                self.read(part, f"{path}.geometries[{index}]", layer, depth + 1)
            return
        if depth and _is_line(fields):
            self._outlines.line(fields.get("coordinates"), f"{path}.coordinates")
            self._points.extend([path] if "POINT" in text(fields.get("type")).upper() else [])
            return
        if len(self.found) >= LAYERS_MAX:
            raise ZoneRefused("TOO_MANY_LAYERS", path, f"more than {LAYERS_MAX} layers")
        outline = self._outline(fields, path) if depth == 0 else self._outline_or_wall(fields, path)
        if outline is None:
            return
        if self._default and not layer:
            band = read_band(self._default, ED_318_KEYS, "layer", self._notes)
        else:
            band = read_band(layer, ED_318_KEYS, f"{path}.layer", self._notes)
            if self._default and read_band(self._default, ED_318_KEYS, "", Notes()) != band:
                self._notes.unclear("LAYER_TWICE", "layer", "the geometry has limits of its own: these are not read")
        self.found.append(self._outlines.layer(outline, band))

    def _own_layer(self, geometry: Mapping[str, object]) -> dict[str, object]:
        """A geometry's layer under the standard's names; empty where it has no limit."""
        found: dict[str, object] = {}
        for key, value in geometry.items():
            if attribute(key, Format.ED_318) == (Group.ZONE, "layer"):
                for name, item in mapping(value).items():
                    if (known := member(name, Group.LAYER, Format.ED_318)) and empty(found.get(known)):
                        found[known] = item
        return {} if all(empty(found.get(limit)) for limit in ("lower", "upper")) else found

    def leave_out_strays(self) -> None:
        """Drops geometries that enclose no area, once all layers are read: see `Outlines.leave_out_strays`.

        Raises:
            ZoneRefused: EXTENT_ABSENT for a point beside nothing but circles, of which it may be one without its
                radius; those of `Outlines.leave_out_strays`.
        """
        if self._points and not self._polygons:
            raise ZoneRefused("EXTENT_ABSENT", f"{self._points[0]}.extent", "a point needs an extent of subtype Circle")
        self._outlines.leave_out_strays()

    def _outline_or_wall(self, geometry: Mapping[str, object], path: str) -> Outline | None:
        """The outline; None for a wall next to other geometries, which has no horizontal area."""
        if text(geometry.get("type")).upper() == "POLYGON":
            self._polygons = True
            return self._outlines.polygon_or_wall(geometry.get("coordinates"), f"{path}.coordinates")
        return self._outline(geometry, path)

    def _outline(self, geometry: Mapping[str, object], path: str) -> Outline:
        kind = text(geometry.get("type")).upper()
        coordinates = geometry.get("coordinates")
        self._polygons |= kind in ("POLYGON", "MULTIPOLYGON")
        if kind == "POLYGON":
            return self._outlines.polygon(coordinates, f"{path}.coordinates")
        if kind == "MULTIPOLYGON":
            return self._outlines.multi_polygon(coordinates, f"{path}.coordinates")
        if kind == "POINT":
            extent = mapping(geometry.get("extent"))
            if text(extent.get("subType")).upper() != "CIRCLE":
                raise ZoneRefused("EXTENT_ABSENT", f"{path}.extent", "a point needs an extent of subtype Circle")
            radius = number(extent.get("radius"))
            if isinstance(extent.get("radius"), str) and radius is not None:
                self._notes.unclear("NUMBER_AS_TEXT", f"{path}.extent.radius", "the radius is written as a text")
            return self._outlines.circle(coordinates, radius, path)
        raise ZoneRefused("GEOMETRY_TYPE", f"{path}.type", f"{kind or 'no type'} encloses no area")
