"""GeozonesService."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from lowsky.airspace.checking.flight_check import Checking
from lowsky.airspace.codec import checks
from lowsky.airspace.codec.datasets import to_message
from lowsky.airspace.codec.query_area import area_of
from lowsky.airspace.listing.zones import zones_within
from lowsky.airspace.postgres.datasets import DatasetStore
from lowsky.airspace.postgres.zones import ZoneStore
from lowsky.airspace.rpc.imports import NewVersions
from lowsky.airspace.rpc.restrictions import Restrictions
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.airspace.v1 import geozones_pb2_grpc
from lowsky.db.database import Database
from lowsky.rpc.paging import PAGE_BYTES_MAX, Page


class GeozonesServicer(geozones_pb2_grpc.GeozonesServiceServicer):
    """Geozones: imported by publishers, created as restrictions by officers, read by everyone."""

    def __init__(
        self, database: Database, new_versions: NewVersions, restrictions: Restrictions, checking: Checking
    ) -> None:
        self._database = database
        self._new_versions = new_versions
        self._restrictions = restrictions
        self._checking = checking

    async def ImportGeozones(
        self, request_iterator: AsyncIterator[pb.ImportGeozonesRequest], context: Any
    ) -> pb.ImportGeozonesResponse:
        return await self._new_versions.import_file(request_iterator)

    async def RollbackDataset(self, request: pb.RollbackDatasetRequest, context: Any) -> pb.RollbackDatasetResponse:
        return await self._new_versions.roll_back(request)

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
        found, more = await zones_within(
            self._database, request.dataset, area, page.last_text, page.size, PAGE_BYTES_MAX
        )
        shown, token = page.answer(
            found, lambda zone: pb.Geozone.FromString(zone.message), lambda zone: (zone.name,), more=more
        )
        return pb.ListGeozonesResponse(geozones=shown, next_page_token=token)

    async def CheckAirspace(self, request: pb.CheckAirspaceRequest, context: Any) -> pb.CheckAirspaceResponse:
        airspace, field = checks.airspace_of(request)
        checked = await self._checking.check(airspace, field)
        # A thread, as for the check itself: there may be many findings.
        return await asyncio.to_thread(
            checks.to_message, checked.findings, checked.airspace_revision, checked.start_s, checked.end_s
        )
