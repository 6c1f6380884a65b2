"""A publisher brings the zones of an earlier version of a dataset into force again, as a new version."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from uuid import UUID

from lowsky.airspace.codec.imports.contents import zones_in
from lowsky.airspace.codec.imports.packed_zones import PackedZones
from lowsky.airspace.imports.replacing import Candidate, NewVersion, Replacement, Replacing
from lowsky.airspace.postgres.datasets import PART_BYTES, DatasetStore, KeptVersion
from lowsky.airspace.spool import Spool
from lowsky.airspace.threads import in_thread
from lowsky.db.database import Database
from lowsky.errors import NotFound


@dataclass(frozen=True, slots=True)
class Rollback:
    """What a publisher asks for."""

    dataset: str
    version: int
    """The version whose zones are to be restored."""
    authority: str
    """``authorities/x``, the publisher's own; empty where it has none."""
    publisher: str
    """Subject of the token."""
    request_id: UUID


class Rollbacks:
    """Rollbacks of datasets by this worker."""

    def __init__(self, database: Database, replacing: Replacing) -> None:
        self._database = database
        self._replacing = replacing

    @asynccontextmanager
    async def candidate(self, asked: Rollback) -> AsyncIterator[Candidate]:
        """The candidate version with the restored zones; it is valid within the context.

        Raises:
            NotFound: The dataset does not exist or belongs to another authority, or the version is not kept.
        """
        with self._replacing.room.spool() as packed, self._replacing.room.spool() as contents:
            kept = await self._kept(asked, contents)
            zones = PackedZones(packed)
            async with self._replacing.turn:
                await in_thread(_unpack, contents, zones)
            file = replace(kept.file, publisher=asked.publisher, request_id=asked.request_id, rollback_of=asked.version)
            replacement = Replacement(asked.dataset, kept.authority, zones)
            yield await self._replacing.compare(replacement, NewVersion(title="", contents=contents, file=file))

    async def _kept(self, asked: Rollback, contents: Spool) -> KeptVersion:
        """The version; its zones are written to `contents`."""
        async with self._database.transaction() as connection:
            store = DatasetStore(connection)
            dataset = await store.get(asked.dataset)
            if dataset is None:
                raise NotFound(asked.dataset)
            dataset.require_authority(asked.authority)
            kept = await store.kept(dataset, asked.version)
            async for part in store.contents(dataset, asked.version):
                await in_thread(contents.write, part)
            return kept


def _unpack(contents: Spool, zones: PackedZones) -> None:
    contents.file.seek(0)
    for zone in zones_in(iter(lambda: contents.file.read(PART_BYTES), b"")):
        zones.append(zone)
