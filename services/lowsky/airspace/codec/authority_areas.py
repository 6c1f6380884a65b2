"""Areas of authorities as messages, and back."""

from __future__ import annotations

from lowsky.airspace.domain.area import VERTICES_MAX, Area, AreaPolygon, InvalidPiece, Ring
from lowsky.api.airspace.v1 import authorities_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.errors import Invalid
from lowsky.geofence.area_codec import default_rule_to, open_below_from, ring_from


def area_from(message: pb.Area) -> Area:
    """The area in a message that passed the rules.

    Raises:
        Invalid: A polygon is not simple, has no area or goes around a pole, or there are too many vertices.
    """
    drawn = tuple(
        AreaPolygon(ring_from(polygon.shell), tuple(ring_from(hole) for hole in polygon.holes))
        for polygon in message.polygons
    )
    vertices = sum(len(ring) for polygon in drawn for ring in (polygon.shell, *polygon.holes))
    if vertices > VERTICES_MAX:
        raise Invalid.field(
            "authority.area",
            f"{vertices} vertices; at most {VERTICES_MAX} are allowed",
            "TOO_LARGE",
            limit=str(VERTICES_MAX),
        )
    try:
        return Area.of(drawn, open_below_from(message))
    except InvalidPiece as fault:
        raise Invalid.field(f"authority.area.polygons[{fault.index}]", str(fault), "INVALID_GEOMETRY") from None


def area_to(area: Area) -> pb.Area:
    """The area as it was given."""
    return pb.Area(
        polygons=[
            pb.AreaPolygon(shell=_polygon(polygon.shell), holes=[_polygon(hole) for hole in polygon.holes])
            for polygon in area.polygons
        ],
        default_rule=default_rule_to(area.open_below_m),
    )


def _polygon(ring: Ring) -> geo_pb2.Polygon:
    return geo_pb2.Polygon(
        vertices=[geo_pb2.LatLng(latitude=latitude, longitude=longitude) for longitude, latitude in ring]
    )
