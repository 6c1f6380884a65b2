"""Officers who restrict within the area of their authority, with the calls they make."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from lowsky.api.airspace.v1 import authorities_pb2 as authorities
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.airspace.v1 import geozones_pb2_grpc
from lowsky.api.geo.v1 import geo_pb2
from tests.integration.airspace.publishing import create_authority
from tests.support.installation import Installation

Corners = Sequence[tuple[float, float]]


def square(west: float, south: float, east: float, north: float) -> Corners:
    return [(west, south), (east, south), (east, north), (west, north)]


CITY = square(16, 48, 17, 49)
PARK = square(16.2, 48.2, 16.3, 48.3)


def polygon(corners: Corners) -> geo_pb2.Polygon:
    return geo_pb2.Polygon(vertices=[geo_pb2.LatLng(longitude=corner[0], latitude=corner[1]) for corner in corners])


def area(*shells: Corners) -> authorities.Area:
    return authorities.Area(polygons=[authorities.AreaPolygon(shell=polygon(shell)) for shell in shells])


def volume(
    corners: Corners = PARK,
    *,
    start: timedelta = timedelta(0),
    length: timedelta = timedelta(hours=2),
    lower_m: float = 0,
    upper_m: float = 500,
    lower: geo_pb2.AltitudeDatum.ValueType = geo_pb2.ALTITUDE_DATUM_AGL,
) -> geo_pb2.Volume4D:
    """From now on, unless it is said otherwise."""
    made = geo_pb2.Volume4D(
        outline_polygon=polygon(corners),
        altitude=geo_pb2.AltitudeBand(
            lower_m=lower_m, lower_datum=lower, upper_m=upper_m, upper_datum=geo_pb2.ALTITUDE_DATUM_AGL
        ),
    )
    begins = datetime.now(UTC) + start
    made.time_start.FromDatetime(begins)
    made.time_end.FromDatetime(begins + length)
    return made


@dataclass(frozen=True, slots=True)
class Officer:
    """Somebody who restricts for an authority."""

    installation: Installation
    authority: str
    geozones: geozones_pb2_grpc.GeozonesServiceAsyncStub

    @property
    def dataset(self) -> str:
        return f"datasets/restrictions-{self.authority.removeprefix('authorities/')}"

    def request(self, **fields: Any) -> pb.CreateRestrictionRequest:
        usual: dict[str, Any] = {
            "request_id": str(uuid4()),
            "authority": self.authority,
            "restriction": pb.RESTRICTION_PROHIBITED,
            "title": "Marathon",
            "reason": "Crowds in the city",
        }
        volume_ = fields.pop("volume", None) or volume()
        return pb.CreateRestrictionRequest(**{**usual, **fields}, volume=volume_)

    async def restrict(self, **fields: Any) -> pb.Geozone:
        return (await self.geozones.CreateRestriction(self.request(**fields))).geozone

    async def lift(self, name: str, request_id: str = "") -> pb.Geozone:
        request = pb.LiftRestrictionRequest(request_id=request_id or str(uuid4()), name=name)
        return (await self.geozones.LiftRestriction(request)).geozone

    async def listed(self) -> list[str]:
        found = await self.geozones.ListGeozones(pb.ListGeozonesRequest(dataset=self.dataset, page_size=1000))
        return [zone.name for zone in found.geozones]

    async def version(self) -> pb.Dataset | None:
        found = await self.geozones.ListDatasets(pb.ListDatasetsRequest(page_size=1000))
        return next((one for one in found.datasets if one.name == self.dataset), None)


async def new_officer(installation: Installation, *shells: Corners, authority_id: str = "") -> Officer:
    """An officer of a new authority with that area; without any, of one that has none."""
    authority_id = authority_id or f"a{secrets.token_hex(4)}"
    await create_authority(installation, authority_id, **({"area": area(*shells)} if shells else {}))
    token = installation.token(roles=["officer"], authority=authority_id, subject=f"officer of {authority_id}")
    stub = installation.stub(geozones_pb2_grpc.GeozonesServiceStub, "airspace", token)
    return Officer(installation, f"authorities/{authority_id}", stub)
