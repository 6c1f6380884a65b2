"""Datasets in PostgreSQL, the log of their versions, and the revision of the airspace as a whole."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from uuid import UUID

import asyncpg

from lowsky.airspace.domain.dataset import Dataset
from lowsky.db.database import Connection
from lowsky.errors import NotFound

IMPORT_S = 60.0
"""Timeout of one statement of an import, and of waiting for the lock: COPY of the largest file takes some seconds, and
imports wait for each other."""

VERSIONS_KEPT_MAX = 20
"""Versions that can be restored: five months of a source that publishes weekly. A national file of 30 MB is kept in
about 6 MB."""


PART_BYTES = 1024 * 1024
"""Size of a part of a version's contents, one row each."""


@dataclass(frozen=True, slots=True)
class ImportedFile:
    """Where a version came from."""

    publisher: str
    request_id: UUID
    sha256: bytes
    size_bytes: int
    format: str
    taken: int
    repaired: int
    refused: int
    rollback_of: int | None = None
    """For a rollback, the version that was restored, to which the file belongs; None for an import."""


@dataclass(frozen=True, slots=True)
class KeptVersion:
    """The origin of an earlier version of a dataset whose zones are kept."""

    authority: str
    file: ImportedFile


class DatasetStore:
    """The datasets, within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def lock_airspace(self) -> int:
        """Locks the airspace until the end of the transaction, waiting for other imports; returns its revision."""
        revision: int = await self._connection.fetchval("SELECT revision FROM airspace FOR UPDATE")
        return revision

    async def get(self, name: str) -> Dataset | None:
        """One dataset, None before its first import."""
        row = await self._connection.fetchrow("SELECT * FROM datasets WHERE name = $1", name)
        return _dataset(row) if row else None

    async def list(self, after: str | None, limit: int) -> Sequence[Dataset]:
        """Datasets in the order of their names, starting after `after`."""
        rows = await self._connection.fetch(
            "SELECT * FROM datasets WHERE name > $1 ORDER BY name LIMIT $2", after or "", limit
        )
        return [_dataset(row) for row in rows]

    async def save(self, dataset: Dataset, file: ImportedFile) -> None:
        """Stores a version, adds it to the log, and sets the revision. The caller holds the airspace lock."""
        await self.put(dataset)
        await self._connection.execute(
            """INSERT INTO dataset_versions (dataset, version, airspace_revision, import_time, publisher, request_id,
                   file_sha256, file_bytes, format, taken, repaired, refused, rollback_of)
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)""",
            dataset.name,
            dataset.version,
            dataset.airspace_revision,
            dataset.import_time,
            file.publisher,
            file.request_id,
            file.sha256,
            file.size_bytes,
            file.format,
            file.taken,
            file.repaired,
            file.refused,
            file.rollback_of,
        )

    async def put(self, dataset: Dataset) -> None:
        """Stores a version without the log of files, and sets the revision. The caller holds the airspace lock."""
        await self._connection.execute(
            """INSERT INTO datasets (name, version, airspace_revision, title, authority, geozone_count, import_time)
               VALUES ($1, $2, $3, $4, $5, $6, $7)
               ON CONFLICT (name) DO UPDATE SET version = $2, airspace_revision = $3, title = $4, geozone_count = $6,
                   import_time = $7""",
            dataset.name,
            dataset.version,
            dataset.airspace_revision,
            dataset.title,
            dataset.authority,
            dataset.geozone_count,
            dataset.import_time,
        )
        await self._connection.execute("UPDATE airspace SET revision = $1", dataset.airspace_revision)

    async def keep(self, dataset: Dataset, contents: BinaryIO) -> None:
        """Keeps the zones of the version just saved, and deletes those of versions that are too old."""
        contents.seek(0)
        parts = iter(lambda: contents.read(PART_BYTES), b"")
        await self._connection.copy_records_to_table(
            "dataset_contents",
            columns=("dataset", "version", "part", "zones"),
            records=((dataset.name, dataset.version, number, part) for number, part in enumerate(parts)),
        )
        await self._connection.execute(
            "DELETE FROM dataset_contents WHERE dataset = $1 AND version <= $2",
            dataset.name,
            dataset.version - VERSIONS_KEPT_MAX,
        )

    async def kept(self, dataset: Dataset, version: int) -> KeptVersion:
        """A version whose zones are kept.

        Raises:
            NotFound: There is no such version, or it is not kept.
        """
        row = await self._connection.fetchrow(
            """SELECT publisher, request_id, file_sha256, file_bytes, format, taken, repaired, refused
               FROM dataset_versions
               WHERE dataset = $1 AND version = $2
                 AND EXISTS (SELECT FROM dataset_contents WHERE dataset = $1 AND version = $2)""",
            dataset.name,
            version,
        )
        if row is None:
            raise NotFound(f"{dataset.name}/versions/{version}")
        file = ImportedFile(
            publisher=row["publisher"],
            request_id=row["request_id"],
            sha256=row["file_sha256"],
            size_bytes=row["file_bytes"],
            format=row["format"],
            taken=row["taken"],
            repaired=row["repaired"],
            refused=row["refused"],
        )
        return KeptVersion(dataset.authority, file)

    async def contents(self, dataset: Dataset, version: int) -> AsyncIterator[bytes]:
        """The kept contents of a version, part by part."""
        rows = self._connection.cursor(
            "SELECT zones FROM dataset_contents WHERE dataset = $1 AND version = $2 ORDER BY part",
            dataset.name,
            version,
            prefetch=1,
        )
        async for row in rows:
            yield row["zones"]


def _dataset(row: asyncpg.Record) -> Dataset:
    return Dataset(
        name=row["name"],
        authority=row["authority"],
        title=row["title"],
        version=row["version"],
        airspace_revision=row["airspace_revision"],
        geozone_count=row["geozone_count"],
        import_time=row["import_time"],
    )
