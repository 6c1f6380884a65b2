"""Derives `mainland.geojson`: where a point is certainly in mainland China or in the sea along its coast.

    npm install --prefix FOLDER world-atlas@2.0.2
    python derive_mainland.py FOLDER/node_modules/world-atlas/countries-10m.json

Taken is China and `SEA_M` of sea along its coast, with the Bohai, without `LAND_M` along all other countries, which
leaves as much room for the errors of Natural Earth at 1 : 10 million. Left out by hand is what needs another distance:
Hong Kong and Macau, whose limits run through cities and are drawn finer; islands off Fujian; waters by Korea and
Vietnam; and ground that other states claim. Coordinates are longitude and latitude in degrees, WGS 84.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import shapely
from pyproj import Transformer
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

SEA_M: Final = 22_000.0
"""12 nautical miles."""
LAND_M: Final = 12_000.0
BY_HAND: Final = {"China", "Hong Kong", "Macao", "Taiwan"}
"""Countries of the atlas that this distance is not kept from. Taiwan itself lies far beyond `SEA_M`."""
SIMPLIFIED_M: Final = 4_000.0
CITY_M: Final = 1_100.0
"""Kept from the limits of Hong Kong and Macau."""
CITY_SIMPLIFIED_M: Final = 100.0
PART_MIN: Final = 0.01
"""Square degrees; smaller parts are slivers between two distances."""
AROUND: Final = (65.0, 17.5, 145.0, 60.0)
"""West, south, east, north: Hainan is in it, the islands of the South China Sea are not."""

HONG_KONG = (
    "113.869 22.429, 113.955 22.478, 113.993 22.508, 113.998 22.510, 114.012 22.501, 114.026 22.507, 114.051 22.502,"
    "114.057 22.508, 114.060 22.514, 114.075 22.520, 114.077 22.527, 114.085 22.532, 114.091 22.537, 114.105 22.535,"
    "114.110 22.531, 114.116 22.532, 114.122 22.538, 114.131 22.542, 114.138 22.544, 114.148 22.542, 114.150 22.551,"
    "114.152 22.555, 114.158 22.559, 114.162 22.562, 114.177 22.560, 114.178 22.556, 114.190 22.556, 114.200 22.558,"
    "114.209 22.557, 114.220 22.555, 114.227 22.548, 114.234 22.544, 114.249 22.556, 114.276 22.566, 114.333 22.569,"
    "114.351 22.568, 114.434 22.562, 114.456 22.545, 114.455 22.469, 114.503 22.365, 114.503 22.148, 114.255 22.138,"
    "114.236 22.148, 113.940 22.148, 113.922 22.136, 113.896 22.142, 113.833 22.183, 113.817 22.217, 113.853 22.288,"
    "113.869 22.333"
)
"""Its limits by Order No. 221 of the State Council (1997), with the Shenzhen River as it runs since its regulation."""
SHENZHEN_BAY_PORT = "113.940 22.490, 113.947 22.490, 113.947 22.504, 113.940 22.504"
"""The part of it that Hong Kong administers since 2007."""
MACAU = (
    "113.526 22.219, 113.552 22.219, 113.600 22.228, 113.650 22.228, 113.650 22.060, 113.537 22.060, 113.537 22.100,"
    "113.526 22.150"
)
"""With its waters (Order No. 665 of the State Council, 2015) and its campus on Hengqin."""

TAKEN = {
    "Hangzhou Bay and the islands of Zhoushan and Shengsi": (
        "121.3 30.1, 121.8 31.6, 122.4 31.4, 122.9 31.0, 123.1 30.8, 123.1 30.0, 122.7 29.5, 122.0 29.2, 121.6 29.5"
    ),
    "Islands of Dachen": "121.5 28.2, 121.5 28.7, 122.1 28.7, 122.1 28.3",
    "Islands of Nanji": "120.6 27.4, 120.6 27.7, 121.2 27.7, 121.2 27.3",
    "Islands of Changhai": "122.3 38.9, 122.3 39.5, 123.3 39.2, 123.3 38.9",
}
"""Islands that Natural Earth leaves out."""
LEFT_OUT = {
    "Kinmen": (
        "118.15 24.10, 118.15 24.36, 118.135 24.39, 118.16 24.41, 118.195 24.43, 118.205 24.455, 118.21 24.475,"
        "118.225 24.49, 118.27 24.495, 118.31 24.505, 118.345 24.512, 118.37 24.522, 118.39 24.534, 118.41 24.543,"
        "118.44 24.548, 118.49 24.555, 118.52 24.53, 118.54 24.50, 118.57 24.46, 118.57 24.36, 118.45 24.25,"
        "118.36 24.10"
    ),
    "Matsu": (
        "119.84 25.88, 119.84 26.28, 119.93 26.30, 119.99 26.32, 120.10 26.36, 120.35 26.42, 120.42 26.46,"
        "120.60 26.46, 120.60 26.30, 120.30 26.20, 120.10 25.88"
    ),
    "Wuqiu": "119.36 24.92, 119.54 24.92, 119.54 25.06, 119.36 25.06",
    "Waters by the mouth of the Yalu": "123.95 39.3, 123.95 39.78, 124.10 39.86, 124.6 39.95, 124.6 39.3",
    "Waters by the mouth of the Beilun": (
        "107.9 21.6, 108.05 21.56, 108.15 21.50, 108.30 21.35, 108.42 21.0, 108.42 20.8, 107.9 20.8"
    ),
    "Shaksgam and Aksai Chin": (
        "75.3 36.6, 75.3 37.2, 76.2 36.95, 77.0 36.35, 77.9 36.2, 78.4 36.5, 79.6 36.1, 80.5 35.8, 80.6 35.1,"
        "80.3 34.5, 79.6 34.1, 79.0 33.9, 78.0 33.9, 76.0 35.2"
    ),
}


def ring(text: str) -> Polygon:
    return Polygon([tuple(map(float, pair.split())) for pair in text.split(",")])


def countries_of(atlas: dict[str, Any]) -> dict[str, BaseGeometry]:
    """Of a TopoJSON file: lists of arcs, which are steps on a grid."""
    scale, origin = (np.array(atlas["transform"][key]) for key in ("scale", "translate"))
    arcs = [np.cumsum(np.array(arc), axis=0) * scale + origin for arc in atlas["arcs"]]

    def loop(places: list[int]) -> Any:
        pieces = [arcs[place] if place >= 0 else arcs[~place][::-1] for place in places]
        return np.concatenate([pieces[0], *(piece[1:] for piece in pieces[1:])])

    def outline(shape: dict[str, Any]) -> BaseGeometry:
        polygons = [shape["arcs"]] if shape["type"] == "Polygon" else shape["arcs"]
        loops = [[line for line in map(loop, polygon) if len(line) > 3] for polygon in polygons]
        return shapely.make_valid(MultiPolygon([Polygon(lines[0], lines[1:]) for lines in loops if lines]))

    shapes = atlas["objects"]["countries"]["geometries"]
    return {shape["properties"]["name"]: outline(shape) for shape in shapes if "arcs" in shape}


def mainland_of(countries: dict[str, BaseGeometry]) -> BaseGeometry:
    around = shapely.box(*AROUND)
    plane = Transformer.from_crs("EPSG:4326", "+proj=laea +lat_0=35 +lon_0=105 +datum=WGS84", always_xy=True)

    def forth(shape: BaseGeometry) -> BaseGeometry:
        fine = shapely.segmentize(shape, 0.05)
        return shapely.transform(fine, lambda at: np.column_stack(plane.transform(at[:, 0], at[:, 1])))

    def back(shape: BaseGeometry) -> BaseGeometry:
        return shapely.transform(
            shape, lambda at: np.column_stack(plane.transform(at[:, 0], at[:, 1], direction="INVERSE"))
        )

    others = [shapely.intersection(shape, around) for name, shape in countries.items() if name not in BY_HAND]
    other = shapely.union_all([forth(shape) for shape in others if not shape.is_empty])
    near = shapely.buffer(forth(shapely.intersection(countries["China"], around)), SEA_M)
    coast = shapely.union_all([near, *(forth(ring(text)) for text in TAKEN.values())])
    # The Bohai is enclosed by what was taken so far.
    whole = shapely.union_all([Polygon(part.exterior) for part in shapely.get_parts(coast)])
    land = shapely.simplify(shapely.difference(whole, shapely.buffer(other, LAND_M)), SIMPLIFIED_M)
    cut = shapely.union_all([ring(text) for text in LEFT_OUT.values()])
    cities = shapely.buffer(forth(shapely.union_all([ring(HONG_KONG), ring(SHENZHEN_BAY_PORT), ring(MACAU)])), CITY_M)
    limits = back(shapely.simplify(cities, CITY_SIMPLIFIED_M))
    found = shapely.difference(back(land), shapely.union_all([cut, limits]))
    parts = [part for part in shapely.get_parts(shapely.set_precision(found, 0.001)) if part.area >= PART_MIN]
    return MultiPolygon(parts)


if __name__ == "__main__":
    taken = mainland_of(countries_of(json.loads(Path(sys.argv[1]).read_text())))
    text = shapely.to_geojson(taken)
    Path(__file__).with_name("mainland.geojson").write_text(text + "\n")
