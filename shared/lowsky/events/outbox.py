"""The outbox: events committed together with the state change that they report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from lowsky.db.database import Connection
from lowsky.events.event import Event
from lowsky.events.kafka import RECORD_BYTES_MAX

EVENT_BYTES_MAX = RECORD_BYTES_MAX - 64 * 1024
"""Maximum size of an event, besides its headers. The brokers would refuse a larger one for ever, and block all events
after it: so it is refused here, before anything is committed."""


def _fitting(event: Event) -> Event:
    if event.value is not None and len(event.value) > EVENT_BYTES_MAX:
        raise ValueError(f"{event.type} of {event.key} takes {len(event.value)} bytes, more than {EVENT_BYTES_MAX}")
    return event


async def append(connection: Connection, events: Sequence[Event]) -> None:
    """Adds events, in this order, to the current transaction.

    The order within a key is that of the locks: hold the row lock of the resource before appending its events.
    """
    if not events:
        return
    await connection.execute(
        """INSERT INTO outbox
               (event_id, topic, key, type, occurred_at, traceparent, correlation_id, causation_id, value)
           SELECT event_id, topic, key, type, occurred_at, traceparent, correlation_id, causation_id, value
           FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[],
                       $8::text[], $9::bytea[]) WITH ORDINALITY
             AS e (event_id, topic, key, type, occurred_at, traceparent, correlation_id, causation_id, value, position)
           ORDER BY position""",
        [e.id for e in events],
        [e.topic for e in events],
        [e.key for e in events],
        [e.type for e in events],
        [e.occurred_at for e in events],
        [e.traceparent for e in events],
        [e.correlation_id for e in events],
        [e.causation_id for e in events],
        [_fitting(e).value for e in events],
    )


async def append_many(connection: Connection, events: Iterable[Event]) -> None:
    """As append, for thousands of events or many megabytes: streamed by COPY, so that no statement holds all of
    them."""
    await connection.copy_records_to_table(
        "outbox",
        columns=(
            "event_id",
            "topic",
            "key",
            "type",
            "occurred_at",
            "traceparent",
            "correlation_id",
            "causation_id",
            "value",
        ),
        records=(
            (e.id, e.topic, e.key, e.type, e.occurred_at, e.traceparent, e.correlation_id, e.causation_id, e.value)
            for e in map(_fitting, events)
        ),
    )
