"""What a publisher says of the ground below a dataset: from the header of an import to each zone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lowsky.airspace.codec.imports.header import declared_by
from lowsky.airspace.domain.difference import Aspect, difference
from lowsky.airspace.reading import Declared
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.errors import Invalid
from tests.support.whole_reading import read
from tests.support.zone_files import ed269_zone, file_of, square

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def test_bounds_of_the_ground_go_into_every_zone() -> None:
    data = file_of([ed269_zone("one", square(16.0, 48.0)), ed269_zone("two", square(16.1, 48.0))])
    said = read(data, declared_by(pb.ImportHeader(terrain_min_m=-3.5, terrain_max_m=120)))
    assert [zone.geozone.terrain_m for zone in said.zones] == [(-3.5, 120.0)] * 2
    assert [zone.geozone.terrain_m for zone in read(data, Declared()).zones] == [None, None]


@pytest.mark.parametrize(
    ("header", "field"),
    [
        (pb.ImportHeader(terrain_min_m=1), "header.terrain_max_m"),
        (pb.ImportHeader(terrain_max_m=1), "header.terrain_min_m"),
        (pb.ImportHeader(terrain_min_m=2, terrain_max_m=1), "header.terrain_max_m"),
    ],
)
def test_bounds_come_both_and_in_order(header: pb.ImportHeader, field: str) -> None:
    with pytest.raises(Invalid) as refused:
        declared_by(header)
    assert field in repr(vars(refused.value))


def test_another_word_on_the_ground_is_a_change_of_altitude() -> None:
    (zone,) = read(file_of([ed269_zone("one", square(16.0, 48.0))])).zones
    (change,) = difference({"z": zone.geozone}, {"z": replace(zone.geozone, terrain_m=(0.0, 5.0))}, NOW)
    assert change.aspects == (Aspect.ALTITUDE,)
