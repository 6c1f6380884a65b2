"""Files whose coordinates are those of a Chinese map: converted where it is said, warned about where it is not."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
import shapely
from google.protobuf.field_mask_pb2 import FieldMask

from lowsky.api.airspace.v1 import authorities_pb2
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.geo.crs.displacement import ERRORS_M, from_wgs84
from lowsky.geo.crs.names import ReferenceSystem
from tests.integration.airspace.publishing import Publisher, administration, new_dataset
from tests.integration.airspace.restricting import area, square
from tests.support.errors import refusal
from tests.support.zone_files import ed269_zone, ed318_zone, file_of

PLACES = [(113.9 + 0.13 * number, 22.5 + 0.11 * number) for number in range(6)]


def box_at(lon: float, lat: float, number: int) -> list[tuple[float, float]]:
    east, north = lon + 0.01 + 0.003 * number, lat + 0.02 - 0.002 * number
    return [(lon, lat), (east, lat), (east, north), (lon, north), (lon, lat)]


def shown(ring: list[tuple[float, float]], system: ReferenceSystem) -> list[tuple[float, float]]:
    there = (from_wgs84(lon, lat, system) for lon, lat in ring)
    return [(float(lon), float(lat)) for lon, lat in there]


RINGS = [box_at(lon, lat, number) for number, (lon, lat) in enumerate(PLACES)]
TRUE = file_of([ed269_zone(f"Z{number}", ring) for number, ring in enumerate(RINGS)])
MAPPED = file_of([ed269_zone(f"M{number}", shown(ring, ReferenceSystem.GCJ_02)) for number, ring in enumerate(RINGS)])


async def test_a_shifted_copy_is_warned_about_and_imported_and_one_that_says_what_it_is_is_converted(
    publisher: Publisher,
) -> None:
    known, copy = new_dataset(), new_dataset()
    first = await publisher.publish(known, TRUE, reference_system=geo_pb2.REFERENCE_SYSTEM_CGCS2000)
    assert [note.reason for note in first.report.notes] == ["CGCS2000_TAKEN_AS_WGS_84"]
    assert not (await publisher.publish(known, TRUE, validate_only=True)).report.notes

    dry = await publisher.publish(copy, MAPPED, validate_only=True)
    (note,) = dry.report.notes
    assert note.reason == "SHIFTED_COPY"
    assert known in note.message
    assert "GCJ-02" in note.message

    converted = await publisher.publish(copy, MAPPED, reference_system=geo_pb2.REFERENCE_SYSTEM_GCJ_02)
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


def over(place: tuple[float, float], system: geo_pb2.ReferenceSystem.ValueType) -> pb.CheckAirspaceRequest:
    """A short flight from a place eastwards."""
    request = pb.CheckAirspaceRequest()
    flown = request.trajectory
    flown.departure_time.FromDatetime(datetime.now(UTC) + timedelta(days=1))
    flown.horizontal_buffer_m = 5
    flown.time_buffer.FromSeconds(30)
    flown.reference_system = system
    for number in range(2):
        flown.waypoints.add(
            longitude=place[0] + number * 0.0001,
            latitude=place[1],
            altitude_m=50,
            altitude_datum=geo_pb2.ALTITUDE_DATUM_AGL,
            offset_s=10 * number,
        )
    return request


async def met(
    publisher: Publisher,
    place: tuple[float, float],
    system: geo_pb2.ReferenceSystem.ValueType = geo_pb2.REFERENCE_SYSTEM_UNSPECIFIED,
) -> list[str]:
    findings = (await publisher.geozones.CheckAirspace(over(place, system))).findings
    return [finding.subject.rpartition(".")[2] for finding in findings]


async def test_a_flight_over_the_true_place_of_a_zone_in_a_stated_system_meets_it(publisher: Publisher) -> None:
    zone = ed318_zone("HELIPORT", box_at(139.7, 35.6, 0), type="PROHIBITED")
    tokyo = {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::4301"}}
    content = {"type": "FeatureCollection", "features": [zone], "crs": tokyo}
    answer = await publisher.publish(new_dataset(), json.dumps(content).encode())
    assert [note.reason for note in answer.report.entries[0].notes] == ["CONVERTED_FROM_EPSG_4301"]
    # The zone is some 290 m west and 360 m north of where its coordinates would be in WGS 84.
    assert await met(publisher, (139.7 - 0.0028, 35.61)) == ["HELIPORT"]
    assert await met(publisher, (139.7 + 0.0099, 35.61)) == []
    contradicted = publisher.publish(
        new_dataset(), json.dumps(content).encode(), reference_system=geo_pb2.REFERENCE_SYSTEM_WGS_84
    )
    failure = await refusal(contradicted)
    assert (failure.reason, failure.metadata["problem"]) == ("UNREADABLE_FILE", "CRS_CONTRADICTED")
    assert "EPSG:4301" in failure.message
    assert "WGS_84" in failure.message


async def test_a_mission_in_the_coordinates_of_a_map_meets_what_is_there(publisher: Publisher) -> None:
    ring = box_at(116.3, 39.9, 0)
    zone = ed269_zone("THERE", ring, restriction="PROHIBITED", zoneAuthority=[])
    await publisher.publish(new_dataset(), file_of([zone]))
    inside = (116.3 + 0.0003, 39.91)  # 26 m within its western edge
    ((lon, lat),) = shown([inside], ReferenceSystem.GCJ_02)  # which the map shows 500 m farther east
    assert await met(publisher, inside) == ["THERE"]
    assert await met(publisher, (lon, lat), geo_pb2.REFERENCE_SYSTEM_GCJ_02) == ["THERE"]
    west = (116.3 - 0.003, 39.91)
    ((lon, lat),) = shown([west], ReferenceSystem.GCJ_02)
    assert await met(publisher, (lon, lat)) == ["THERE"]  # taken as WGS 84, it would be elsewhere
    assert await met(publisher, (lon, lat), geo_pb2.REFERENCE_SYSTEM_GCJ_02) == []


async def test_zones_outside_the_area_of_their_authority_and_with_swapped_axes_are_warned_about(
    publisher: Publisher,
) -> None:
    stated = authorities_pb2.Authority(name=publisher.authority, area=area(square(8, 47, 9, 48)))
    await administration(publisher.installation).UpdateAuthority(
        authorities_pb2.UpdateAuthorityRequest(
            request_id=str(uuid4()), authority=stated, update_mask=FieldMask(paths=["area"])
        )
    )
    zones = [
        ed269_zone("WITHIN", box_at(8.5, 47.2, 0)),
        ed269_zone("SWAPPED", [(lat, lon) for lon, lat in box_at(8.5, 47.2, 0)]),
        ed269_zone("FAR", box_at(20.0, 10.0, 0)),
    ]
    answer = await publisher.publish(new_dataset(), file_of(zones), validate_only=True)
    notes = {note.reason: note.message for note in answer.report.notes}
    assert set(notes) == {"AXES_SWAPPED", "OUTSIDE_AREA"}
    assert "(SWAPPED)" in notes["AXES_SWAPPED"]
    assert "(FAR)" in notes["OUTSIDE_AREA"]
    assert (await publisher.publish(new_dataset(), file_of(zones))).dataset.geozone_count == 3
