"""Files whose coordinates are those of a Chinese map: converted where it is said, warned about where it is not."""

from __future__ import annotations

import pytest
import shapely

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.geo.reference_systems import ERRORS_M, from_wgs84
from lowsky.geo.system_names import ReferenceSystem
from tests.integration.airspace.publishing import Publisher, new_dataset
from tests.support.zone_files import ed269_zone, file_of

PLACES = [(113.9 + 0.13 * number, 22.5 + 0.11 * number) for number in range(6)]


def box_at(lon: float, lat: float, number: int) -> list[list[float]]:
    east, north = lon + 0.01 + 0.003 * number, lat + 0.02 - 0.002 * number
    return [[lon, lat], [east, lat], [east, north], [lon, north], [lon, lat]]


def shown(ring: list[list[float]], system: ReferenceSystem) -> list[list[float]]:
    return [[float(degrees) for degrees in from_wgs84(lon, lat, system)] for lon, lat in ring]


RINGS = [box_at(lon, lat, number) for number, (lon, lat) in enumerate(PLACES)]
TRUE = file_of([ed269_zone(f"Z{number}", ring) for number, ring in enumerate(RINGS)])
MAPPED = file_of([ed269_zone(f"M{number}", shown(ring, ReferenceSystem.GCJ_02)) for number, ring in enumerate(RINGS)])


async def test_a_shifted_copy_is_warned_about_and_imported_and_one_that_says_what_it_is_is_converted(
    publisher: Publisher,
) -> None:
    known, copy = new_dataset(), new_dataset()
    first = await publisher.publish(known, TRUE, reference_system=pb.REFERENCE_SYSTEM_CGCS2000)
    assert [note.reason for note in first.report.notes] == ["CGCS2000_TAKEN_AS_WGS_84"]
    assert not (await publisher.publish(known, TRUE, validate_only=True)).report.notes

    dry = await publisher.publish(copy, MAPPED, validate_only=True)
    (note,) = dry.report.notes
    assert note.reason == "SHIFTED_COPY"
    assert known in note.message
    assert "GCJ-02" in note.message

    converted = await publisher.publish(copy, MAPPED, reference_system=pb.REFERENCE_SYSTEM_GCJ_02)
    assert converted.report.repaired == len(RINGS)
    assert not converted.report.notes
    zones = {zone.identifier: zone for zone in (await publisher.pages(dataset=copy))[0].geozones}
    taken = shapely.from_wkb(zones["M0"].layers[0].outline_wkb)
    true = shapely.Polygon(RINGS[0])
    assert taken.covers(true)
    assert taken.bounds[0] == pytest.approx(true.bounds[0] - ERRORS_M[ReferenceSystem.GCJ_02] / 102_800, abs=2e-5)

    made = await publisher.replace(copy, MAPPED)
    assert [note.reason for note in made.report.notes] == [
        "SHIFTED_COPY",
        "SHIFTED_COPY",
    ]  # from itself, as it was, too
    assert made.dataset.version == 2
