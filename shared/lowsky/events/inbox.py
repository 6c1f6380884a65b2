"""The inbox: an event's row and its effect commit together, so that a redelivery does nothing."""

from __future__ import annotations

from collections.abc import Sequence

from lowsky.db.database import Connection

KEPT_DAYS = 30
"""Longer than topics keep events that could come again."""


async def note_new(connection: Connection, consumer: str, event_ids: Sequence[str]) -> set[str]:
    """Notes events in the transaction under way; gives those that were not noted before."""
    rows = await connection.fetch(
        """INSERT INTO inbox (consumer, event_id) SELECT $1, id FROM unnest($2::text[]) AS e (id)
           ON CONFLICT DO NOTHING RETURNING event_id""",
        consumer,
        sorted(set(event_ids)),
    )
    return {row["event_id"] for row in rows}


async def forget_old_events(connection: Connection) -> None:
    """Deletes what is older than KEPT_DAYS."""
    await connection.execute("DELETE FROM inbox WHERE received_at < now() - make_interval(days => $1)", KEPT_DAYS)
