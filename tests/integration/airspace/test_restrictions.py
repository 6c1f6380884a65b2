"""Temporary restrictions over gRPC: drawn, listed, lifted and over; refused with the field at fault."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import grpc
import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask

from lowsky.api.airspace.v1 import authorities_pb2 as authorities
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.airspace.v1 import geozones_pb2_grpc
from lowsky.api.geo.v1 import geo_pb2
from tests.integration.airspace.publishing import TOPIC, Publisher, administration, create_authority, new_dataset
from tests.integration.airspace.restricting import CITY, Officer, area, new_officer, square, volume
from tests.support.errors import refusal
from tests.support.installation import Installation
from tests.support.polling import eventually
from tests.support.zone_files import ed269_zone, file_of

METRE = 1 / 111_320


@pytest_asyncio.fixture(loop_scope="session")
async def officer(airspace: Installation) -> Officer:
    """An officer of an authority that has a city."""
    return await new_officer(airspace, CITY)


async def told(officer: Officer) -> list[str]:
    """What the topic says of the restrictions, in order."""
    events = await officer.installation.events(TOPIC)
    prefix = officer.dataset.removeprefix("datasets/")
    return [event.type.split(".")[2] for event, _ in events if event.key.partition("/")[2].split(".")[0] == prefix]


async def test_a_restriction_is_a_geozone_that_everyone_sees_until_it_is_lifted(officer: Officer) -> None:
    zone = await officer.restrict(notified_authorities=["authorities/" + await other_authority(officer)])
    assert zone.name.startswith(f"geozones/restrictions-{officer.authority.removeprefix('authorities/')}.")
    assert (zone.dataset, zone.dataset_version, zone.restriction) == (officer.dataset, 1, pb.RESTRICTION_PROHIBITED)
    assert (zone.titles[0].text, zone.messages[0].text) == ("Marathon", "Crowds in the city")
    assert [one.purpose for one in zone.authorities] == [
        pb.AUTHORITY_PURPOSE_INFORMATION,
        pb.AUTHORITY_PURPOSE_NOTIFICATION,
    ]
    assert (await officer.geozones.GetGeozone(pb.GetGeozoneRequest(name=zone.name))).geozone == zone
    assert await officer.listed() == [zone.name]
    assert await officer.lift(zone.name) == zone
    assert await officer.listed() == []
    assert (await refusal(officer.lift(zone.name))).reason == "NOT_FOUND"
    dataset = await officer.version()
    assert dataset is not None
    assert (dataset.version, dataset.geozone_count) == (2, 0)

    async def events() -> bool:
        assert await told(officer) == ["published", "imported", "removed", "imported"]
        return True

    await eventually(events, what="both changes on the topic")


async def other_authority(officer: Officer) -> str:
    other = f"o{uuid4().hex[:8]}"
    await create_authority(officer.installation, other)
    return other


async def test_where_authorization_is_required_the_authority_decides(officer: Officer) -> None:
    zone = await officer.restrict(restriction=pb.RESTRICTION_REQ_AUTHORIZATION)
    (own,) = zone.authorities
    assert (own.authority, own.purpose) == (officer.authority, pb.AUTHORITY_PURPOSE_AUTHORIZATION)


async def test_a_circle_within_the_area_restricts(officer: Officer) -> None:
    around = volume()
    around.outline_circle.CopyFrom(
        geo_pb2.Circle(center=geo_pb2.LatLng(longitude=16.5, latitude=48.5), radius_m=20_000)
    )
    assert (await officer.restrict(volume=around)).name
    around.outline_circle.radius_m = 40_000
    assert (await refusal(officer.restrict(volume=around))).reason == "OUTSIDE_AREA"


async def test_the_same_request_again_draws_one_restriction_and_lifts_once(officer: Officer) -> None:
    request = officer.request()
    answers = await asyncio.gather(*(officer.geozones.CreateRestriction(request) for _ in range(4)))
    assert len({answer.geozone.name for answer in answers}) == 1
    assert len(await officer.listed()) == 1
    request.title = "Another"
    assert (await refusal(officer.geozones.CreateRestriction(request))).reason == "REQUEST_ID_REUSED"
    request_id = str(uuid4())
    first = await officer.lift(answers[0].geozone.name, request_id)
    assert await officer.lift(answers[0].geozone.name, request_id) == first


async def test_another_authoritys_restriction_is_not_found(airspace: Installation, officer: Officer) -> None:
    zone, stranger = await officer.restrict(), await new_officer(airspace, CITY)
    for name in (zone.name, "geozones/at.LOWW", f"{zone.name}x"):
        assert (await refusal(stranger.lift(name))).reason == "NOT_FOUND"
    failure = await refusal(stranger.restrict(authority=officer.authority))
    assert (failure.code, failure.reason) == (grpc.StatusCode.NOT_FOUND, "NOT_FOUND")
    assert await officer.listed() == [zone.name]


async def test_only_officers_restrict(publisher: Publisher, officer: Officer) -> None:
    failure = await refusal(publisher.geozones.CreateRestriction(officer.request()))
    assert (failure.code, failure.reason) == (grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")


async def test_an_authority_without_an_area_may_not_restrict_until_it_is_given_one(airspace: Installation) -> None:
    officer = await new_officer(airspace)
    failure = await refusal(officer.restrict())
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "AUTHORITY_AREA_UNKNOWN")
    update = authorities.UpdateAuthorityRequest(
        request_id=str(uuid4()),
        authority=authorities.Authority(name=officer.authority, area=area(CITY, square(17, 48, 18, 49))),
        update_mask=FieldMask(paths=["area"]),
    )
    given = (await administration(airspace).UpdateAuthority(update)).authority
    assert given.area == update.authority.area
    assert (await officer.restrict(volume=volume(square(16.5, 48.2, 17.5, 48.3)))).name
    update.request_id, update.authority.area.polygons[1].shell.vertices[0].latitude = str(uuid4()), 50
    failure = await refusal(administration(airspace).UpdateAuthority(update))
    assert failure.fields == {"authority.area.polygons[1]": "INVALID_GEOMETRY"}


async def test_a_restriction_reaches_the_border_and_not_a_metre_beyond(officer: Officer) -> None:
    assert (await officer.restrict(volume=volume(square(16, 48.2, 16.1, 48.3)))).name
    failure = await refusal(officer.restrict(volume=volume(square(16 - METRE, 48.2, 16.1, 48.3))))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "OUTSIDE_AREA")


async def test_a_restriction_over_the_antimeridian_lies_in_an_area_over_it(airspace: Installation) -> None:
    officer = await new_officer(airspace, square(179, -18, -179, -17))
    zone = await officer.restrict(volume=volume(square(179.9, -17.5, -179.9, -17.4)))
    for west, east in ((179.95, 179.99), (-179.99, -179.95)):
        corners = [geo_pb2.LatLng(longitude=west, latitude=-17.45), geo_pb2.LatLng(longitude=east, latitude=-17.44)]
        box = geo_pb2.BoundingBox(south_west=corners[0], north_east=corners[1])
        found = await officer.geozones.ListGeozones(pb.ListGeozonesRequest(area=box))
        assert [one.name for one in found.geozones] == [zone.name]


@pytest.mark.parametrize(
    ("wanted", "field", "reason"),
    [
        ({"length": timedelta(hours=-1)}, "volume.time_end", "INTERVAL_REVERSED"),
        ({"start": timedelta(hours=-2)}, "volume.time_end", "INVALID_FIELD"),
        ({"length": timedelta(days=91)}, "volume.time_end", "INVALID_FIELD"),
        ({"start": timedelta(days=400)}, "volume.time_start", "INVALID_FIELD"),
        ({"lower_m": 600}, "volume.altitude.upper_m", "INTERVAL_REVERSED"),
        ({"lower_m": 500}, "volume.altitude.upper_m", "INTERVAL_REVERSED"),
        ({"lower": geo_pb2.ALTITUDE_DATUM_TAKEOFF}, "volume.altitude.lower_datum", "INVALID_FIELD"),
        ({"corners": [(16.2, 48.2), (16.3, 48.3), (16.3, 48.2), (16.2, 48.3)]}, "volume.outline_polygon", None),
        ({"corners": [(16.2, 48.2), (16.3, 48.2), (16.25, 48.2)]}, "volume.outline_polygon", "INVALID_GEOMETRY"),
    ],
)
async def test_what_is_at_fault_is_named(officer: Officer, wanted: dict[str, Any], field: str, reason: str) -> None:
    failure = await refusal(officer.restrict(volume=volume(**wanted)))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert failure.fields == {field: reason or "INVALID_GEOMETRY"}
    assert await officer.listed() == []


async def test_other_kinds_and_unknown_authorities_are_refused(officer: Officer) -> None:
    failure = await refusal(officer.restrict(restriction=pb.RESTRICTION_NO_RESTRICTION))
    assert set(failure.fields) == {"restriction"}
    failure = await refusal(officer.restrict(notified_authorities=["authorities/nobody"]))
    assert (failure.code, failure.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "AUTHORITY_UNKNOWN")


async def test_nobody_imports_into_the_restrictions(publisher: Publisher) -> None:
    failure = await refusal(publisher.publish("datasets/restrictions-x", file_of([ed269_zone("A")])))
    assert failure.code is grpc.StatusCode.INVALID_ARGUMENT
    assert set(failure.fields) == {"header.dataset"}


async def test_restrictions_are_not_rolled_back(airspace: Installation) -> None:
    officer = await new_officer(airspace, CITY, authority_id="rolled")
    await officer.restrict()
    token = airspace.token(roles=["publisher"], authority="rolled", subject="publisher of rolled")
    publisher = airspace.stub(geozones_pb2_grpc.GeozonesServiceStub, "airspace", token)
    rollback = pb.RollbackDatasetRequest(request_id=str(uuid4()), dataset=officer.dataset, version=1)
    assert (await refusal(publisher.RollbackDataset(rollback))).reason == "NOT_FOUND"


async def test_areas_are_left_out_of_lists(officer: Officer) -> None:
    stub = administration(officer.installation)
    got = (await stub.GetAuthority(authorities.GetAuthorityRequest(name=officer.authority))).authority
    assert got.area == area(CITY)
    listed = (await stub.ListAuthorities(authorities.ListAuthoritiesRequest(page_size=1000))).authorities
    (own,) = [one for one in listed if one.name == officer.authority]
    got.ClearField("area")
    assert own == got


async def test_restrictions_and_imports_at_once_lose_nothing_and_come_in_order(
    publisher: Publisher, officer: Officer
) -> None:
    dataset = new_dataset()
    drawn = asyncio.gather(*(officer.restrict() for _ in range(8)))
    imported = asyncio.gather(*(publisher.replace(dataset, file_of([ed269_zone(f"Z{one}")])) for one in range(8)))
    zones, _ = await drawn, await imported
    assert sorted(zone.name for zone in zones) == await officer.listed()
    assert sorted(zone.dataset_version for zone in zones) == list(range(1, 9))
    assert len(await publisher.names(dataset=dataset)) == 1

    async def revisions() -> list[int]:
        events = await officer.installation.events(TOPIC)
        ends = [value.dataset for event, value in events if event.type == "lowsky.dataset.imported.v1"]
        own = [end for end in ends if end.name in (dataset, officer.dataset)]
        return [end.airspace_revision for end in own] if len(own) == 16 else []

    found = await eventually(revisions, what="sixteen revisions on the topic")
    assert found == sorted(set(found))


async def test_a_restriction_whose_time_is_over_is_removed_also_by_a_worker_that_comes_later(
    airspace: Installation, officer: Officer
) -> None:
    kept = await officer.restrict()
    brief = await officer.restrict(volume=volume(start=timedelta(hours=-1), length=timedelta(hours=1, seconds=2)))
    assert len(await officer.listed()) == 2
    await airspace.kill("airspace")
    await airspace.restart("airspace")

    async def removed() -> bool:
        assert await officer.listed() == [kept.name]
        return True

    await eventually(removed, what="the restriction that is over removed")
    assert (await refusal(officer.lift(brief.name))).reason == "NOT_FOUND"
    dataset = await officer.version()
    assert dataset is not None
    assert (dataset.version, dataset.geozone_count) == (3, 1)
