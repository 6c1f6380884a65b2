"""ImportGeozones and RollbackDataset."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import UUID

from lowsky.airspace.codec import datasets
from lowsky.airspace.codec.imports import differences
from lowsky.airspace.codec.imports.header import accepts_valid, declared_by
from lowsky.airspace.imports.importing import Import, Imports
from lowsky.airspace.imports.receiving import Uploads
from lowsky.airspace.imports.replacing import Replacing
from lowsky.airspace.imports.rolling_back import Rollback, Rollbacks
from lowsky.airspace.rpc.locked import once_locked
from lowsky.airspace.rpc.upload import Messages
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.auth.access import current_access
from lowsky.db.database import Connection, Database
from lowsky.db.idempotency import Request
from lowsky.errors import NotFound
from lowsky.events.relay import Relay
from lowsky.rpc.once import request_of


class NewVersions:
    """New versions of datasets, of files and of earlier versions, each for the caller's own authority."""

    def __init__(self, database: Database, relay: Relay, replacing: Replacing) -> None:
        self._database = database
        self._relay = relay
        self._replacing = replacing
        self._imports = Imports(database, replacing)
        self._rollbacks = Rollbacks(database, replacing)
        self._uploads = Uploads()

    async def import_file(self, requests: AsyncIterator[pb.ImportGeozonesRequest]) -> pb.ImportGeozonesResponse:
        messages = Messages(requests, _require_own_authority)
        async with self._uploads.receive(messages.parts(), current_access().caller.party) as upload:
            header = messages.require_header()
            async with self._imports.candidate(_import(header), upload) as (report, candidate):
                if header.validate_only:
                    return pb.ImportGeozonesResponse(
                        report=report.message,
                        dataset=datasets.to_message(candidate.present) if candidate.present else None,
                        difference=differences.to_message(candidate.difference),
                    )

                async def work(connection: Connection, revision: int) -> pb.ImportGeozonesResponse:
                    dataset, difference = await self._replacing.put(
                        connection, revision, candidate, header.confirm_difference
                    )
                    return pb.ImportGeozonesResponse(
                        report=report.message,
                        dataset=datasets.to_message(dataset),
                        difference=differences.to_message(difference),
                    )

                asked = _request(header, upload.sha256)
                return await once_locked(self._database, self._relay, asked, pb.ImportGeozonesResponse, work)

    async def roll_back(self, request: pb.RollbackDatasetRequest) -> pb.RollbackDatasetResponse:
        async with self._rollbacks.candidate(_rollback(request)) as candidate:
            if request.validate_only:
                return pb.RollbackDatasetResponse(
                    dataset=datasets.to_message(candidate.present) if candidate.present else None,
                    difference=differences.to_message(candidate.difference),
                )

            async def work(connection: Connection, revision: int) -> pb.RollbackDatasetResponse:
                dataset, difference = await self._replacing.put(
                    connection, revision, candidate, request.confirm_difference
                )
                return pb.RollbackDatasetResponse(
                    dataset=datasets.to_message(dataset), difference=differences.to_message(difference)
                )

            asked = request_of(request)
            return await once_locked(self._database, self._relay, asked, pb.RollbackDatasetResponse, work)


def _require_own_authority(header: pb.ImportHeader) -> None:
    if header.authority != current_access().reach.authority:
        raise NotFound(header.authority)


def _import(header: pb.ImportHeader) -> Import:
    return Import(
        dataset=header.dataset,
        authority=header.authority,
        authority_names=header.authority_names,
        title=header.title,
        declared=declared_by(header),
        accept_valid=accepts_valid(header),
        validate_only=header.validate_only,
        publisher=current_access().caller.subject,
        request_id=UUID(header.request_id),
    )


def _rollback(request: pb.RollbackDatasetRequest) -> Rollback:
    access = current_access()
    return Rollback(
        dataset=request.dataset,
        version=request.version,
        authority=access.reach.authority or "",
        publisher=access.caller.subject,
        request_id=UUID(request.request_id),
    )


def _request(header: pb.ImportHeader, sha256: bytes) -> Request:
    asked = pb.ImportHeader()
    asked.CopyFrom(header)
    asked.ClearField("accept_valid")
    asked.on_error = pb.ON_ERROR_ACCEPT_VALID if accepts_valid(header) else pb.ON_ERROR_REJECT
    return request_of(asked, sha256)
