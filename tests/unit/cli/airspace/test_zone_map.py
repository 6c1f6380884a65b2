from __future__ import annotations

import json
from html.parser import HTMLParser
from pathlib import Path

import pytest
import shapely

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.cli.airspace import zone_map, zone_page
from lowsky.cli.problems import Problem
from tests.unit.cli.conftest import Run, Scripted

HOLED = shapely.Polygon([(0, 0), (0, 4), (4, 4), (4, 0)], [[(1, 1), (2, 1), (2, 2), (1, 2)]])
FAR = shapely.box(179.5, -10, 180, -9)
BOTH = shapely.MultiPolygon([HOLED, FAR])


@pytest.mark.parametrize("shape", [HOLED, FAR, BOTH, shapely.orient_polygons(HOLED)], ids=str)
@pytest.mark.parametrize("byte_order", [0, 1])
def test_an_outline_stays_as_it_is(shape: shapely.Geometry, byte_order: int) -> None:
    told = zone_map.geometry(shapely.to_wkb(shape, byte_order=byte_order))
    assert shapely.from_geojson(json.dumps(told)).equals(shape)


@pytest.mark.parametrize("shape", [HOLED, BOTH, shapely.reverse(HOLED)], ids=["polygon", "several", "reversed"])
def test_outer_rings_run_counter_clockwise_and_holes_clockwise(shape: shapely.Geometry) -> None:
    told = shapely.from_geojson(json.dumps(zone_map.geometry(shapely.to_wkb(shape))))
    for polygon in shapely.get_parts(told):
        assert polygon.exterior.is_ccw
        assert not any(hole.is_ccw for hole in polygon.interiors)


@pytest.mark.parametrize("wkb", [b"", b"\x01", shapely.to_wkb(HOLED)[:-3], shapely.to_wkb(shapely.Point(1, 2))])
def test_what_is_no_outline_is_refused(wkb: bytes) -> None:
    with pytest.raises(Problem):
        zone_map.geometry(wkb)


async def test_show_writes_a_map_and_says_where(run: Run, services: Scripted, target: str, tmp_path: Path) -> None:
    zone = pb.Geozone(name="geozones/city.a", restriction=pb.RESTRICTION_PROHIBITED)
    zone.titles.add(language="zh", text="虹桥")
    for upper_m in (60, 120):
        zone.layers.add(
            outline_wkb=shapely.to_wkb(HOLED),
            altitude=geo_pb2.AltitudeBand(
                lower_datum=geo_pb2.ALTITUDE_DATUM_AGL, upper_m=upper_m, upper_datum=geo_pb2.ALTITUDE_DATUM_AMSL
            ),
        )
    services.answers["GetGeozone"] = [pb.GetGeozoneResponse(geozone=zone)]
    ended = await run("zones", "show", "city.a", "--geojson", "map.geojson", at=target, COLUMNS="300")
    assert ended.code == 0
    assert str(tmp_path / "map.geojson") in ended.out
    written = json.loads((tmp_path / "map.geojson").read_text(encoding="utf-8"))
    assert [feature["properties"]["upper_m"] for feature in written["features"]] == [60, 120]
    first = written["features"][0]["properties"]
    assert (first["title"], first["restriction"], first["upper_datum"]) == ("虹桥", "PROHIBITED", "AMSL")
    assert "lower_m" not in first  # open downwards


async def test_a_map_that_cannot_be_written_is_said(run: Run, services: Scripted, target: str) -> None:
    services.answers["GetGeozone"] = [pb.GetGeozoneResponse(geozone=pb.Geozone(name="geozones/city.a"))]
    ended = await run("zones", "show", "city.a", "--geojson", "no/such/folder/map.geojson", at=target)
    assert ended.code not in {0, 1}


class Page(HTMLParser):
    """Its elements, and the texts in it."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def paths(self) -> list[str]:
        return [attributes["d"] or "" for tag, attributes in self.elements if tag == "path" and "fill" in attributes]


def zone_of(*shapes: shapely.Geometry, title: str = "虹桥") -> pb.Geozone:
    zone = pb.Geozone(name="geozones/city.a", restriction=pb.RESTRICTION_PROHIBITED)
    zone.titles.add(language="zh", text=title)
    for shape in shapes:
        zone.layers.add(outline_wkb=shapely.to_wkb(shape))
    return zone


async def test_show_writes_a_page_for_a_browser_and_prints_its_link(
    run: Run, services: Scripted, target: str, tmp_path: Path
) -> None:
    services.answers["GetGeozone"] = [pb.GetGeozoneResponse(geozone=zone_of(HOLED))]
    ended = await run("zones", "show", "city.a", "--map", "a map.html", at=target, COLUMNS="300")
    assert ended.code == 0
    assert (tmp_path / "a map.html").as_uri() in ended.out
    written = Page((tmp_path / "a map.html").read_text(encoding="utf-8"))
    assert len(written.paths()) == 1
    assert "虹桥" in written.texts


def test_each_layer_is_drawn_with_its_holes_within_the_drawing() -> None:
    for drawn in Page(zone_page.page(zone_of(HOLED, BOTH))).paths():
        numbers = [float(part) for part in drawn.replace("M", " ").replace("L", " ").replace("Z", " ").split()]
        assert all(0.0 <= x <= zone_page.WIDTH for x in numbers[::2])
        assert all(0.0 <= y <= zone_page.HEIGHT for y in numbers[1::2])
    assert [path.count("M") for path in Page(zone_page.page(zone_of(HOLED, BOTH))).paths()] == [2, 3]


def test_what_lies_on_both_sides_of_the_antimeridian_is_drawn_as_one() -> None:
    both = shapely.MultiPolygon([shapely.box(179.9, 10, 180, 10.1), shapely.box(-180, 10, -179.9, 10.1)])
    page = zone_page.page(zone_of(both))
    assert "10.0000° N 179.9000° E to 10.1000° N 179.9000° W" in page


def test_no_text_of_a_publisher_becomes_a_part_of_the_page() -> None:
    evil = '"><script>alert(1)</script><img src=x onerror="alert(2)">&\x1b'
    zone = zone_of(HOLED, title=evil)
    zone.identifier = zone.dataset = zone.name = evil
    zone.messages.add(text=evil)
    zone.notes.add(reason=evil, message=evil)
    page = zone_page.page(zone)
    found = Page(page)
    assert {tag for tag, _ in found.elements} == {tag for tag, _ in Page(zone_page.page(zone_of(HOLED))).elements}
    assert not any(name.startswith("on") or name in {"src", "href"} for _, given in found.elements for name in given)
    assert "\x1b" not in page
    assert "http://" not in page
    assert "https://" not in page


def test_a_zone_without_an_outline_has_a_page_that_says_so() -> None:
    assert "no outline" in zone_page.page(zone_of())
