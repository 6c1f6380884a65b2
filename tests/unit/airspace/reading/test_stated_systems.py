"""Files that state their reference system: converted, or refused naming it, wherever the statement stands."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest
import shapely

from lowsky.airspace.reading import Declared, FieldMapping, Format, Source, UnreadableZones, ZoneOutcome
from lowsky.airspace.reading.formats import json_parsing as documents
from lowsky.geo.crs.names import ReferenceSystem
from lowsky.geo.shapes.circles import circle
from lowsky.geo.zones.geozone import Restriction
from tests.support.whole_reading import WholeReading, read

CRS84, TOKYO, XIAN, MERCATOR, CHINA = (
    {"type": "name", "properties": {"name": f"urn:ogc:def:crs:{code}"}}
    for code in ("OGC:1.3:CRS84", "EPSG::4301", "EPSG::4610", "EPSG::3857", "EPSG::4490")
)
WEST, SOUTH, SIDE = 139.7, 35.6, 0.002
RING = [[WEST, SOUTH], [WEST + SIDE, SOUTH], [WEST + SIDE, SOUTH + SIDE], [WEST, SOUTH + SIDE], [WEST, SOUTH]]


def true_place(lon: float, lat: float) -> tuple[float, float]:
    """From the datum of Tokyo to WGS 84 as Japanese almanacs print it for the main island, right to some metres."""
    there_lon = lon - 0.000046038 * lat - 0.000083043 * lon + 0.010040
    there_lat = lat - 0.00010695 * lat + 0.000017464 * lon + 0.0046017
    return there_lon, there_lat


TRUE = shapely.Polygon([true_place(lon, lat) for lon, lat in RING])


def geometry(**more: object) -> dict[str, object]:
    layer = {"upper": 120, "upperReference": "AGL", "lower": 0, "lowerReference": "AGL", "uom": "m"}
    return {"type": "Polygon", "coordinates": [RING], "layer": layer, **more}


def feature(identifier: str = "Z", geometry: Mapping[str, object] = geometry(), **more: object) -> dict[str, object]:
    properties = {"identifier": identifier, "type": "PROHIBITED"}
    return {"type": "Feature", "properties": properties, "geometry": geometry, **more}


def collection(*features: dict[str, object], **more: object) -> dict[str, object]:
    return {"type": "FeatureCollection", "features": list(features), **more}


def ed269(**more: object) -> dict[str, object]:
    volume = {
        "uomDimensions": "M",
        "lowerLimit": 0,
        "lowerVerticalReference": "AGL",
        "upperLimit": 120,
        "upperVerticalReference": "AGL",
        "horizontalProjection": {"type": "Polygon", "coordinates": [RING], **more},
    }
    return {"title": "x", "features": [{"identifier": "Z", "restriction": "PROHIBITED", "geometry": [volume]}]}


def reading(content: object, system: ReferenceSystem | None = None) -> WholeReading:
    return read(json.dumps(content).encode(), Declared(reference_system=system))


def refusal(content: object, system: ReferenceSystem | None = None) -> UnreadableZones:
    with pytest.raises(UnreadableZones) as refused:
        reading(content, system)
    return refused.value


def why_refused(content: object, system: ReferenceSystem | None = None) -> tuple[str, str]:
    """Of the file, or of its only zone."""
    try:
        (entry,) = reading(content, system).entries
    except UnreadableZones as refused:
        return refused.reason, refused.message
    assert entry.outcome is ZoneOutcome.REFUSED
    return entry.notes[-1].reason, entry.notes[-1].message


FILES: dict[str, Callable[[object], object]] = {
    "collection, before its features": lambda crs: {"crs": crs, **collection(feature())},
    "collection, after its features": lambda crs: collection(feature(), crs=crs),
    "feature": lambda crs: collection(feature(crs=crs)),
    "geometry": lambda crs: collection(feature(geometry=geometry(crs=crs))),
    "geometry of a collection of them": lambda crs: collection(
        feature(geometry={"type": "GeometryCollection", "geometries": [geometry(crs=crs)]})
    ),
    "file that is a feature": lambda crs: feature(crs=crs),
    "volume of ED-269": lambda crs: ed269(crs=crs),
    "file of ED-269": lambda crs: {**ed269(), "crs": crs},
    "in capitals": lambda crs: collection(feature(), CRS=crs),
}


@pytest.mark.parametrize("place", FILES)
def test_a_zone_in_a_stated_system_lies_where_it_is_with_the_stated_accuracy_around_it(place: str) -> None:
    found = reading(FILES[place](TOKYO))
    (zone,), (entry,) = found.zones, found.entries
    taken = zone.geozone.layers[0].outline
    assert taken.covers(TRUE)
    assert "CONVERTED_FROM_EPSG_4301" in [note.reason for note in entry.notes]
    assert entry.outcome is ZoneOutcome.REPAIRED
    # As published it lies 464 m away; the accuracies that are stated for Tokyo's surroundings are 9 to 29 m.
    assert not taken.intersects(shapely.Polygon(RING))
    west, south = taken.bounds[0] - TRUE.bounds[0], taken.bounds[1] - TRUE.bounds[1]
    assert -70 < west * 90_000 < -9
    assert -70 < south * 111_000 < -9


@pytest.mark.parametrize("place", FILES)
@pytest.mark.parametrize("crs", [CRS84, {"type": "name", "properties": {"name": "EPSG:4326"}}])
def test_wgs_84_under_any_name_is_longitude_then_latitude(place: str, crs: object) -> None:
    (zone,) = reading(FILES[place](crs)).zones
    assert zone.geozone.layers[0].outline.equals(shapely.Polygon(RING))


@pytest.mark.parametrize(
    ("crs", "named"),
    [
        (XIAN, "EPSG:4610 (Xian 1980)"),
        (MERCATOR, "EPSG:3857"),
        (None, "null"),
        ("Tokyo", "Tokyo"),
        ({"type": "link", "properties": {"href": "x.prj"}}, "x.prj"),
    ],
)
@pytest.mark.parametrize("place", FILES)
def test_a_system_that_cannot_be_converted_is_refused_naming_it(place: str, crs: object, named: str) -> None:
    reason, message = why_refused(FILES[place](crs))
    assert reason == "CRS_UNSUPPORTED"
    assert named in message


def test_where_no_transformation_is_known_the_zone_is_refused_naming_the_system() -> None:
    ring = [[lon - 100.0, lat] for lon, lat in RING]
    (entry,) = reading(collection(feature(geometry=geometry() | {"coordinates": [ring]}), crs=TOKYO)).entries
    assert entry.outcome is ZoneOutcome.REFUSED
    assert entry.notes[-1].reason == "CONVERSION_IMPOSSIBLE"
    assert "EPSG:4301" in entry.notes[-1].message


def test_a_circle_keeps_its_radius_around_its_true_centre() -> None:
    point = {"type": "Point", "coordinates": [WEST, SOUTH], "extent": {"subType": "Circle", "radius": 500}}
    (zone,) = reading(collection(feature(geometry=geometry() | point), crs=TOKYO)).zones
    taken = zone.geozone.layers[0].outline
    assert taken.covers(circle(*true_place(WEST, SOUTH), 500.0))
    assert circle(*true_place(WEST, SOUTH), 570.0).covers(taken)


def test_what_is_stated_nearest_to_a_geometry_holds_for_it() -> None:
    zones = reading(collection(feature("A", crs=CRS84), feature("B"), crs=TOKYO)).zones
    places = {zone.geozone.identifier: zone.geozone.layers[0].outline for zone in zones}
    assert places["A"].equals(shapely.Polygon(RING))
    assert places["B"].covers(TRUE)


def test_geometries_of_one_zone_in_several_systems_are_refused() -> None:
    both = {"type": "GeometryCollection", "geometries": [geometry(crs=TOKYO), geometry()]}
    (entry,) = reading(collection(feature(geometry=both))).entries
    assert (entry.outcome, entry.notes[-1].reason) == (ZoneOutcome.REFUSED, "CRS_CONTRADICTED")


def test_a_collection_within_a_file_agrees_with_it_or_the_file_is_refused() -> None:
    within = collection(feature("A"), crs=TOKYO)
    refused = refusal(collection(within, feature("B")))
    assert refused.reason == "CRS_CONTRADICTED"
    assert "EPSG:4301" in refused.message
    zones = reading(collection(within, feature("B"), crs=TOKYO)).zones
    assert all(zone.geozone.layers[0].outline.covers(TRUE) for zone in zones)


@pytest.mark.parametrize("place", FILES)
@pytest.mark.parametrize(
    ("crs", "declared", "names"),
    [
        (TOKYO, ReferenceSystem.WGS_84, ("EPSG:4301 (Tokyo)", "WGS_84")),
        (CRS84, ReferenceSystem.GCJ_02, ("WGS_84", "GCJ_02")),
    ],
)
def test_a_contradiction_with_what_is_declared_is_refused_naming_both(
    place: str, crs: object, declared: ReferenceSystem, names: tuple[str, str]
) -> None:
    reason, message = why_refused(FILES[place](crs), declared)
    assert reason == "CRS_CONTRADICTED"
    assert all(name in message for name in names)


def test_cgcs2000_that_is_stated_is_taken_as_wgs_84_and_says_so() -> None:
    for declared in (None, ReferenceSystem.CGCS2000, ReferenceSystem.WGS_84):
        found = reading(collection(feature(), crs=CHINA), declared)
        assert found.zones[0].geozone.layers[0].outline.equals(shapely.Polygon(RING))
        assert [note.reason for note in found.notes] == ["CGCS2000_TAKEN_AS_WGS_84"]


def test_null_forbids_a_guess_but_not_what_is_declared() -> None:
    (zone,) = reading(collection(feature(), crs=None), ReferenceSystem.WGS_84).zones
    assert zone.geozone.layers[0].outline.equals(shapely.Polygon(RING))


def test_a_system_too_long_to_be_parsed_or_stated_twice_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = json.dumps(collection(feature())).replace(
        '"type": "FeatureCollection"', '"crs": {"type": "a", "type": "name"}'
    )
    with pytest.raises(UnreadableZones) as refused:
        read(twice.encode())
    assert refused.value.reason == "CRS_UNSUPPORTED"
    monkeypatch.setattr(documents, "ZONE_TEXT_MAX", 2_000)
    large = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4301", "padding": "x" * 3_000_000}}
    assert refusal(collection(feature(), crs=large)).reason == "CRS_UNSUPPORTED"


def test_a_mapped_file_states_its_system_as_any_other() -> None:
    fields = FieldMapping(identifier=Source("identifier"), restriction=Source(constant="PROHIBITED"), restrictions={})
    declared = Declared(format=Format.GEOJSON, mapping=fields)
    (zone,) = read(json.dumps(collection(feature(), crs=TOKYO)).encode(), declared).zones
    assert zone.geozone.restriction is Restriction.PROHIBITED
    assert zone.geozone.layers[0].outline.covers(TRUE)


def nested(group: str = "UASZone", key: str = "geometry", **of_group: object) -> dict[str, object]:
    """A zone of ED-269 whose members are in a group of the feature's properties."""
    (zone,) = cast(list[dict[str, Any]], ed269()["features"])
    (volume,) = zone["geometry"]
    members = {name: value for name, value in zone.items() if name != "geometry"}
    return {"type": "Feature", "geometry": None, "properties": {group: {**members, key: [volume], **of_group}}}


def stated_in_volume(zone: dict[str, object], key: str = "geometry") -> dict[str, object]:
    members = next(iter(zone["properties"].values()))  # type: ignore[attr-defined]
    members[key][0]["horizontalProjection"]["crs"] = TOKYO
    return zone


NESTED = {
    "in the geometry of a group": stated_in_volume(nested()),
    "in a group": nested(crs=TOKYO),
    "in a geometry in capitals": stated_in_volume(nested(key="GEOMETRY"), "GEOMETRY"),
    "in a group of another name": stated_in_volume(nested("uas_zone_version")),
}


@pytest.mark.parametrize("zone", NESTED.values(), ids=NESTED)
def test_what_nested_layouts_state_is_converted_too(zone: dict[str, object]) -> None:
    found = read(json.dumps(collection(zone)).encode())
    (taken,) = found.zones
    assert taken.geozone.layers[0].outline.covers(TRUE)
    assert "CONVERTED_FROM_EPSG_4301" in {note.reason for note in taken.notes}
