"""A file packed as an import packs it."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from lowsky.airspace.codec.imports.packed_zones import PackedZones
from lowsky.airspace.codec.zones import PackedZone
from lowsky.airspace.domain.deciding_authorities import Directory
from lowsky.airspace.imports.preparing import Prepared, prepare
from lowsky.airspace.reading import AS_PUBLISHED
from lowsky.airspace.spool import Room

DATASET = "datasets/at"
DIRECTORY = Directory({}, "authorities/own", "Own")


@contextmanager
def prepared(data: bytes) -> Iterator[Prepared]:
    with Room(2**30, "tests").spool() as spool:
        yield prepare(io.BytesIO(data), AS_PUBLISHED, DATASET, DIRECTORY, PackedZones(spool))


def packed(data: bytes) -> list[PackedZone]:
    with prepared(data) as found:
        return list(found.zones)


@contextmanager
def spooled(zones: Iterable[PackedZone]) -> Iterator[PackedZones]:
    with Room(2**30, "tests").spool() as spool:
        found = PackedZones(spool)
        for zone in zones:
            found.append(zone)
        yield found
