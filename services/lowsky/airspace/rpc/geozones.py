"""GeozonesService."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import Any

from lowsky.airspace.codec.area import Area, area_of
from lowsky.airspace.codec.datasets import to_message
from lowsky.airspace.postgres.datasets import DatasetStore
from lowsky.airspace.postgres.zones import StoredZone, ZoneStore
from lowsky.airspace.rpc.checking import Checking
from lowsky.airspace.rpc.imports import Imports
from lowsky.airspace.rpc.restrictions import Restrictions
from lowsky.airspace.rpc.rollbacks import Rollbacks
from lowsky.airspace.threads import in_thread
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.airspace.v1 import geozones_pb2_grpc
from lowsky.db.database import Database
from lowsky.rpc.paging import PAGE_BYTES_MAX, Page

CANDIDATES_MAX = 1_000
"""Zones looked at in one go; bounds the memory of a call, and how much is read beyond the page."""


class GeozonesServicer(geozones_pb2_grpc.GeozonesServiceServicer):
    """Geozones: imported by publishers, drawn by officers, read by everyone."""

    def __init__(
        self, database: Database, imports: Imports, rollbacks: Rollbacks, restrictions: Restrictions, checking: Checking
    ) -> None:
        self._database = database
        self._imports = imports
        self._rollbacks = rollbacks
        self._restrictions = restrictions
        self._checking = checking

    async def ImportGeozones(
        self, request_iterator: AsyncIterator[pb.ImportGeozonesRequest], context: Any
    ) -> pb.ImportGeozonesResponse:
        return await self._imports.take(request_iterator)

    async def RollbackDataset(self, request: pb.RollbackDatasetRequest, context: Any) -> pb.RollbackDatasetResponse:
        return await self._rollbacks.take(request)

    async def CreateRestriction(
        self, request: pb.CreateRestrictionRequest, context: Any
    ) -> pb.CreateRestrictionResponse:
        return await self._restrictions.create(request)

    async def LiftRestriction(self, request: pb.LiftRestrictionRequest, context: Any) -> pb.LiftRestrictionResponse:
        return await self._restrictions.lift(request)

    async def ListDatasets(self, request: pb.ListDatasetsRequest, context: Any) -> pb.ListDatasetsResponse:
        page = Page.asked_by(request)
        async with self._database.connection() as connection:
            found = await DatasetStore(connection).list(page.last_text, page.size + 1)
        shown, token = page.answer(found, to_message, lambda dataset: (dataset.name,))
        return pb.ListDatasetsResponse(datasets=shown, next_page_token=token)

    async def GetGeozone(self, request: pb.GetGeozoneRequest, context: Any) -> pb.GetGeozoneResponse:
        async with self._database.connection() as connection:
            stored, published_json = await ZoneStore(connection).get(request.name)
        geozone = pb.Geozone.FromString(stored.message)
        geozone.published_json = published_json
        return pb.GetGeozoneResponse(geozone=geozone)

    async def ListGeozones(self, request: pb.ListGeozonesRequest, context: Any) -> pb.ListGeozonesResponse:
        page = Page.asked_by(request)
        area = area_of(request.area) if request.HasField("area") else None
        found: list[StoredZone] = []
        after, more = (page.last_text), True
        while more and len(found) <= page.size and sum(len(zone.message) for zone in found) <= PAGE_BYTES_MAX:
            candidates, more = await self._candidates(request.dataset, area, after, page.size + 1 - len(found))
            after = candidates[-1].name if candidates else after
            found += await in_thread(_touching, area, candidates) if area else candidates
        shown, token = page.answer(
            found, lambda zone: pb.Geozone.FromString(zone.message), lambda zone: (zone.name,), more=more
        )
        return pb.ListGeozonesResponse(geozones=shown, next_page_token=token)

    async def CheckAirspace(self, request: pb.CheckAirspaceRequest, context: Any) -> pb.CheckAirspaceResponse:
        return await self._checking.check(request)

    async def _candidates(
        self, dataset: str, area: Area | None, after: str | None, wanted: int
    ) -> tuple[Sequence[StoredZone], bool]:
        """The next zones whose boxes meet the area, and whether there may be more."""
        limit = min(wanted, CANDIDATES_MAX)
        async with self._database.connection() as connection:
            return await ZoneStore(connection).list(dataset, area.boxes if area else None, after, limit, PAGE_BYTES_MAX)


def _touching(area: Area, zones: Sequence[StoredZone]) -> list[StoredZone]:
    return [zone for zone in zones if area.touches(pb.Geozone.FromString(zone.message))]
