"""Exports a zone as a self-contained page for any browser: its outline as SVG, and its restrictions.

The page fetches nothing and runs no scripts; texts of publishers are escaped.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from html import escape
from pathlib import Path

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.cli.airspace.zone_map import Ring, geometry
from lowsky.cli.output import clean
from lowsky.cli.values import enum_name, show_band

WIDTH, HEIGHT, MARGIN = 900.0, 600.0, 60.0
"""Size of the drawing, in SVG units."""
METRES_PER_DEGREE = 111_320.0
"""Metres per degree of latitude, approximately: for the scale bar."""

_COLOURS = {
    pb.RESTRICTION_PROHIBITED: "#c62828",
    pb.RESTRICTION_REQ_AUTHORIZATION: "#e67e00",
    pb.RESTRICTION_CONDITIONAL: "#b8860b",
    pb.RESTRICTION_USPACE: "#1565c0",
}
_COLOUR_OF_OTHERS = "#2e7d32"

_STYLE = """body{font:16px/1.4 system-ui,sans-serif;margin:1.5rem auto;max-width:60rem;padding:0 1rem}
svg{width:100%;height:auto;border:1px solid #999;background:#f7f7f2}
th{text-align:left;vertical-align:top;padding-right:1rem}td{white-space:pre-line}"""

_Polygons = list[list[Ring]]


def write_page(zone: pb.Geozone, file: Path) -> None:
    """Writes the page; overwrites the file."""
    file.write_text(page(zone), encoding="utf-8")


def page(zone: pb.Geozone) -> str:
    """The page as HTML."""
    called = zone.titles[0].text if zone.titles else zone.identifier
    facts = {
        "zone": zone.name,
        "called": called,
        "restriction": enum_name(pb.Restriction, zone.restriction),
        "altitudes": "\n".join(dict.fromkeys(show_band(layer.altitude) for layer in zone.layers)),
        "message": "\n".join(text.text for text in zone.messages),
        "dataset": f"{zone.dataset}, version {zone.dataset_version}",
        "notes": "\n".join(f"{note.reason}: {note.message}" for note in zone.notes),
    }
    rows = "\n".join(f"<tr><th>{name}</th><td>{_text(value)}</td></tr>" for name, value in facts.items() if value)
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{_text(called or zone.name)}</title><style>{_STYLE}</style></head>
<body><h1>{_text(called or zone.name)}</h1>
{_drawing(zone, called or zone.name)}
<table>
{rows}
</table></body></html>
"""


def _text(text: str) -> str:
    return escape(clean(text))


def _drawing(zone: pb.Geozone, called: str) -> str:
    layers = [(_polygons(layer), show_band(layer.altitude)) for layer in zone.layers]
    points = [point for polygons, _ in layers for rings in polygons for ring in rings for point in ring]
    if not points:
        return "<p>The zone has no outline.</p>"
    if max(x for x, _ in points) - min(x for x, _ in points) > 180.0:
        # Crosses the antimeridian: drawn as one piece around it. The points are those of the layers.
        for point in points:
            point[0] += 360.0 if point[0] < 0.0 else 0.0
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    narrow = max(math.cos(math.radians((south + north) / 2.0)), 0.01)
    scale = min(
        (WIDTH - 2 * MARGIN) / max((east - west) * narrow, 1e-9), (HEIGHT - 2 * MARGIN) / max(north - south, 1e-9)
    )
    middle_x, middle_y = (west + east) / 2.0, (south + north) / 2.0

    def place(point: list[float]) -> str:
        x = WIDTH / 2 + (point[0] - middle_x) * narrow * scale
        return f"{x:.2f} {HEIGHT / 2 - (point[1] - middle_y) * scale:.2f}"

    colour = _COLOURS.get(zone.restriction, _COLOUR_OF_OTHERS)
    shapes = "\n".join(
        f'<path d="{_path(polygons, place)}" fill="{colour}" fill-opacity="0.25" fill-rule="evenodd" '
        f'stroke="{colour}" stroke-width="1.5"><title>{_text(f"{called}: {band}")}</title></path>'
        for polygons, band in layers
    )
    corners = f"{_degrees(south, 'NS')} {_degrees(west, 'EW')} to {_degrees(north, 'NS')} {_degrees(east, 'EW')}"
    return f"""<svg viewBox="0 0 {WIDTH:.0f} {HEIGHT:.0f}" role="img" aria-label="{_text(called)}">
{shapes}
<text x="{WIDTH / 2:.0f}" y="30" text-anchor="middle" font-size="20">{_text(called)}</text>
{_bar(scale)}
<text x="{WIDTH - 15:.0f}" y="{HEIGHT - 15:.0f}" text-anchor="end" font-size="14">{corners}</text>
<text x="{WIDTH - 25:.0f}" y="35" text-anchor="middle" font-size="18">N ↑</text>
</svg>"""


def _polygons(layer: pb.Layer) -> _Polygons:
    drawn = geometry(layer.outline_wkb)
    polygons: _Polygons = [drawn["coordinates"]] if drawn["type"] == "Polygon" else drawn["coordinates"]
    return polygons


def _path(polygons: _Polygons, place: Callable[[list[float]], str]) -> str:
    rings = [ring for polygon in polygons for ring in polygon if ring]
    return " ".join(f"M{' L'.join(place(point) for point in ring)} Z" for ring in rings)


def _bar(scale: float) -> str:
    """The longest round length within a quarter of the drawing."""
    metres = WIDTH / 4 / scale * METRES_PER_DEGREE
    power = 10.0 ** math.floor(math.log10(metres))
    length = next(step * power for step in (5.0, 2.0, 1.0) if step * power <= metres)
    units = length / METRES_PER_DEGREE * scale
    label = f"{length / 1_000:g} km" if length >= 1_000 else f"{length:g} m"
    return (
        f'<path d="M15 {HEIGHT - 20:.0f} h{units:.2f}" stroke="#222" stroke-width="3"/>'
        f'<text x="15" y="{HEIGHT - 28:.0f}" font-size="14">{label}</text>'
    )


def _degrees(value: float, hemispheres: str) -> str:
    value = value - 360.0 if value > 180.0 else value
    return f"{abs(value):.4f}° {hemispheres[value < 0.0]}"
