"""Areas of authorities as GeoJSON files (RFC 7946)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lowsky.cli.deferred import deferred
from lowsky.cli.problems import invalid
from lowsky.geo.crs.names import known, stated_name
from lowsky.text_files import decode

if TYPE_CHECKING:
    from lowsky.api.airspace.v1 import authorities_pb2 as pb
    from lowsky.api.geo.v1 import geo_pb2
else:
    pb = deferred("lowsky.api.airspace.v1.authorities_pb2")
    geo_pb2 = deferred("lowsky.api.geo.v1.geo_pb2")


_ADVICE = "convert it, as with ogr2ogr -t_srs OGC:CRS84; or, where it is in WGS 84, take the crs out of it"

FILE_BYTES_MAX = 4 * 1024 * 1024
"""Ten times the size of the 10 000 vertices of the largest area."""


def area_in(file: Path) -> pb.Area:
    """The polygons of a geometry, a Feature or a FeatureCollection, in WGS 84 by whatever name.

    Raises:
        Problem: UNREADABLE_FILE; also where the file states another reference system, which is named.
    """
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise ValueError(f"larger than {FILE_BYTES_MAX} bytes")
        document = json.loads(decode(file.read_bytes()))
        _require_wgs84(document)
        polygons = [_polygon(rings) for rings in _polygons(document)]
        if not polygons:
            raise ValueError("no Polygon in it")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError) as fault:
        problem = str(fault) if isinstance(fault, OSError | ValueError) else "not GeoJSON (RFC 7946)"
        raise invalid("UNREADABLE_FILE", f"{file}: {problem}", "give GeoJSON with Polygons or MultiPolygons") from None
    return pb.Area(polygons=polygons)


def _require_wgs84(document: Any) -> None:
    """Refuses a file that states another reference system anywhere: this command cannot convert it."""
    for crs in _stated(document):
        try:
            name = stated_name(crs)
        except ValueError as fault:
            raise ValueError(f"{fault}: {_ADVICE}") from None
        system = known(name)
        if system is None or system.displaced:
            raise ValueError(f"it is in {name}, and an area is given in WGS 84: {_ADVICE}")


def _stated(value: Any) -> Iterator[Any]:
    """Each `crs` of a collection, of features and of geometries."""
    if isinstance(value, list):
        for one in value:
            yield from _stated(one)
    elif isinstance(value, dict):
        yield from (crs for key, crs in value.items() if key.lower() == "crs")
        for key in ("features", "geometry", "geometries"):
            yield from _stated(value.get(key))


def _polygons(value: Any) -> Iterator[Any]:
    """The rings of each polygon; other geometries are refused, so that none is omitted silently."""
    kind = value["type"]
    if kind == "FeatureCollection":
        for feature in value["features"]:
            yield from _polygons(feature)
    elif kind == "Feature":
        yield from _polygons(value["geometry"])
    elif kind == "MultiPolygon":
        yield from value["coordinates"]
    elif kind == "Polygon":
        yield value["coordinates"]
    else:
        raise ValueError(f"a {kind!r:.40} is not an area")


def _polygon(rings: Any) -> pb.AreaPolygon:
    shell, *holes = (_ring(ring) for ring in rings)
    return pb.AreaPolygon(shell=shell, holes=holes)


def _ring(positions: Any) -> geo_pb2.Polygon:
    corners = [(float(position[0]), float(position[1])) for position in positions]
    if len(corners) > 1 and corners[0] == corners[-1]:
        corners.pop()
    return geo_pb2.Polygon(vertices=[geo_pb2.LatLng(longitude=x, latitude=y) for x, y in corners])
