"""Whatever a request says, and however large it is, it is answered or refused: airspace does not fail at it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from uuid import uuid4

import pytest
import pytest_asyncio
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

from lowsky.api.airspace.v1 import authorities_pb2, geozones_pb2
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.geo.v1 import geo_pb2
from tests.integration.airspace.publishing import create_authority, messages, new_dataset
from tests.integration.airspace.restricting import CITY, area, volume
from tests.integration.flightplans.world import flight_plan
from tests.support.extreme_requests import Case, fails_at, methods_of, require_bounded
from tests.support.installation import Installation
from tests.support.zone_files import ed269_zone, file_of

SERVICE, TOWER = "airspace", "authorities/tower"
AUTHORITY = authorities_pb2.Authority(
    display_name="Tower", country="AUT", time_zone="Europe/Vienna", area=area(CITY), filing_horizon_days=3
)


def upload() -> Sequence[Message]:
    header = pb.ImportHeader(
        request_id=str(uuid4()),
        dataset=new_dataset(),
        authority=TOWER,
        validate_only=True,
        authority_names={"A": TOWER},
    )
    return messages(header, file_of([ed269_zone("A")]))


def restriction() -> Sequence[Message]:
    usual = {"request_id": str(uuid4()), "authority": TOWER, "title": "Marathon", "reason": "Crowds"}
    return [pb.CreateRestrictionRequest(**usual, restriction=pb.RESTRICTION_PROHIBITED, volume=volume())]


def created() -> Sequence[Message]:
    return [
        authorities_pb2.CreateAuthorityRequest(
            request_id=str(uuid4()), authority_id=f"a{secrets.token_hex(4)}", authority=AUTHORITY
        )
    ]


def updated() -> Sequence[Message]:
    changed = authorities_pb2.Authority()
    changed.MergeFrom(AUTHORITY)
    changed.name = TOWER
    mask = FieldMask(paths=["display_name", "area", "filing_horizon_days"])
    return [authorities_pb2.UpdateAuthorityRequest(request_id=str(uuid4()), authority=changed, update_mask=mask)]


CASES = {
    "AuthoritiesService/CreateAuthority": Case(created),
    "AuthoritiesService/GetAuthority": Case(lambda: [authorities_pb2.GetAuthorityRequest(name=TOWER)]),
    "AuthoritiesService/ListAuthorities": Case(lambda: [authorities_pb2.ListAuthoritiesRequest()]),
    "AuthoritiesService/UpdateAuthority": Case(updated),
    "GeozonesService/ImportGeozones": Case(upload),
    "GeozonesService/RollbackDataset": Case(
        lambda: [pb.RollbackDatasetRequest(request_id=str(uuid4()), dataset="datasets/none", version=1)]
    ),
    "GeozonesService/ListDatasets": Case(lambda: [pb.ListDatasetsRequest()]),
    "GeozonesService/GetGeozone": Case(lambda: [pb.GetGeozoneRequest(name="geozones/none.A")]),
    "GeozonesService/ListGeozones": Case(
        lambda: [
            pb.ListGeozonesRequest(
                dataset="datasets/none",
                area=geo_pb2.BoundingBox(
                    south_west=geo_pb2.LatLng(longitude=16, latitude=48),
                    north_east=geo_pb2.LatLng(longitude=17, latitude=49),
                ),
            )
        ]
    ),
    "GeozonesService/CreateRestriction": Case(restriction),
    "GeozonesService/LiftRestriction": Case(
        lambda: [pb.LiftRestrictionRequest(request_id=str(uuid4()), name="geozones/restrictions-tower.A")]
    ),
    "GeozonesService/CheckAirspace": Case(
        lambda: [geozones_pb2.CheckAirspaceRequest(trajectory=flight_plan((16.3, 48.2)).trajectory)]
    ),
    "GeozonesService/CheckAirspace volumes": Case(
        lambda: [geozones_pb2.CheckAirspaceRequest(volumes=assessment_pb2.Volumes(volumes=[volume()]))]
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def tower(airspace: Installation) -> Installation:
    """With an authority, its area, and a restriction within it: something that can be flown through."""
    await create_authority(airspace, "tower", area=area(CITY))
    return airspace


def test_every_rpc_has_a_case() -> None:
    assert {what.split()[0] for what in CASES} == methods_of(SERVICE).keys()


@pytest.mark.parametrize("what", CASES)
async def test_no_extreme_of_a_field_makes_the_service_fail(tower: Installation, what: str) -> None:
    assert await fails_at(tower, SERVICE, what.split()[0], CASES[what]) == []


@pytest.mark.parametrize("what", methods_of(SERVICE))
async def test_a_message_of_any_size_costs_no_more_than_its_size_allows(tower: Installation, what: str) -> None:
    await require_bounded(tower, SERVICE, what)
