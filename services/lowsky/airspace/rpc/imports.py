"""An import of a zone file: read apart from the event loop, brought into force in one transaction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID

import structlog

from lowsky.airspace.codec import datasets
from lowsky.airspace.codec.imports import reports, shifts
from lowsky.airspace.codec.imports.declared import declared_by
from lowsky.airspace.codec.imports.outlying import outlying_notes
from lowsky.airspace.codec.imports.packed_zones import PackedZones
from lowsky.airspace.domain.deciding import Directory, normal
from lowsky.airspace.imports.preparing import Prepared, prepare
from lowsky.airspace.imports.replacing import NewVersion, Replacement, Replacing, keep_contents, require_confirmed
from lowsky.airspace.postgres.authorities import AuthorityStore
from lowsky.airspace.postgres.boxes import boxes_in
from lowsky.airspace.postgres.datasets import IMPORT_S, DatasetStore, ImportedFile
from lowsky.airspace.reading import UnreadableZones
from lowsky.airspace.rpc.upload import Upload, Uploads
from lowsky.airspace.threads import in_thread
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.auth.access import current_access
from lowsky.db.database import Database
from lowsky.db.requests import Request, earlier_answer, keep_answers
from lowsky.errors import Invalid, NotFound, Precondition
from lowsky.events.relay import Relay
from lowsky.rpc.once import request_of

log = structlog.get_logger()


class Imports:
    """Imports of zone files by this worker."""

    def __init__(self, database: Database, relay: Relay, replacing: Replacing) -> None:
        self._database = database
        self._relay = relay
        self._replacing = replacing
        self._uploads = Uploads()

    async def take(self, requests: AsyncIterator[pb.ImportGeozonesRequest]) -> pb.ImportGeozonesResponse:
        """Receives a file, reads it, and unless it is only to be reported on brings it into force.

        Raises:
            NotFound: The header's authority is not the caller's, or the dataset is another authority's.
            Precondition: An authority is not registered, or zones were refused.
            Invalid: The stream, the header or the file as a whole is faulty.
        """
        async with self._uploads.receive(requests, _require_own_authority, current_access().caller.party) as upload:
            header = upload.header
            with self._replacing.room.spool() as packed, self._replacing.room.spool() as contents:
                prepared = await self._prepare(upload, PackedZones(packed))
                await self._look_for_outlying(header, prepared)
                await self._look_for_shifts(header, prepared)
                if not header.validate_only:
                    _require_acceptable(prepared.report, accept_valid=_accepts_valid(header))
                replacement = Replacement(header.dataset, header.authority, prepared.zones)
                present, difference = await self._replacing.compare(replacement)
                if header.validate_only:
                    dataset = datasets.to_message(present) if present else None
                    return pb.ImportGeozonesResponse(report=prepared.report, dataset=dataset, difference=difference)
                await in_thread(keep_contents, prepared.zones, contents)
                version = NewVersion(header.title or prepared.title[:200], contents, _file(upload, prepared.report))
                return await self._bring_into_force(upload, prepared.report, replacement, version, difference)

    async def _prepare(self, upload: Upload, zones: PackedZones) -> Prepared:
        header = upload.header
        declared = declared_by(header)
        async with self._database.connection() as connection:
            registered = await AuthorityStore(connection).display_names()
        directory = _directory(header, registered)

        def said(zones: int, of: int) -> None:
            log.info("zones read", dataset=header.dataset, zones=zones, of=of)

        # A thread, because the loop must go on answering: the reading is Python, which gives way every few
        # milliseconds. A process would have to be started anew for each file, and must not be forked once gRPC runs.
        # One file at a time: what is in memory of it is bounded, but not little.
        async with self._replacing.turn:
            log.info("zone file received", dataset=header.dataset, bytes=upload.spool.size)
            with _unreadable_as_invalid():
                return await in_thread(prepare, upload.spool.file, declared, header.dataset, directory, zones, said)

    async def _look_for_outlying(self, header: pb.ImportHeader, prepared: Prepared) -> None:
        """Notes in the report which zones lie outside of the area of the authority, where it has stated one."""
        async with self._database.connection() as connection:
            area = (await AuthorityStore(connection).get(header.authority)).profile.area
        if area is not None and len(prepared.zones):
            prepared.report.notes.extend(await in_thread(outlying_notes, prepared.zones, header.authority, area))

    async def _look_for_shifts(self, header: pb.ImportHeader, prepared: Prepared) -> None:
        """Notes in the report which known datasets the file lies shifted from, where it was not converted."""
        system = declared_by(header).reference_system
        if not len(prepared.zones) or (system is not None and system.displaced):
            return
        names, bounds = prepared.zones.names, prepared.zones.bounds
        async with self._replacing.turn:
            async with self._database.connection() as connection:
                known = await boxes_in(connection, shifts.around(bounds))
            prepared.report.notes.extend(await in_thread(shifts.shift_notes, names, bounds, known))

    async def _bring_into_force(
        self,
        upload: Upload,
        report: pb.ImportReport,
        replacement: Replacement,
        version: NewVersion,
        difference: pb.ImportDifference,
    ) -> pb.ImportGeozonesResponse:
        request = _request(upload.header, upload.sha256)
        async with self._database.transaction(statement_s=IMPORT_S) as connection:
            # Before the request is noted: a second call with this id then waits here, as long as an import may take.
            revision = await DatasetStore(connection).lock_airspace()
            kept = await earlier_answer(connection, request)
            if kept is not None:
                return pb.ImportGeozonesResponse.FromString(kept)
            difference = await self._replacing.still(connection, replacement, difference)
            require_confirmed(difference, upload.header.confirm_difference)
            dataset = await self._replacing.put(connection, revision, replacement, version)
            response = pb.ImportGeozonesResponse(
                report=report, dataset=datasets.to_message(dataset), difference=difference
            )
            await keep_answers(connection, [(request, response.SerializeToString())])
        self._relay.wake()
        return response


def _file(upload: Upload, report: pb.ImportReport) -> ImportedFile:
    return ImportedFile(
        publisher=current_access().caller.subject,
        request_id=UUID(upload.header.request_id),
        sha256=upload.sha256,
        size_bytes=upload.spool.size,
        format=report.format,
        taken=report.taken,
        repaired=report.repaired,
        refused=report.refused,
    )


def _require_own_authority(header: pb.ImportHeader) -> None:
    if header.authority != current_access().reach.authority:
        raise NotFound(header.authority)


def _directory(header: pb.ImportHeader, registered: Mapping[str, str]) -> Directory:
    """Whom published names stand for.

    Raises:
        Precondition: The header names an authority that is not registered.
        Invalid: It gives one name to two.
    """
    for authority in (header.authority, *sorted(header.authority_names.values())):
        if authority not in registered:
            raise Precondition("AUTHORITY_UNKNOWN", f"{authority} is not registered", metadata={"resource": authority})
    said: dict[str, str] = {}
    for name, authority in header.authority_names.items():
        if said.setdefault(normal(name), authority) != authority:
            raise Invalid.field(
                f'header.authority_names["{name}"]', "the same name but for case stands for another authority as well"
            )
    return Directory.of(registered.items(), said, header.authority, registered[header.authority])


@contextmanager
def _unreadable_as_invalid() -> Iterator[None]:
    try:
        yield
    except UnreadableZones as fault:
        position = str(fault.position) if fault.position else ""
        message = f"{fault.message}, at {position}" if position else fault.message
        raise Invalid.field(
            "chunk", message, "UNREADABLE_FILE", problem=fault.reason, **({"position": position} if position else {})
        ) from None


def _accepts_valid(header: pb.ImportHeader) -> bool:
    if header.on_error == pb.ON_ERROR_UNSPECIFIED:
        return header.accept_valid
    return header.on_error == pb.ON_ERROR_ACCEPT_VALID


def _require_acceptable(report: pb.ImportReport, *, accept_valid: bool) -> None:
    """Raises Precondition when zones were refused that the publisher did not say to go without, or all of them."""
    if not report.refused or (accept_valid and report.refused < len(report.entries)):
        return
    named = reports.refused_only(report)
    raise Precondition(
        "ZONES_REFUSED",
        f"{report.refused} of {len(report.entries)} zones were refused, the dataset stays as it was; "
        "validate_only gives the whole report, ON_ERROR_ACCEPT_VALID takes the others",
        metadata={"refused": str(report.refused), "named": str(len(named.entries))},
        details=[named],
    )


def _request(header: pb.ImportHeader, sha256: bytes) -> Request:
    asked = pb.ImportHeader()
    asked.CopyFrom(header)
    asked.ClearField("accept_valid")
    asked.on_error = pb.ON_ERROR_ACCEPT_VALID if _accepts_valid(header) else pb.ON_ERROR_REJECT
    return request_of(asked, sha256)
