"""The inbox: an event's row and its effect commit together, so that a redelivery has no effect."""

from __future__ import annotations

from collections.abc import Sequence

from lowsky.db.database import Connection
from lowsky.db.idempotency import FORGOTTEN_AT_ONCE

KEPT_DAYS = 45
"""Longer than topics and dead letters retain events, which could be redelivered: 30 days (a test compares them)."""


async def note_new(connection: Connection, consumer: str, event_ids: Sequence[str]) -> set[str]:
    """Records events in the current transaction; returns the ids that were not recorded before."""
    rows = await connection.fetch(
        """INSERT INTO inbox (consumer, event_id) SELECT $1, id FROM unnest($2::text[]) AS e (id)
           ON CONFLICT DO NOTHING RETURNING event_id""",
        consumer,
        sorted(set(event_ids)),
    )
    return {row["event_id"] for row in rows}


async def forget_old_events(connection: Connection) -> bool:
    """Deletes up to FORGOTTEN_AT_ONCE rows older than KEPT_DAYS; returns whether there may be more."""
    deleted = await connection.fetch(
        """DELETE FROM inbox WHERE ctid = ANY(ARRAY(
               SELECT ctid FROM inbox WHERE received_at < now() - make_interval(days => $1) LIMIT $2))
           RETURNING true""",
        KEPT_DAYS,
        FORGOTTEN_AT_ONCE,
    )
    return len(deleted) == FORGOTTEN_AT_ONCE
