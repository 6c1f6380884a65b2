"""The area of an authority as a message, as the geofence needs it."""

from __future__ import annotations

import math

import shapely
from shapely import Polygon

from lowsky.api.airspace.v1 import authorities_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.geo.shapes.antimeridian import cut
from lowsky.geofence.areas import StatedArea


def stated_area_from(message: pb.Authority) -> StatedArea | None:
    """The area that an authority is responsible for; None where it has stated none.

    Raises:
        ValueError: A polygon is invalid, goes around a pole, encloses nothing, or crosses itself.
    """
    if not message.HasField("area"):
        return None
    polygons = [
        cut(Polygon(ring_from(drawn.shell), [ring_from(hole) for hole in drawn.holes]))
        for drawn in message.area.polygons
    ]
    for polygon in polygons:
        if not polygon.is_valid:
            raise ValueError(f"the area is not of simple polygons: {shapely.is_valid_reason(polygon)}")
    ground = shapely.union_all(polygons)
    if not ground.area > 0.0:
        raise ValueError("the area is empty")
    return StatedArea(message.name, message.display_name, ground, open_below_from(message.area))


def open_below_from(message: pb.Area) -> float:
    """Metres above ground below which flying is open: inf without a default, -inf where it never is, and where the
    default is a rule of a later version."""
    match message.default_rule.WhichOneof("rule"):
        case "open_below_m":
            return message.default_rule.open_below_m
        case "authorization_required":
            return -math.inf
    return -math.inf if message.HasField("default_rule") else math.inf


def default_rule_to(open_below_m: float) -> pb.AreaDefault | None:
    """The other way."""
    if open_below_m == math.inf:
        return None
    if open_below_m == -math.inf:
        return pb.AreaDefault(authorization_required=True)
    return pb.AreaDefault(open_below_m=open_below_m)


def ring_from(message: geo_pb2.Polygon) -> tuple[tuple[float, float], ...]:
    """Longitudes and latitudes, not closed."""
    return tuple((vertex.longitude, vertex.latitude) for vertex in message.vertices)
