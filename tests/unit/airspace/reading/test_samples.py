"""Zone files of our own, as odd as published ones: what is read of each is what its row says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from pyproj import Geod
from shapely import Point, union_all

from lowsky.airspace.reading import (
    AS_PUBLISHED,
    Declared,
    FieldMapping,
    Format,
    Note,
    ReportEntry,
    Source,
    UnreadableZones,
    ZoneOutcome,
)
from lowsky.geo.zones.geozone import Geozone, Layer, LocalizedText, ZoneAuthority
from tests.support.samples import SAMPLES, expected
from tests.support.whole_reading import WholeReading, read

TABLE = expected("zones")
READ = [name for name, row in TABLE.items() if "unreadable" not in row]
REFUSED = [name for name in TABLE if name not in READ]
ELLIPSOID = Geod(ellps="WGS84")


def reading(name: str) -> WholeReading:
    row, declared = TABLE[name], AS_PUBLISHED
    if "declared" in row:
        mapping = FieldMapping(Source(row["identifier_from"]), Source(constant="PROHIBITED"))
        declared = Declared(format=Format(row["declared"]), mapping=mapping)
    return read((SAMPLES / "zones" / name).read_bytes(), declared)


@pytest.mark.parametrize("name", READ)
def test_zones_of_a_sample_are_read_as_its_row_says(name: str) -> None:
    row, found = TABLE[name], reading(name)
    assert (found.format, noted(found.notes)) == (row["format"], row.get("notes", []))
    zones = {zone.position: zone.geozone for zone in found.zones}
    for entry, stated in zip(found.entries, row["zones"], strict=True):
        said = {"outcome": ZoneOutcome.TAKEN, "notes": []} | stated
        facts = about(entry)
        if entry.outcome is not ZoneOutcome.REFUSED:
            zone = zones[entry.position]
            facts |= facts_of(zone)
            check_ground(zone, said)
            check_times(zone, said)
        assert {key: facts.get(key) for key in said if key not in CHECKED} == {
            key: value for key, value in said.items() if key not in CHECKED
        }


@pytest.mark.parametrize("name", REFUSED)
def test_a_sample_that_is_no_zone_file_is_refused_as_a_whole(name: str) -> None:
    with pytest.raises(UnreadableZones) as caught:
        reading(name)
    assert caught.value.reason == TABLE[name]["unreadable"]


CHECKED = {"contains", "contains_not", "areas_km2", "applies", "applies_not"}
"""Not facts to compare with, but what is asked of the zone."""


def check_ground(zone: Geozone, said: Mapping[str, Any]) -> None:
    """Points, and the areas of the layers; a circle's outline contains it and is a little larger."""
    ground = union_all([layer.outline for layer in zone.layers])
    for place in said.get("contains", []):
        assert ground.contains(Point(place)), place
    for place in said.get("contains_not", []):
        assert not ground.contains(Point(place)), place
    if "areas_km2" in said:
        areas_m2 = [abs(ELLIPSOID.geometry_area_perimeter(layer.outline)[0]) for layer in zone.layers]
        assert [area_m2 / 1e6 for area_m2 in areas_m2] == pytest.approx(said["areas_km2"], rel=2e-3)


def check_times(zone: Geozone, said: Mapping[str, Any]) -> None:
    for time in said.get("applies", []):
        assert zone.applicability.applies(time.timestamp(), time.timestamp()), time
    for time in said.get("applies_not", []):
        assert not zone.applicability.applies(time.timestamp(), time.timestamp()), time


def about(entry: ReportEntry) -> dict[str, Any]:
    return {"identifier": entry.identifier, "outcome": entry.outcome, "notes": noted(entry.notes)}


def facts_of(zone: Geozone) -> dict[str, Any]:
    return {
        "identifier": zone.identifier,
        "restriction": zone.restriction,
        "variant": zone.variant,
        "heights": [heights(layer) for layer in zone.layers],
        "permanent": zone.applicability.permanent,
        "names": texts(zone.names),
        "messages": texts(zone.messages),
        "reasons": list(zone.reasons),
        "authorities": [authority(one) for one in zone.authorities],
        "conditions": zone.conditions,
        "region": zone.region,
        "regulation_exemption": zone.regulation_exemption,
    }


def noted(notes: Iterable[Note]) -> list[str]:
    return [f"{note.reason} {note.field}" for note in notes]


def heights(layer: Layer) -> str:
    band = layer.altitude
    sure = ", sure of nothing" if layer.sure is not None and layer.sure.is_empty else ""
    return f"{band.lower_m:.7g} {band.lower_datum} to {band.upper_m:.7g} {band.upper_datum}{sure}"


def texts(found: Iterable[LocalizedText]) -> list[str]:
    return [f"{one.language}: {one.text}" if one.language else one.text for one in found]


def authority(one: ZoneAuthority) -> str:
    """By its first name, or its address where it has none."""
    who = one.names[0].text if one.names else f"<{one.email}>"
    before = f", {one.interval_before.days} days before" if one.interval_before else ""
    return f"{one.purpose}: {who}{before}"
