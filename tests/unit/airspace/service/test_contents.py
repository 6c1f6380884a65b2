"""What is kept of a version for a rollback."""

from __future__ import annotations

import pytest

from lowsky.airspace.admission import admit
from lowsky.airspace.codec.contents import contents_of, zones_in
from lowsky.airspace.codec.zones import pack
from lowsky.airspace.domain.deciding import Directory
from lowsky.airspace.reading import read
from tests.support.zone_files import ed269_zone, ed318_zone, file_of, square

ZONES = [
    ed269_zone("A", message="é 中 \u0000", unknown={"kept": [1.0, None]}),
    ed318_zone("B", square(16.0, 48.0, 0.1)),
    ed318_zone("C", [(179.9, 1.0), (-179.9, 1.0), (-179.9, 2.0), (179.9, 2.0), (179.9, 1.0)]),
]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_zones_come_back_as_they_were_packed(count: int) -> None:
    admission = admit(read(file_of(ZONES[:count])), "datasets/at", Directory({}, "authorities/own", "Own"))
    _, zones = pack(admission, "datasets/at")
    assert len(zones) == count
    assert zones_in(contents_of(zones)) == zones


def test_zones_are_kept_smaller_than_they_are() -> None:
    zones = [ed269_zone(f"Z{number}") for number in range(200)]
    admission = admit(read(file_of(zones)), "datasets/at", Directory({}, "authorities/own", "Own"))
    _, packed = pack(admission, "datasets/at")
    assert len(contents_of(packed)) < sum(len(zone.event) for zone in packed) / 4
