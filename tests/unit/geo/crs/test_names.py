"""Names of reference systems, as files write them."""

from __future__ import annotations

from typing import Any

import pytest

from lowsky.geo.crs.datums import GeographicSystem, system_of
from lowsky.geo.crs.names import ReferenceSystem, known, stated_name

WGS_84, CGCS2000 = ReferenceSystem.WGS_84, ReferenceSystem.CGCS2000


def named(name: object) -> dict[str, object]:
    return {"type": "name", "properties": {"name": name}}


@pytest.mark.parametrize(
    ("crs", "system"),
    [
        (named("urn:ogc:def:crs:OGC:1.3:CRS84"), WGS_84),
        (named("urn:ogc:def:crs:OGC::CRS84"), WGS_84),
        (named("OGC:CRS84"), WGS_84),
        (named("CRS:84"), WGS_84),
        (named("urn:ogc:def:crs:EPSG::4326"), WGS_84),
        (named("urn:ogc:def:crs:EPSG:6.9:4326"), WGS_84),
        (named("urn:x-ogc:def:crs:EPSG:4326"), WGS_84),
        (named("http://www.opengis.net/def/crs/EPSG/0/4326"), WGS_84),
        (named("http://www.opengis.net/gml/srs/epsg.xml#4326"), WGS_84),
        (named(" epsg:4326 "), WGS_84),
        (named("WGS 84"), WGS_84),
        (named("GCS_WGS_1984"), WGS_84),
        ({"type": "EPSG", "properties": {"code": 4326}}, WGS_84),
        ({"type": "link", "properties": {"href": "http://spatialreference.org/ref/epsg/4326/proj4/"}}, WGS_84),
        ("EPSG:4326", WGS_84),
        (4326, WGS_84),
        (named("urn:ogc:def:crs:EPSG::4490"), CGCS2000),
        (named("China Geodetic Coordinate System 2000"), CGCS2000),
        (named("CGCS2000"), CGCS2000),
        (named("GCJ-02"), ReferenceSystem.GCJ_02),
        (named("bd09"), ReferenceSystem.BD_09),
        (named("urn:ogc:def:crs:EPSG::4301"), None),
        (named("EPSG:3857"), None),
    ],
)
def test_a_system_is_known_by_each_of_its_names(crs: object, system: ReferenceSystem | None) -> None:
    assert known(stated_name(crs)) is system


@pytest.mark.parametrize(
    "crs",
    [
        None,
        {},
        [],
        "",
        named(None),
        named(""),
        True,
        {"type": "link", "properties": {"href": "http://example.org/crs/42"}},
        {"type": "link", "properties": {"href": "data.crs"}},
        {"type": "link"},
    ],
)
def test_what_names_no_system_is_refused(crs: Any) -> None:
    with pytest.raises(ValueError, match="crs"):
        stated_name(crs)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("EPSG:3857", "not in longitudes and latitudes"),
        ("EPSG:2056", "not in longitudes and latitudes"),
        ("EPSG:4978", "not in longitudes and latitudes"),
        ("EPSG:4807", "not in degrees from Greenwich"),
        ("EPSG:4610", "no transformation of known accuracy"),
        ("EPSG:999999", "no reference system that is known"),
        ("Tokyo", "no reference system that is known"),
        ("+proj=longlat +ellps=bessel", "no reference system that is known"),
    ],
)
def test_what_cannot_be_converted_is_refused_by_its_name(name: str, why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        system_of(name)
    assert name in str(refused.value)


def test_the_datum_of_tokyo_is_converted_wherever_a_transformation_is_known_and_nowhere_else() -> None:
    tokyo = system_of("EPSG:4301")
    assert isinstance(tokyo, GeographicSystem)
    assert str(tokyo) == "EPSG_4301"
    assert tokyo.transformations((139.7, 35.6, 139.702, 35.602))
    with pytest.raises(ValueError, match="EPSG:4301"):
        tokyo.transformations((10.0, 50.0, 10.1, 50.1))
