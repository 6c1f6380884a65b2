"""The bounding boxes of many zones, without their content."""

from __future__ import annotations

from collections.abc import Sequence

from lowsky.airspace.codec.zones import Box
from lowsky.db.database import Connection


async def boxes_in(connection: Connection, around: Box) -> dict[str, Sequence[tuple[str, Box]]]:
    """The names and boxes of the zones in force whose box intersects `around`, by dataset."""
    rows = await connection.fetch(
        """SELECT dataset, name, west, south, east, north FROM geozones
           WHERE west <= $3 AND east >= $1 AND south <= $4 AND north >= $2""",
        around.west,
        around.south,
        around.east,
        around.north,
    )
    found: dict[str, list[tuple[str, Box]]] = {}
    for dataset, name, west, south, east, north in rows:
        found.setdefault(dataset, []).append((name, Box(west, south, east, north)))
    return dict(found)
