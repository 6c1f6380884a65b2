"""What an import changes, zone by zone, from the files of both versions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
import shapely

from lowsky.airspace.codec.imports.differences import LOST_NAMED_MAX, NAMED_MAX, Differences
from lowsky.airspace.codec.zones import VersionStamp
from lowsky.airspace.domain.dataset import Dataset
from lowsky.airspace.domain.difference import Aspect, Difference
from lowsky.airspace.domain.protection import Loss
from lowsky.geo.shapes.areas import areas_m2
from tests.support.packed_zones import DATASET, packed, prepared
from tests.support.zone_files import ed269_zone, ed318_zone, file_of, square

NOW = datetime(2026, 5, 1, tzinfo=UTC)
RING = square(16.3, 48.2)
RING_M2 = pytest.approx(8.27e5, rel=1e-2)
LOW, HIGH = {"lowerLimit": 0, "upperLimit": 100}, {"lowerLimit": 100, "upperLimit": 200}

Zone = Mapping[str, Any]


def between(before: bytes, after: bytes, version: int = 3) -> Difference:
    """The difference of two files, the first of them stored as that version."""
    stamp = VersionStamp.of(version).on_geozone
    with prepared(after) as new:
        differences = Differences(Dataset(DATASET, "authorities/own", version=version), new.zones, NOW)
        for zone in packed(before):  # the smallest batches
            differences.compare({zone.name: zone.geozone + stamp})
        return differences.finish()


def of_zone(before: Zone, after: Zone) -> list[str]:
    """In what one zone differs; nothing when it is unchanged."""
    found = between(file_of([before]), file_of([after]))
    assert found.changed + found.unchanged == 1
    assert found.changed == len(found.zones)
    return [aspect for zone in found.zones for aspect in zone.aspects]


def layered(*layers: tuple[Mapping[str, object], Sequence[tuple[float, float]]]) -> Zone:
    """A zone of layers with limits and rings of their own."""
    usual: dict[str, object] = {"uomDimensions": "M", "lowerVerticalReference": "AGL", "upperVerticalReference": "AGL"}
    geometry = [
        usual | dict(limits) | {"horizontalProjection": {"type": "Polygon", "coordinates": [ring]}}
        for limits, ring in layers
    ]
    return ed269_zone("A", geometry=geometry)


@pytest.mark.parametrize("make", [ed269_zone, ed318_zone])
def test_the_same_file_again_changes_nothing(make: Any) -> None:
    data = file_of([make("A"), make("B", square(10.0, 47.0))])
    found = between(data, data)
    assert (found.from_version, found.unchanged, len(found.zones), found.needs_confirmation) == (3, 2, 0, False)


def test_zones_are_added_changed_and_removed_with_the_area_of_each() -> None:
    before = [ed318_zone("gone"), ed318_zone("same"), ed318_zone("moved")]
    after = [ed318_zone("same"), ed318_zone("moved", square(16.305, 48.2)), ed318_zone("new", square(10.0, 47.0, 0.1))]
    found = between(file_of(before), file_of(after))
    assert (found.from_version, found.added, found.changed, found.removed, found.unchanged) == (3, 1, 1, 1, 1)
    kinds = {zone.identifier: zone.kind for zone in found.zones}
    assert list(kinds.items()) == [("new", "ADDED"), ("gone", "REMOVED"), ("moved", "CHANGED")]
    new, gone, moved = found.zones
    assert new.name == "geozones/at.new"
    whole, half, other = areas_m2(
        [shapely.Polygon(RING), shapely.box(16.3, 48.2, 16.305, 48.21), shapely.box(10.0, 47.0, 10.1, 47.1)]
    )
    assert (new.area_gained_m2, new.area_lost_m2) == pytest.approx((other, 0.0), rel=1e-6)
    assert (gone.area_gained_m2, gone.area_lost_m2) == pytest.approx((0.0, whole), rel=1e-6)
    assert (moved.area_gained_m2, moved.area_lost_m2) == pytest.approx((half, half), rel=1e-6)
    assert not new.aspects
    assert not gone.aspects
    assert list(moved.aspects) == [Aspect.EXTENT]
    assert found.area_gained_m2 == pytest.approx(other + half, rel=1e-6)
    assert found.area_lost_m2 == pytest.approx(whole + half, rel=1e-6)


def test_before_the_first_import_every_zone_is_added() -> None:
    found = between(file_of([]), file_of([ed318_zone("A"), ed318_zone("B")]), version=0)
    assert (found.from_version, found.added, found.unchanged) == (0, 2, 0)
    assert [zone.area_gained_m2 for zone in found.zones] == [RING_M2, RING_M2]


@pytest.mark.parametrize(
    ("changes", "aspect"),
    [
        ({"restriction": "PROHIBITED"}, "RESTRICTION"),
        ({"reason": ["NATURE"]}, "RESTRICTION"),
        ({"restrictionConditions": "by day"}, "RESTRICTION"),
        (
            {"applicability": [{"startDateTime": "2027-01-01T00:00:00Z", "endDateTime": "2027-02-01T00:00:00Z"}]},
            "TIMES",
        ),
        ({"zoneAuthority": [{"name": "Tower", "purpose": "AUTHORIZATION", "phone": "+43 1"}]}, "AUTHORITIES"),
        ({"zoneAuthority": [{"name": "Tower", "purpose": "NOTIFICATION"}]}, "AUTHORITIES"),
        ({"name": "Called otherwise"}, "TEXTS"),
        ({"message": "Mind the cranes"}, "TEXTS"),
    ],
)
def test_a_change_beside_the_outline_is_named_and_moves_no_area(changes: Zone, aspect: str) -> None:
    found = between(file_of([ed269_zone("A")]), file_of([ed269_zone("A", **changes)]))
    assert aspect in of_zone(ed269_zone("A"), ed269_zone("A", **changes))
    assert (found.area_gained_m2, found.area_lost_m2) == (0.0, 0.0)


@pytest.mark.parametrize("limits", [{"lowerLimit": 0, "upperLimit": 101}, {"lowerLimit": 1, "upperLimit": 100}])
def test_other_limits_alone_are_a_change_of_altitude(limits: Mapping[str, int]) -> None:
    assert of_zone(layered((LOW, RING)), layered((limits, RING))) == ["ALTITUDE"]


def test_limits_that_change_places_are_a_change_of_altitude() -> None:
    east = square(16.4, 48.2)
    before, after = layered((LOW, RING), (HIGH, east)), layered((HIGH, RING), (LOW, east))
    assert of_zone(before, after) == ["ALTITUDE"]
    moved = layered((HIGH, RING), (LOW, [*east[:2], (16.42, 48.22), *east[3:]]))
    assert of_zone(before, moved) == ["EXTENT", "ALTITUDE"]


def test_a_layer_that_moves_with_its_limits_is_a_change_of_extent_only() -> None:
    before = layered((LOW, RING), (HIGH, square(16.4, 48.2)))
    assert of_zone(before, layered((LOW, RING), (HIGH, square(16.5, 48.2)))) == ["EXTENT"]


def test_a_layer_above_another_is_a_change_of_altitude_without_area() -> None:
    found = between(file_of([layered((LOW, RING))]), file_of([layered((LOW, RING), (HIGH, RING))]))
    assert list(found.zones[0].aspects) == [Aspect.ALTITUDE]
    assert (found.area_gained_m2, found.area_lost_m2) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (layered((LOW, RING), (HIGH, square(16.4, 48.2))), layered((HIGH, square(16.4, 48.2)), (LOW, RING))),
        (ed269_zone("A"), dict(reversed(ed269_zone("A").items()))),
        (ed269_zone("A", RING), ed269_zone("A", RING[::-1])),
        (ed269_zone("A", RING), ed269_zone("A", [*RING[2:], *RING[1:3]])),
        (ed269_zone("A", reason=["NATURE", "NOISE"]), ed269_zone("A", reason=["NOISE", "NATURE"])),
        (ed269_zone("A"), ed269_zone("A", somethingUnknown=1)),
        (ed269_zone("A", RING), ed269_zone("A", RING[:-1])),
    ],
    ids=["layers", "keys", "direction", "first vertex", "reasons", "unknown key", "unclosed ring"],
)
def test_how_a_zone_is_written_is_no_change(before: Zone, after: Zone) -> None:
    assert of_zone(before, after) == []


def test_the_order_of_zones_and_the_layout_of_the_file_are_no_change() -> None:
    zones = [ed269_zone("A"), ed269_zone("B")]
    again = json.dumps({"UASZoneList": zones[::-1]}, indent=2).encode()
    assert between(file_of(zones), again).unchanged == 2


def test_a_centimetre_is_a_change() -> None:
    moved = [(longitude, latitude + 1e-7) for longitude, latitude in RING]
    found = between(file_of([ed318_zone("A")]), file_of([ed318_zone("A", moved)]))
    assert list(found.zones[0].aspects) == [Aspect.EXTENT]
    # 743 m of width and 1.1 cm.
    assert found.area_gained_m2 == pytest.approx(8.27, rel=1e-2)
    assert found.area_lost_m2 == pytest.approx(found.area_gained_m2, rel=1e-3)


def test_a_thousand_zones_are_named_and_the_others_counted() -> None:
    zones = [ed318_zone(f"Z{number:04}", square(16.0, 48.0, 0.01)) for number in range(NAMED_MAX + 2)]
    zones[-1] = ed318_zone("large", square(16.0, 48.0, 0.1))
    found = between(file_of([]), file_of(zones), version=0)
    assert (found.added, len(found.zones), found.unnamed) == (NAMED_MAX + 2, NAMED_MAX, 2)
    assert [zone.identifier for zone in found.zones[:2]] == ["large", "Z0000"]
    assert found.area_gained_m2 > sum(zone.area_gained_m2 for zone in found.zones)


ROW = [ed269_zone(f"Z{one}", square(10.0 + one / 10, 47.0)) for one in range(20)]


def row(*changed: Zone, without: int = 0) -> bytes:
    """The row with some zones in the place of those of their names, and without the last ones."""
    by_name = {zone["identifier"]: zone for zone in changed}
    return file_of([by_name.get(zone["identifier"], zone) for zone in ROW[: len(ROW) - without]])


def moved(place: int) -> Zone:
    return ed269_zone(f"Z{place}", square(10.0 + place / 10, 48.0))


def emptied(place: int) -> Zone:
    return ed269_zone(f"Z{place}", square(10.0 + place / 10, 47.0, 0.001))


def lifted(place: int) -> Zone:
    return ed269_zone(f"Z{place}", square(10.0 + place / 10, 47.0), restriction="NO_RESTRICTION")


def lowered(place: int) -> Zone:
    zone = ed269_zone(f"Z{place}", square(10.0 + place / 10, 47.0))
    return zone | {"geometry": [{**layer, "upperLimit": 119} for layer in zone["geometry"]]}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("after", "taken_away", "asked"),
    [
        (row(without=2), 2, False),  # exactly a tenth
        (row(without=3), 3, True),
        (row(moved(0), moved(5)), 2, False),
        (row(moved(0), moved(5), moved(9)), 3, True),
        (row(emptied(0), emptied(5), without=1), 3, True),
        (row(lifted(0), lifted(5)), 2, False),
        (row(lifted(0), lifted(5), lifted(9)), 3, True),
        (file_of([]), 20, True),
        (row(lowered(0), lowered(5)), 2, False),
        (row(lowered(0), lowered(5), lowered(9)), 3, True),
        (row(lowered(0), lifted(5), without=1), 3, True),
    ],
)
def test_what_takes_away_more_than_a_tenth_of_the_zones_is_to_be_confirmed(
    after: bytes, taken_away: int, asked: bool
) -> None:
    found = between(row(), after)
    assert (found.taken_away, found.needs_confirmation) == (taken_away, asked)


def test_what_is_lost_is_said_a_kind_at_a_time_with_the_first_zones_of_each() -> None:
    lower = [lowered(place) for place in range(LOST_NAMED_MAX + 1)]
    found = between(row(), row(*lower, ed269_zone("Z19", square(11.9, 47.0), restriction="CONDITIONAL")))
    assert {lost.loss: (lost.zones, list(lost.first)) for lost in found.losses} == {
        Loss.ALTITUDE: (6, [f"geozones/at.Z{place}" for place in range(5)]),
        Loss.RESTRICTION: (1, ["geozones/at.Z19"]),
    }
    assert "; ".join(map(str, found.losses)) == (
        "ALTITUDE 6: geozones/at.Z0, geozones/at.Z1, geozones/at.Z2, geozones/at.Z3, geozones/at.Z4, …; "
        "RESTRICTION 1: geozones/at.Z19"
    )
    assert found.taken_away == 7
    by_zone = {zone.identifier: list(zone.losses) for zone in found.zones}
    assert by_zone["Z19"] == [Loss.RESTRICTION]


def test_one_zone_that_is_most_of_the_ground_is_to_be_confirmed_and_a_small_one_is_not() -> None:
    country = ed269_zone("COUNTRY", square(9.0, 46.0, 2.0))
    before = file_of([*ROW, country])
    assert between(before, file_of(ROW)).needs_confirmation
    assert not between(before, file_of([*ROW[1:], country])).needs_confirmation
    assert not between(file_of([]), before).needs_confirmation


def test_a_digest_stands_for_one_difference_to_one_version_in_whichever_order() -> None:
    after = row(moved(0), without=1)
    digest = between(row(), after).digest
    assert len(digest) == 16
    assert between(file_of(ROW[::-1]), after).digest == digest
    others = [
        between(row(), after, version=4),
        between(row(), row(moved(0))),
        between(row(), row(emptied(0), without=1)),
    ]
    assert digest not in {other.digest for other in others}


def test_a_digest_stands_for_what_zones_become() -> None:
    """Else what was confirmed of one file would be confirmed of another, whose ceilings are lower by mistake."""

    def after(**changes: object) -> bytes:
        return row(ed269_zone("Z0", square(10.0, 47.0), **changes), without=3)

    made = [
        after(restriction="REQ_AUTHORIZATION"),
        after(restriction="CONDITIONAL"),
        after(applicability=[{"permanent": "NO", "endDateTime": "2020-01-01T00:00:00Z"}]),
        after(applicability=[{"permanent": "NO", "endDateTime": "2040-01-01T00:00:00Z"}]),
    ]
    digests = [between(row(), data).digest for data in made]
    assert len(set(digests)) == len(digests)
    assert [between(row(), data).digest for data in made] == digests
