"""What the command says of reference systems: of a mission's coordinates, and of an authority's area."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lowsky.api.geo.v1 import geo_pb2
from lowsky.cli.airspace.area_files import area_in
from lowsky.cli.plans.requests import Wishes, prepare_airspace, volumes_in
from lowsky.cli.problems import Problem

NOW = datetime(2026, 5, 1, 8, tzinfo=UTC)
UNSAID, WGS_84, GCJ_02 = (
    geo_pb2.REFERENCE_SYSTEM_UNSPECIFIED,
    geo_pb2.REFERENCE_SYSTEM_WGS_84,
    geo_pb2.REFERENCE_SYSTEM_GCJ_02,
)
WISHES = Wishes.of_airspace(
    None, buffer_m=30, vertical_buffer_m=10, time_buffer_s=60, return_altitude_m=None, reference_system=UNSAID
)
TOKYO = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4301"}}
CRS84 = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}
RING = [[139.0, 35.0], [140.0, 35.0], [140.0, 36.0], [139.0, 35.0]]


def message(tmp_path: Path, **airspace: Any) -> Path:
    file = tmp_path / "plan.json"
    file.write_text(json.dumps(airspace))
    return file


@pytest.mark.parametrize("kind", ["trajectory", "volumes"])
@pytest.mark.parametrize(
    ("file_says", "option", "sent"),
    [({}, UNSAID, UNSAID), ({}, GCJ_02, GCJ_02), ("REFERENCE_SYSTEM_GCJ_02", UNSAID, GCJ_02), ("GCJ", GCJ_02, GCJ_02)],
)
def test_a_plan_says_what_its_coordinates_are_measured_in(
    tmp_path: Path, kind: str, file_says: object, option: geo_pb2.ReferenceSystem.ValueType, sent: int
) -> None:
    said = {"referenceSystem": "REFERENCE_SYSTEM_GCJ_02"} if file_says else {}
    plan = prepare_airspace(message(tmp_path, **{kind: said}), replace(WISHES, reference_system=option), NOW).plan
    assert getattr(plan, kind).reference_system == sent
    if kind == "volumes":
        assert volumes_in(message(tmp_path, volumes=said), option).reference_system == sent


def test_an_option_that_contradicts_the_file_is_refused_naming_both(tmp_path: Path) -> None:
    file = message(tmp_path, trajectory={"referenceSystem": "REFERENCE_SYSTEM_BD_09"})
    with pytest.raises(Problem) as refused:
        prepare_airspace(file, replace(WISHES, reference_system=GCJ_02), NOW)
    assert refused.value.reason == "REFERENCE_SYSTEM_CONTRADICTED"
    assert "BD_09" in refused.value.message
    assert "GCJ_02" in refused.value.message


def area_file(tmp_path: Path, place: str, crs: object) -> Path:
    at = {where: {"crs": crs} if where == place else {} for where in ("collection", "feature", "geometry")}
    geometry = {"type": "Polygon", "coordinates": [RING], **at["geometry"]}
    feature = {"type": "Feature", "properties": {}, "geometry": geometry, **at["feature"]}
    file = tmp_path / "area.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature], **at["collection"]}))
    return file


PLACES = ["collection", "feature", "geometry"]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("crs", "named"),
    [
        (TOKYO, "EPSG:4301"),
        ({"type": "name", "properties": {"name": "GCJ-02"}}, "GCJ-02"),
        ({"type": "link", "properties": {"href": "http://example.org/tokyo.prj"}}, "http://example.org/tokyo.prj"),
        (None, "null"),
    ],
)
def test_an_area_in_another_system_is_refused_naming_it_and_saying_what_to_do(
    tmp_path: Path, place: str, crs: object, named: str
) -> None:
    with pytest.raises(Problem) as refused:
        area_in(area_file(tmp_path, place, crs))
    assert named in refused.value.message
    assert "ogr2ogr" in refused.value.message


@pytest.mark.parametrize("place", [*PLACES, "nowhere"])
@pytest.mark.parametrize("crs", [CRS84, {"type": "name", "properties": {"name": "EPSG:4490"}}])
def test_an_area_in_wgs_84_by_any_name_is_longitude_then_latitude(tmp_path: Path, place: str, crs: object) -> None:
    (polygon,) = area_in(area_file(tmp_path, place, crs)).polygons
    assert [(at.longitude, at.latitude) for at in polygon.shell.vertices] == [tuple(at) for at in RING[:-1]]
