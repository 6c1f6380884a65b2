"""Replaces a dataset's zones as a whole: compared before the lock, stored while holding it, kept for a rollback."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime

from lowsky.airspace.codec.imports.contents import contents_of
from lowsky.airspace.codec.imports.differences import BATCH, Differences
from lowsky.airspace.codec.imports.packed_zones import PackedZones
from lowsky.airspace.domain.dataset import Dataset
from lowsky.airspace.domain.difference import Difference
from lowsky.airspace.postgres.datasets import DatasetStore, ImportedFile
from lowsky.airspace.postgres.zones import ZoneStore
from lowsky.airspace.spool import Room, Spool
from lowsky.airspace.threads import in_thread
from lowsky.clock import Clock
from lowsky.db.database import Connection, Database
from lowsky.errors import Precondition

HELD_BYTES_MAX = 2 * 1024 * 1024 * 1024
"""For all zones in one worker that are waiting to come into force, on its disk: room for ten large files of typical
content."""


@dataclass(frozen=True, slots=True)
class Replacement:
    """The zones that are to replace those of a dataset, and the authority that requests it."""

    dataset: str
    authority: str
    zones: PackedZones


@dataclass(frozen=True, slots=True)
class NewVersion:
    """Data of a version besides its zones: an empty title keeps the dataset's, `contents` is kept for a rollback."""

    title: str
    contents: Spool
    file: ImportedFile


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that may come into force: the version it would replace, and the difference to it."""

    replacement: Replacement
    version: NewVersion
    present: Dataset | None
    """The version that was compared with; None before the first import."""
    difference: Difference


class Replacing:
    """Replaces the zones of datasets, for imports and for rollbacks."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self.room = Room(HELD_BYTES_MAX, "imports of zones")
        self.turn = asyncio.Lock()
        """Held while a whole dataset is being read or compared: one at a time bounds the memory."""

    async def compare(self, replacement: Replacement, version: NewVersion) -> Candidate:
        """What a replacement would change.

        Raises:
            NotFound: The dataset is another authority's.
        """
        async with self.turn:
            # A transaction with one snapshot, so that the zones are those of the version.
            async with self._database.transaction() as connection:
                await connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                dataset = await DatasetStore(connection).get(replacement.dataset)
                if dataset is not None:
                    dataset.require_authority(replacement.authority)
                differences = await _compared(connection, replacement, dataset, self._clock.now())
            return Candidate(replacement, version, dataset, await in_thread(differences.finish))

    async def put(
        self, connection: Connection, revision: int, candidate: Candidate, confirmed: str
    ) -> tuple[Dataset, Difference]:
        """Makes a candidate the dataset's next version; returns it and what it changed. The caller holds the lock of
        the airspace, `revision` is its current one.

        Args:
            confirmed: Digest of the difference that the publisher confirms; may be empty.

        Raises:
            NotFound: The dataset is another authority's.
            Precondition: REMOVAL_NOT_CONFIRMED.
        """
        store = DatasetStore(connection)
        replacement, version = candidate.replacement, candidate.version
        present = await store.get(replacement.dataset)
        difference = candidate.difference
        if (present.version if present else 0) != difference.from_version:
            # Another import came in between. Comparing before the lock blocks no one else, and this case is rare.
            difference = await in_thread((await _compared(connection, replacement, present, self._clock.now())).finish)
        _require_confirmed(difference, confirmed)
        now = self._clock.now()
        dataset = (present or Dataset(replacement.dataset, replacement.authority)).imported(
            authority=replacement.authority,
            title=version.title,
            geozone_count=len(replacement.zones),
            airspace_revision=revision + 1,
            now=now,
        )
        await store.save(dataset, version.file)
        await store.keep(dataset, version.contents.file)
        await ZoneStore(connection).replace(dataset, replacement.zones, now)
        return dataset, difference


def _require_confirmed(difference: Difference, confirmed: str) -> None:
    """Raises Precondition where much would be removed without a confirmation, or another difference is confirmed."""
    if confirmed == difference.digest or (not confirmed and not difference.needs_confirmation):
        return
    of = difference.changed + difference.removed + difference.unchanged
    lost = "; ".join(map(str, difference.losses))
    if confirmed:
        message = f"the confirmed difference, {confirmed}, is not the one that would be made, {difference.digest}"
    else:
        message = (
            f"{difference.taken_away} of {of} zones would be removed or protect less ({lost}), and "
            f"{difference.area_lost_m2 / 1e6:.3g} of {difference.area_before_m2 / 1e6:.3g} km² of their ground would "
            "no longer be covered: the dataset stays unchanged"
        )
    raise Precondition(
        "REMOVAL_NOT_CONFIRMED",
        f"{message}; look at the difference with validate_only, then confirm it by its digest",
        metadata={
            "removed": str(difference.taken_away),
            "of": str(of),
            "losses": lost,
            "digest": difference.digest,
        },
    )


async def _compared(
    connection: Connection, replacement: Replacement, dataset: Dataset | None, now: datetime
) -> Differences:
    """The differences to all current zones of the dataset."""
    differences = Differences(dataset or Dataset(replacement.dataset, replacement.authority), replacement.zones, now)
    async for stored in ZoneStore(connection).messages_in_batches(replacement.dataset, BATCH):
        await in_thread(differences.compare, stored)
    return differences


def keep_contents(zones: PackedZones, contents: Spool) -> None:
    """Writes the data of a version that is kept for a rollback."""
    for piece in contents_of(zones):
        contents.write(piece)
