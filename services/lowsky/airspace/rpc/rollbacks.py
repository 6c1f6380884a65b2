"""A rollback: the zones of an earlier version of a dataset, brought into force as a new one."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID

from lowsky.airspace.codec import datasets
from lowsky.airspace.codec.imports.contents import zones_in
from lowsky.airspace.codec.imports.packed_zones import PackedZones
from lowsky.airspace.imports.replacing import NewVersion, Replacement, Replacing, require_confirmed
from lowsky.airspace.postgres.datasets import IMPORT_S, PART_BYTES, DatasetStore, KeptVersion
from lowsky.airspace.spool import Spool
from lowsky.airspace.threads import in_thread
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.auth.access import current_access
from lowsky.db.database import Database
from lowsky.db.requests import earlier_answer, keep_answers
from lowsky.errors import NotFound
from lowsky.events.relay import Relay
from lowsky.rpc.once import request_of


class Rollbacks:
    """Rollbacks of datasets by this worker."""

    def __init__(self, database: Database, relay: Relay, replacing: Replacing) -> None:
        self._database = database
        self._relay = relay
        self._replacing = replacing

    async def take(self, request: pb.RollbackDatasetRequest) -> pb.RollbackDatasetResponse:
        """Brings a version's zones into force again, or with validate_only tells what that would change.

        Raises:
            NotFound: The dataset is not there or another authority's, or the version is not kept.
        """
        with self._replacing.room.spool() as packed, self._replacing.room.spool() as contents:
            kept = await self._kept(request, contents)
            zones = PackedZones(packed)
            async with self._replacing.turn:
                await in_thread(_unpack, contents, zones)
            replacement = Replacement(request.dataset, kept.authority, zones)
            dataset, difference = await self._replacing.compare(replacement)
            if request.validate_only:
                present = datasets.to_message(dataset) if dataset else None
                return pb.RollbackDatasetResponse(dataset=present, difference=difference)
            return await self._bring_back(request, kept, contents, replacement, difference)

    async def _kept(self, request: pb.RollbackDatasetRequest, contents: Spool) -> KeptVersion:
        """The version; its zones are written to `contents`."""
        async with self._database.transaction() as connection:
            store = DatasetStore(connection)
            dataset = await store.get(request.dataset)
            if dataset is None:
                raise NotFound(request.dataset)
            dataset.require_authority(current_access().reach.authority or "")
            kept = await store.kept(dataset, request.version)
            async for part in store.contents(dataset, request.version):
                await in_thread(contents.write, part)
            return kept

    async def _bring_back(
        self,
        request: pb.RollbackDatasetRequest,
        kept: KeptVersion,
        contents: Spool,
        replacement: Replacement,
        difference: pb.ImportDifference,
    ) -> pb.RollbackDatasetResponse:
        caller = current_access().caller.subject
        asked = request_of(request)
        file = replace(kept.file, publisher=caller, request_id=UUID(request.request_id), rollback_of=request.version)
        version = NewVersion(title="", contents=contents, file=file)
        async with self._database.transaction(statement_s=IMPORT_S) as connection:
            revision = await DatasetStore(connection).lock_airspace()
            answered = await earlier_answer(connection, asked)
            if answered is not None:
                return pb.RollbackDatasetResponse.FromString(answered)
            difference = await self._replacing.still(connection, replacement, difference)
            require_confirmed(difference, request.confirm_difference)
            dataset = await self._replacing.put(connection, revision, replacement, version)
            response = pb.RollbackDatasetResponse(dataset=datasets.to_message(dataset), difference=difference)
            await keep_answers(connection, [(asked, response.SerializeToString())])
        self._relay.wake()
        return response


def _unpack(contents: Spool, zones: PackedZones) -> None:
    contents.file.seek(0)
    for zone in zones_in(iter(lambda: contents.file.read(PART_BYTES), b"")):
        zones.append(zone)
