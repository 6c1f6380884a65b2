"""The events in records, some of which may be unreadable."""

from __future__ import annotations

from lowsky.events.event import Event, MalformedRecord, from_record
from lowsky.events.fetching import Fetched, Unreadable, fetch


def event_of(record: Fetched, topic: str) -> Event:
    """The event in a record.

    Args:
        topic: The topic of the record, without the installation's prefix.

    Raises:
        MalformedRecord: The record is not a valid event.
    """
    if isinstance(record, Unreadable):
        raise MalformedRecord(f"the record cannot be decoded: {record.problem}")
    return from_record(topic, record.key, record.value, record.headers)


__all__ = ["Fetched", "Unreadable", "event_of", "fetch"]
