"""Recovery from the loss of lowsky.authorities.v1.

Areas are ordered by how far their topic was read. A topic that takes the place of a lost one counts from zero, so that
its areas would pass for older than those of the last re-check, and nothing would be decided, until it is as long. Once
it states the same areas as that re-check knew, all of them, they are not older, and are counted by the new topic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from lowsky.db.database import Database
from lowsky.errors import Unavailable
from lowsky.flightplans.postgres.rechecks import areas_begun, count_areas_anew
from lowsky.flightplans.projections.areas import StatedAreas

log = structlog.get_logger()

ENDS_S_MAX = 10.0
"""How long to wait for the ends of the topic: they are asked for every second."""

TopicEnds = Callable[[], Awaitable[Mapping[int, int]]]
"""The ends of the topic's partitions, which the brokers are asked for after the call."""


async def count_anew(database: Database, areas: StatedAreas, ends: TopicEnds) -> None:
    """Counts areas by the topic as it is now, if the one before was lost and they are the same.

    Raises:
        Unavailable: The database or the event log does not answer.
    """
    async with database.connection() as connection:
        begun = await areas_begun(connection)
    if not areas.is_whole or areas.digest != begun.areas_digest or areas.read >= begun.areas_read:
        return
    try:
        async with asyncio.timeout(ENDS_S_MAX):
            end = sum((await ends()).values())
    except TimeoutError:
        raise Unavailable("NOT_CAUGHT_UP", "the end of lowsky.authorities.v1 is not known") from None
    # Asked for after the database: a topic never ends before where it has been read to, unless it was lost.
    if end < begun.areas_read:
        async with database.transaction() as connection:
            await count_areas_anew(connection, begun, areas)
        log.warning("the topic of authorities was lost; areas are counted anew", read=areas.read)
