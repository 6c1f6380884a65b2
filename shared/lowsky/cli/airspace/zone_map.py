"""Exports a zone as GeoJSON (RFC 7946) for any map, with one feature per layer."""

from __future__ import annotations

import json
import struct
from itertools import pairwise
from pathlib import Path
from typing import Any

from google.protobuf import json_format

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.cli.problems import invalid
from lowsky.cli.values import enum_name, show_band

Ring = list[list[float]]

_POLYGON, _MULTIPOLYGON = 3, 6


def write_geojson(zone: pb.Geozone, file: Path) -> None:
    """Writes the layers of a zone; overwrites the file."""
    file.write_text(json.dumps(feature_collection(zone), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def feature_collection(zone: pb.Geozone) -> dict[str, Any]:
    """The layers of a zone, with its restrictions."""
    return {"type": "FeatureCollection", "features": [_feature(zone, layer) for layer in zone.layers]}


def _feature(zone: pb.Geozone, layer: pb.Layer) -> dict[str, Any]:
    properties = {
        "name": zone.name,
        "title": zone.titles[0].text if zone.titles else zone.identifier,
        "restriction": enum_name(pb.Restriction, zone.restriction),
        "altitudes": show_band(layer.altitude),
        **_limits(layer.altitude),
    }
    return {"type": "Feature", "properties": properties, "geometry": geometry(layer.outline_wkb)}


def _limits(band: geo_pb2.AltitudeBand) -> dict[str, Any]:
    plain: dict[str, Any] = json_format.MessageToDict(band, preserving_proto_field_name=True)
    return {key: str(one).removeprefix("ALTITUDE_DATUM_") if "datum" in key else one for key, one in plain.items()}


def geometry(wkb: bytes) -> dict[str, Any]:
    """A polygon or multipolygon of well-known binary as GeoJSON.

    Outer rings run counter-clockwise, holes clockwise: maps interpret the opposite as the rest of the world.
    """
    try:
        kind, at = _head(wkb, 0)
        if kind == _POLYGON:
            rings, _ = _rings(wkb, 0)
            return {"type": "Polygon", "coordinates": rings}
        if kind == _MULTIPOLYGON:
            count = struct.unpack_from(_order(wkb, 0) + "I", wkb, at)[0]
            at, polygons = at + 4, []
            for _ in range(count):
                rings, at = _rings(wkb, at)
                polygons.append(rings)
            return {"type": "MultiPolygon", "coordinates": polygons}
    except (struct.error, IndexError) as error:
        raise invalid("UNREADABLE_OUTLINE", f"the outline of the zone cannot be read: {error}") from None
    raise invalid("UNREADABLE_OUTLINE", f"the outline of the zone is of an unknown kind ({kind})")


def _order(wkb: bytes, at: int) -> str:
    return "<" if wkb[at] else ">"


def _head(wkb: bytes, at: int) -> tuple[int, int]:
    return struct.unpack_from(_order(wkb, at) + "I", wkb, at + 1)[0], at + 5


def _rings(wkb: bytes, at: int) -> tuple[list[Ring], int]:
    order = _order(wkb, at)
    _, at = _head(wkb, at)
    count = struct.unpack_from(order + "I", wkb, at)[0]
    at, rings = at + 4, []
    for number in range(count):
        points = struct.unpack_from(order + "I", wkb, at)[0]
        flat = struct.unpack_from(f"{order}{2 * points}d", wkb, at + 4)
        at += 4 + 16 * points
        ring = [[flat[n], flat[n + 1]] for n in range(0, len(flat), 2)]
        outer = number == 0
        rings.append(ring if (_doubled_area(ring) > 0) is outer else ring[::-1])
    return rings, at


def _doubled_area(ring: Ring) -> float:
    """Positive if the ring runs counter-clockwise; relative to its first point, so that small rings keep precision."""
    if not ring:
        return 0.0
    x, y = ring[0]
    return sum((a[0] - x) * (b[1] - y) - (b[0] - x) * (a[1] - y) for a, b in pairwise(ring))
