"""The area of a query for zones: a box in longitude and latitude, in pieces where it spans the antimeridian."""

from __future__ import annotations

from dataclasses import dataclass

import shapely
from shapely.geometry.base import BaseGeometry

from lowsky.airspace.codec.zones import Box, outlines_of
from lowsky.api.geo.v1 import geo_pb2
from lowsky.errors import Invalid


@dataclass(frozen=True, slots=True)
class QueryArea:
    """Boxes within [-180, 180], and their union."""

    boxes: tuple[Box, ...]
    outline: BaseGeometry

    def touches(self, geozone: bytes) -> bool:
        """Whether a layer of the zone, lowsky.api.airspace.v1.Geozone, meets the area, edges included."""
        return bool(shapely.intersects(outlines_of(geozone), self.outline).any())


def area_of(message: geo_pb2.BoundingBox) -> QueryArea:
    """The area in a message that passed the rules; a box may be as thin as a line or a point.

    Raises:
        Invalid: The northern edge lies south of the southern one.
    """
    west, south = message.south_west.longitude, message.south_west.latitude
    east, north = message.north_east.longitude, message.north_east.latitude
    if south > north:
        raise Invalid.field(
            "area.north_east.latitude", f"the north, {north:g}, is less than the south, {south:g}", "INTERVAL_REVERSED"
        )
    boxes = [Box(west, south, east, north)]
    if west > east:
        boxes = [Box(west, south, 180.0, north), Box(-180.0, south, east, north)]
    # The meridians 180 and -180 are the same: what ends at 180 touches what begins at -180.
    elif east == 180.0 and west > -180.0:
        boxes.append(Box(-180.0, south, -180.0, north))
    elif west == -180.0 and east < 180.0:
        boxes.append(Box(180.0, south, 180.0, north))
    return QueryArea(tuple(boxes), shapely.union_all([_outline(box) for box in boxes]))


def _outline(box: Box) -> BaseGeometry:
    corners = [(box.west, box.south), (box.east, box.north)]
    if corners[0] == corners[1]:
        return shapely.Point(corners[0])
    if box.west == box.east or box.south == box.north:
        return shapely.LineString(corners)
    return shapely.box(box.west, box.south, box.east, box.north)
