"""The files that publishers put out: every zone of each is accounted for.

They are not part of the repository, and are read where they lie beside it.
"""

from __future__ import annotations

import pytest

from lowsky.airspace.reading import Format, UnreadableZones, ZoneOutcome
from lowsky.geo.heights.altitude import AltitudeBands
from lowsky.geo.zones.geozone import Purpose, Restriction
from lowsky.geo.zones.index import IndexedZone, ZoneIndex
from tests.support.samples import PUBLIC
from tests.support.whole_reading import WholeReading, read

PUBLISHED = PUBLIC / "zones"
AUSTRIA = "ed269/AT_austrocontrol_uas-zones_20260729.json"

pytestmark = pytest.mark.skipif(not PUBLISHED.is_dir(), reason=f"no published zones in {PUBLISHED}")


def reading(name: str) -> WholeReading:
    return read((PUBLISHED / name).read_bytes())


@pytest.mark.parametrize(
    ("name", "dialect", "taken", "repaired", "refused"),
    [
        (AUSTRIA, Format.ED_269, 288, 0, 0),
        ("ed269/feed-samples/eans-ee.json", Format.ED_269, 3, 0, 2),
        ("ed269/feed-samples/ed269-ch.json", Format.ED_269, 4, 0, 0),
        ("ed269/feed-samples/ed269-fi.json", Format.ED_269, 2, 0, 0),
        ("ed269/feed-samples/ed269-lu.json", Format.ED_269, 2, 0, 0),
        ("ed269/interuss/cis_source_sample_ed269.json", Format.ED_269, 1, 0, 0),
        ("ed269/interuss/geo-awareness-che-1.json", Format.ED_269, 5, 1, 0),
        ("ed269/interuss/test_eurocae_ed269.json", Format.ED_269, 5, 1, 0),
        ("ed318/feed-samples/ed318-ie.json", Format.ED_318, 4, 0, 0),
        ("ed318/feed-samples/ed318-se.json", Format.ED_318, 3, 0, 0),
        ("ed318/reference/Example_Collection.json", Format.ED_318, 2, 0, 0),
        ("ed318/reference/Example_GeoZone_2_Layers.json", Format.ED_318, 1, 0, 0),
        ("ed318/reference/Example_GeoZone_Circle.json", Format.ED_318, 1, 0, 0),
        ("ed318/reference/Example_GeoZone_with_extension.json", Format.ED_318, 1, 0, 0),
        ("ed318/reference/InvalidExample_GeoZone_2_Layers.json", Format.ED_318, 1, 0, 0),
        ("ed318/reference/PartialExample_featureGeoJSON.json", Format.ED_318, 1, 0, 0),
        ("ed318/reference/PartialExample_GeoZoneProperties.json", Format.ED_318, 0, 0, 1),
    ],
)
def test_every_zone_of_a_file_is_accounted_for(
    name: str, dialect: Format, taken: int, repaired: int, refused: int
) -> None:
    found = reading(name)
    counts = tuple(found.count(outcome) for outcome in (ZoneOutcome.TAKEN, ZoneOutcome.REPAIRED, ZoneOutcome.REFUSED))
    assert (found.format, *counts) == (dialect, taken, repaired, refused)
    assert len(found.entries) == taken + repaired + refused
    assert [entry.position for entry in found.entries] == list(range(len(found.entries)))
    assert [zone.position for zone in found.zones] == [
        entry.position for entry in found.entries if entry.outcome is not ZoneOutcome.REFUSED
    ]
    assert all(entry.notes for entry in found.entries if entry.outcome is not ZoneOutcome.TAKEN)


def test_no_file_is_left_without_an_answer() -> None:
    unreadable = {}
    for path in sorted(PUBLISHED.rglob("*.json")):
        try:
            assert read(path.read_bytes()).entries, path
        except UnreadableZones as caught:
            unreadable[path.name] = caught.reason
    assert set(unreadable.values()) == {"NOT_A_ZONE_FILE"}
    assert {name for name in unreadable if not name.startswith("Schema_")} == {
        "PartialExample_TimePeriod.json",
        "PartialExample_ZoneAuthority.json",
    }


def test_estonia_names_what_its_viewer_needs_and_why_it_is_not_taken() -> None:
    refused = [
        entry for entry in reading("ed269/feed-samples/eans-ee.json").entries if entry.outcome is ZoneOutcome.REFUSED
    ]
    assert [(entry.identifier, entry.notes[-1].reason) for entry in refused] == [
        ("EEGZS9", "DISPLAY_ONLY"),
        ("EERZout", "EXTENT_IMPLAUSIBLE"),
    ]


def test_austrian_zones_are_read_as_they_are_published() -> None:
    found = reading(AUSTRIA)
    zones = {zone.geozone.identifier: zone.geozone for zone in found.zones}
    assert sum(zone.restriction is Restriction.REQ_AUTHORIZATION for zone in zones.values()) == 228
    assert sum(not zone.applicability.permanent for zone in zones.values()) == 24
    assert not any(zone.applicability.uncertain for zone in zones.values())
    assert all(zone.authorities_for(Purpose.AUTHORIZATION) or zone.authorities for zone in zones.values())
    bands = AltitudeBands.of(layer.altitude for zone in zones.values() for layer in zone.layers)
    assert (bands.upper_m == float("inf")).sum() == 194
    assert all(zone.published_json for zone in found.zones)
    index = ZoneIndex([IndexedZone(f"geozones/{name}", zone, None) for name, zone in zones.items()], 1)
    for zone in index.zones:
        assert zone in index.at(zone.geozone.layers[0].outline)


def test_a_swiss_zone_of_three_circles_has_three_layers() -> None:
    zone = reading("ed269/interuss/test_eurocae_ed269.json").zones[1].geozone
    assert zone.identifier == "Flugplatz Reichenbach"
    assert [layer.altitude.lower_m for layer in zone.layers] == [0, 50, 100]
