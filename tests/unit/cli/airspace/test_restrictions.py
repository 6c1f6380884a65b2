"""`lowsky zones restrict` and `lift`, `lowsky authorities area`: what they send and what they refuse to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from lowsky.api.airspace.v1 import authorities_pb2
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from tests.unit.cli.conftest import Run, Scripted

RESTRICT = (
    *("zones", "restrict", "--authority", "city", "--title", "Marathon", "--reason", "Crowds", "--upper", "120"),
    *("--from", "2026-11-25T09:00+08:00", "--until", "2026-11-25T12:00+08:00"),
)
ZONE = pb.Geozone(name="geozones/restrictions-city.1", restriction=pb.RESTRICTION_PROHIBITED)


async def test_a_circle_is_restricted(run: Run, services: Scripted, target: str) -> None:
    services.answers["CreateRestriction"] = [pb.CreateRestrictionResponse(geozone=ZONE)]
    ended = await run(*RESTRICT, "--circle", "121.5,31.2,500", "--notify", "caac", at=target)
    assert ended.code == 0, ended.err
    assert "restrictions-city.1" in ended.out
    (request,) = services.requests["CreateRestriction"]
    assert (request.authority, list(request.notified_authorities)) == ("authorities/city", ["authorities/caac"])
    assert request.restriction == pb.RESTRICTION_PROHIBITED
    circle = request.volume.outline_circle
    assert (circle.center.longitude, circle.center.latitude, circle.radius_m) == (121.5, 31.2, 500)
    band = request.volume.altitude
    assert (band.lower_m, band.upper_m, band.upper_datum) == (0, 120, geo_pb2.ALTITUDE_DATUM_AGL)
    assert request.volume.time_end.seconds - request.volume.time_start.seconds == 3 * 3600


async def test_a_polygon_of_another_kind_is_restricted(run: Run, services: Scripted, target: str) -> None:
    services.answers["CreateRestriction"] = [pb.CreateRestrictionResponse(geozone=ZONE)]
    corners = "121.5,31.2 121.6,31.2 121.6,31.3"
    ended = await run(*RESTRICT, "--polygon", corners, "--kind", "req-authorization", "--datum", "amsl", at=target)
    assert ended.code == 0, ended.err
    (request,) = services.requests["CreateRestriction"]
    assert request.restriction == pb.RESTRICTION_REQ_AUTHORIZATION
    assert [(one.longitude, one.latitude) for one in request.volume.outline_polygon.vertices] == [
        (121.5, 31.2),
        (121.6, 31.2),
        (121.6, 31.3),
    ]


@pytest.mark.parametrize(
    "outline",
    [
        (),
        ("--circle", "1,2,3", "--polygon", "1,2 3,4 5,6"),
        ("--circle", "1,2"),
        ("--polygon", "1,2 3,4 5;6"),
        ("--circle", "1,2,3", "--kind", "none-such"),
    ],
)
async def test_what_is_not_understood_is_not_sent(
    run: Run, services: Scripted, target: str, outline: tuple[str, ...]
) -> None:
    ended = await run(*RESTRICT, *outline, "-o", "json", at=target)
    assert ended.error["reason"] == "INVALID_CHOICE"
    assert not services.requests.get("CreateRestriction")


async def test_a_restriction_is_lifted_by_its_short_name(run: Run, services: Scripted, target: str) -> None:
    services.answers["LiftRestriction"] = [pb.LiftRestrictionResponse(geozone=ZONE)]
    ended = await run("zones", "lift", "restrictions-city.1", at=target)
    assert ended.code == 0, ended.err
    assert services.requests["LiftRestriction"][0].name == ZONE.name


RING = [[121, 31], [122, 31], [122, 32], [121, 31]]
HOLE = [[121.8, 31.2], [121.9, 31.2], [121.9, 31.3], [121.8, 31.2]]


@pytest.mark.parametrize(
    ("geojson", "polygons"),
    [
        ({"type": "Polygon", "coordinates": [RING, HOLE]}, 1),
        ({"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [RING, HOLE]}}, 1),
        (
            {
                "type": "FeatureCollection",
                "features": [
                    {"type": "Feature", "geometry": {"type": "MultiPolygon", "coordinates": [[RING, HOLE]] * 2}}
                ],
            },
            2,
        ),
    ],
)
async def test_an_area_is_set_from_a_file(
    run: Run, services: Scripted, target: str, tmp_path: Path, geojson: dict[str, Any], polygons: int
) -> None:
    (tmp_path / "area.json").write_text(json.dumps(geojson))
    services.answers["UpdateAuthority"] = [
        authorities_pb2.UpdateAuthorityResponse(authority=authorities_pb2.Authority(name="authorities/city"))
    ]
    ended = await run("authorities", "area", "city", str(tmp_path / "area.json"), at=target)
    assert ended.code == 0, ended.err
    (request,) = services.requests["UpdateAuthority"]
    assert (request.authority.name, list(request.update_mask.paths)) == ("authorities/city", ["area"])
    assert len(request.authority.area.polygons) == polygons
    first = request.authority.area.polygons[0]
    assert [(one.longitude, one.latitude) for one in first.shell.vertices] == [(121, 31), (122, 31), (122, 32)]
    assert len(first.holes) == 1


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"type": "Point", "coordinates": [1, 2]}', '{"type": "Polygon", "coordinates": 7}'],
)
async def test_what_is_no_area_is_not_sent(
    run: Run, services: Scripted, target: str, tmp_path: Path, text: str
) -> None:
    (tmp_path / "area.json").write_text(text)
    ended = await run("authorities", "area", "city", str(tmp_path / "area.json"), "-o", "json", at=target)
    assert ended.error["reason"] == "UNREADABLE_FILE"
    assert not services.requests.get("UpdateAuthority")


@pytest.mark.parametrize(
    ("options", "default"),
    [
        ([], None),
        (["--open-below", "120"], authorities_pb2.AreaDefault(open_below_m=120)),
        (["--authorization-required"], authorities_pb2.AreaDefault(authorization_required=True)),
    ],
)
async def test_the_default_of_an_area_is_set_with_it(
    run: Run,
    services: Scripted,
    target: str,
    tmp_path: Path,
    options: list[str],
    default: authorities_pb2.AreaDefault | None,
) -> None:
    (tmp_path / "area.json").write_text(json.dumps({"type": "Polygon", "coordinates": [RING]}))
    services.answers["UpdateAuthority"] = [
        authorities_pb2.UpdateAuthorityResponse(authority=authorities_pb2.Authority(name="authorities/city"))
    ]
    ended = await run("authorities", "area", "city", str(tmp_path / "area.json"), *options, at=target)
    assert ended.code == 0, ended.err
    (request,) = services.requests["UpdateAuthority"]
    assert request.authority.area.HasField("default_rule") is (default is not None)
    if default is not None:
        assert request.authority.area.default_rule == default


async def test_an_area_has_one_default(run: Run, services: Scripted, target: str, tmp_path: Path) -> None:
    (tmp_path / "area.json").write_text(json.dumps({"type": "Polygon", "coordinates": [RING]}))
    both = ["--open-below", "120", "--authorization-required"]
    ended = await run("authorities", "area", "city", str(tmp_path / "area.json"), *both, "-o", "json", at=target)
    assert ended.error["reason"] == "INVALID_CHOICE"
    assert not services.requests.get("UpdateAuthority")
