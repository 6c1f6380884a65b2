"""A publisher imports a zone file: it is read outside of the event loop, reported on, and compared with the zones in
force."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from uuid import UUID

import structlog

from lowsky.airspace.codec.imports.packed_zones import PackedZones
from lowsky.airspace.codec.imports.reports import ReportMessage
from lowsky.airspace.domain.deciding_authorities import Directory, normal
from lowsky.airspace.imports.outlying_warning import outlying_notes
from lowsky.airspace.imports.preparing import Prepared, prepare
from lowsky.airspace.imports.receiving import Upload
from lowsky.airspace.imports.replacing import Candidate, NewVersion, Replacement, Replacing, keep_contents
from lowsky.airspace.imports.shift_warning import around, shift_notes
from lowsky.airspace.postgres.authorities import AuthorityStore
from lowsky.airspace.postgres.datasets import ImportedFile
from lowsky.airspace.postgres.zone_boxes import boxes_in
from lowsky.airspace.reading import Declared, UnreadableZones
from lowsky.airspace.threads import in_thread
from lowsky.db.database import Database
from lowsky.errors import Invalid, Precondition

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Import:
    """What a publisher asks for with a file."""

    dataset: str
    authority: str
    """``authorities/x``, the publisher's own."""
    authority_names: Mapping[str, str]
    """The registered authorities that names in the file stand for."""
    title: str
    """If empty, the title in the file is used."""
    declared: Declared
    accept_valid: bool
    """Import the other zones where some are refused."""
    validate_only: bool
    publisher: str
    """Subject of the token."""
    request_id: UUID


class Imports:
    """Imports of zone files by this worker."""

    def __init__(self, database: Database, replacing: Replacing) -> None:
        self._database = database
        self._replacing = replacing

    @asynccontextmanager
    async def candidate(self, asked: Import, upload: Upload) -> AsyncIterator[tuple[ReportMessage, Candidate]]:
        """The report on a file, and the candidate version; both are valid within the context.

        Raises:
            NotFound: The dataset belongs to another authority.
            Precondition: An authority is not registered, or zones were refused and this is not a dry run.
            Invalid: The file as a whole is faulty.
        """
        with self._replacing.room.spool() as packed, self._replacing.room.spool() as contents:
            prepared = await self._prepare(asked, upload, PackedZones(packed))
            report = prepared.report
            await self._look_for_outlying(asked, prepared)
            await self._look_for_shifts(asked, prepared)
            if not asked.validate_only:
                report.require_acceptable(accept_valid=asked.accept_valid)
            replacement = Replacement(asked.dataset, asked.authority, prepared.zones)
            version = NewVersion(asked.title or prepared.title[:200], contents, _file(asked, upload, report))
            candidate = await self._replacing.compare(replacement, version)
            if not asked.validate_only:
                await in_thread(keep_contents, prepared.zones, contents)
            yield report, candidate

    async def _prepare(self, asked: Import, upload: Upload, zones: PackedZones) -> Prepared:
        async with self._database.connection() as connection:
            registered = await AuthorityStore(connection).display_names()
        directory = _directory(asked, registered)

        def log_progress(zones: int, of: int) -> None:
            log.info("zones read", dataset=asked.dataset, zones=zones, of=of)

        # In a thread, so that the event loop keeps responding: the reader is Python code, which releases the GIL every
        # few milliseconds. A process would have to be started for each file, and must not be forked once gRPC runs.
        # One file at a time: the memory that a file needs is bounded, but considerable.
        async with self._replacing.turn:
            log.info("zone file received", dataset=asked.dataset, bytes=upload.spool.size)
            with _unreadable_as_invalid():
                return await in_thread(
                    prepare, upload.spool.file, asked.declared, asked.dataset, directory, zones, log_progress
                )

    async def _look_for_outlying(self, asked: Import, prepared: Prepared) -> None:
        """Notes in the report which zones lie outside of the area of the authority, where it has stated one."""
        async with self._database.connection() as connection:
            area = (await AuthorityStore(connection).get(asked.authority)).profile.area
        if area is not None and len(prepared.zones):
            prepared.report.note(await in_thread(outlying_notes, prepared.zones, asked.authority, area))

    async def _look_for_shifts(self, asked: Import, prepared: Prepared) -> None:
        """Notes in the report the known datasets that the file is a shifted copy of, unless it was converted."""
        system = asked.declared.reference_system
        if not len(prepared.zones) or (system is not None and system.displaced):
            return
        names, bounds = prepared.zones.names, prepared.zones.bounds
        async with self._replacing.turn:
            async with self._database.connection() as connection:
                known = await boxes_in(connection, around(bounds))
            prepared.report.note(await in_thread(shift_notes, names, bounds, known))


def _file(asked: Import, upload: Upload, report: ReportMessage) -> ImportedFile:
    found = report.message
    return ImportedFile(
        publisher=asked.publisher,
        request_id=asked.request_id,
        sha256=upload.sha256,
        size_bytes=upload.spool.size,
        format=found.format,
        taken=found.taken,
        repaired=found.repaired,
        refused=found.refused,
    )


def _directory(asked: Import, registered: Mapping[str, str]) -> Directory:
    """The registered authorities that published names stand for.

    Raises:
        Precondition: The publisher names an authority that is not registered.
        Invalid: The publisher maps one name to two authorities.
    """
    for authority in (asked.authority, *sorted(asked.authority_names.values())):
        if authority not in registered:
            raise Precondition("AUTHORITY_UNKNOWN", f"{authority} is not registered", metadata={"resource": authority})
    declared: dict[str, str] = {}
    for name, authority in asked.authority_names.items():
        if declared.setdefault(normal(name), authority) != authority:
            raise Invalid.field(
                f'header.authority_names["{name}"]', "the same name, in another case, is mapped to another authority"
            )
    return Directory.of(registered.items(), declared, asked.authority, registered[asked.authority])


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
