"""Zones by name, within an area."""

from __future__ import annotations

from collections.abc import Sequence

from lowsky.airspace.codec.query_area import QueryArea
from lowsky.airspace.postgres.zones import StoredZone, ZoneStore
from lowsky.airspace.threads import in_thread
from lowsky.db.database import Database

CANDIDATES_MAX = 1_000
"""Zones read in one batch; bounds the memory of a call, and how much is read beyond the page."""


async def zones_within(
    database: Database, dataset: str, area: QueryArea | None, after: str | None, limit: int, bytes_max: int
) -> tuple[Sequence[StoredZone], bool]:
    """Zones in the order of their names, starting after `after`, and whether there may be more: of all datasets where
    `dataset` is empty, everywhere where `area` is None. Returns up to one zone beyond `limit` or `bytes_max`.

    Raises:
        Unavailable: The database is not reachable.
    """
    found: list[StoredZone] = []
    more = True
    while more and len(found) <= limit and sum(len(zone.message) for zone in found) <= bytes_max:
        # First the zones whose bounding boxes intersect the area, then those of them whose outlines do.
        wanted = min(limit + 1 - len(found), CANDIDATES_MAX)
        async with database.connection() as connection:
            boxes = area.boxes if area else None
            candidates, more = await ZoneStore(connection).list(dataset, boxes, after, wanted, bytes_max)
        after = candidates[-1].name if candidates else after
        found += await in_thread(_touching, area, candidates) if area else candidates
    return found, more


def _touching(area: QueryArea, zones: Sequence[StoredZone]) -> list[StoredZone]:
    return [zone for zone in zones if area.touches(zone.message)]
