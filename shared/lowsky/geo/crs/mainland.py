"""Where a point is certainly in mainland China, or in the sea along its coast: an area of our own, drawn with a margin.

It keeps some 8 to 12 km from the land borders, and 1 to 2 km from the limits of Hong Kong and Macau, which are not in
it; Taiwan, the islands off Fujian that it administers, and ground that other states claim are not either. Seawards it
reaches 22 km from the coast. What is not in the area may be in China all the same. How it was derived, and from what:
`data/README.md`.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import shapely
from shapely import MultiPolygon


@cache
def mainland() -> MultiPolygon:
    """The area, longitude and latitude in degrees, prepared for questions of what it covers."""
    area = shapely.from_geojson(files("lowsky.geo").joinpath("data", "mainland.geojson").read_text(encoding="utf-8"))
    if not isinstance(area, MultiPolygon):
        raise TypeError("mainland.geojson holds no area")
    shapely.prepare(area)
    return area
