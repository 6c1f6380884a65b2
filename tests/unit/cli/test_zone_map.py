from __future__ import annotations

import json
from pathlib import Path

import pytest
import shapely

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.cli import zone_map
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
