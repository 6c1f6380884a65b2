"""Zones that apply by the sun or by a civil clock: imported as published, and met at their hours only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from tests.integration.airspace.publishing import Publisher, new_dataset
from tests.integration.flightplans.world import timestamp
from tests.support.errors import refusal
from tests.support.zone_files import ed318_zone, file_of, square

AGL = geo_pb2.ALTITUDE_DATUM_AGL
DAY = (datetime.now(UTC) + timedelta(days=2)).replace(hour=0, minute=0, second=0, microsecond=0)


def zone(identifier: str, west: float, **entry: object) -> dict[str, object]:
    applicability = [{"schedule": [{"day": ["ANY"]} | entry]}]
    return ed318_zone(identifier, square(west, 48.2), limitedApplicability=applicability)


async def found(publisher: Publisher, west: float, start: datetime) -> list[str]:
    request = pb.CheckAirspaceRequest()
    request.volumes.volumes.add(
        outline_circle=geo_pb2.Circle(center=geo_pb2.LatLng(latitude=48.205, longitude=west + 0.005), radius_m=50),
        altitude=geo_pb2.AltitudeBand(lower_m=0, lower_datum=AGL, upper_m=60, upper_datum=AGL),
        time_start=timestamp(start),
        time_end=timestamp(start + timedelta(minutes=10)),
    )
    findings = (await publisher.geozones.CheckAirspace(request)).findings
    return [finding.subject.rpartition(".")[2] for finding in findings]


async def test_a_zone_from_sunrise_to_sunset_is_met_by_day_and_not_by_night(publisher: Publisher) -> None:
    dataset = new_dataset()
    await publisher.publish(dataset, file_of([zone("light", 14.3, startEvent="SR", endEvent="SS")]))
    assert await found(publisher, 14.3, DAY + timedelta(hours=11)) == ["light"]
    assert await found(publisher, 14.3, DAY + timedelta(hours=23)) == []
    name = f"geozones/{dataset.removeprefix('datasets/')}.light"
    kept = (await publisher.geozones.GetGeozone(pb.GetGeozoneRequest(name=name))).geozone
    (entry,) = kept.applicability.periods[0].schedule
    assert (entry.start_event, entry.end_event, entry.uncertain) == (pb.SUN_EVENT_SR, pb.SUN_EVENT_SS, False)


async def test_times_without_a_zone_are_by_the_clock_that_the_publisher_declares(publisher: Publisher) -> None:
    data = file_of([zone("office", 14.5, startTime="12:00", endTime="13:00")])
    await publisher.publish(new_dataset(), data, time_zone="Europe/Vienna")
    noon = DAY.replace(hour=12, tzinfo=ZoneInfo("Europe/Vienna")).astimezone(UTC)
    assert await found(publisher, 14.5, noon) == ["office"]
    assert await found(publisher, 14.5, noon - timedelta(minutes=10)) == []
    assert await found(publisher, 14.5, noon + timedelta(hours=1)) == []


@pytest.mark.parametrize("name", ["Europe/Atlantis", "localtime", "posixrules", "Factory", "right/Europe/Vienna"])
async def test_a_time_zone_that_is_none_of_the_iana_database_is_refused(publisher: Publisher, name: str) -> None:
    refused = await refusal(publisher.publish(new_dataset(), file_of([zone("z", 14.7)]), time_zone=name))
    assert refused.reason == "INVALID_FIELD"
    assert list(refused.fields) == ["header.time_zone"]
