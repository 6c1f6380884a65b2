"""An event, and its representation as a Kafka record: CloudEvents 1.0, Kafka protocol binding, binary content mode."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from lowsky.ids import new_id
from lowsky.process import tracing

CONTENT_TYPE = "application/protobuf"

_OF_ALL = (("ce_specversion", b"1.0"), ("content-type", CONTENT_TYPE.encode()))


class MalformedRecord(Exception):
    """A record that is not one of our events: it goes to the dead letters."""


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened to a resource."""

    topic: str
    """Topic without the installation's prefix, ``lowsky.flight-plans.v1``."""
    key: str
    """Name of the resource, which is also the subject; events are ordered per key."""
    type: str
    """``lowsky.flightplan.approved.v1``."""
    value: bytes | None
    """The protobuf event of lowsky.api.events.v1; None is a tombstone."""
    occurred_at: datetime
    id: str = field(default_factory=new_id)
    traceparent: str = field(default_factory=tracing.current_traceparent)
    correlation_id: str = field(
        default_factory=lambda: cause.correlation_id if (cause := tracing.current_cause()) else ""
    )
    causation_id: str = field(default_factory=lambda: cause.causation_id if (cause := tracing.current_cause()) else "")


def source_of(event_type: str) -> str:
    """The ``source`` of an event type: which part of lowsky emits it, as in ``/lowsky/flightplan``."""
    return "/lowsky/" + event_type.split(".")[1]


def to_headers(event: Event) -> list[tuple[str, bytes]]:
    """The record's headers."""
    headers = (
        ("ce_id", event.id),
        ("ce_source", source_of(event.type)),
        ("ce_type", event.type),
        ("ce_time", event.occurred_at.astimezone(UTC).isoformat()),
        ("ce_subject", event.key),
        ("ce_correlationid", event.correlation_id),
        ("ce_causationid", event.causation_id),
        ("traceparent", event.traceparent),
    )
    return [*_OF_ALL, *[(name, value.encode()) for name, value in headers if value]]


def from_record(topic: str, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> Event:
    """The event in a record. A tombstone needs no attributes: to remove a record from a compacted topic by hand, only
    its key is written. Its type is then empty.

    Raises:
        MalformedRecord: A required attribute is absent or malformed.
    """
    try:
        attributes = {name: raw.decode() for name, raw in headers}
        if key and value is None and "ce_type" not in attributes:
            return Event(topic=topic, key=key.decode(), type="", value=None, occurred_at=datetime.now(UTC))
        return Event(
            topic=topic,
            key=(key or b"").decode(),
            type=attributes["ce_type"],
            value=value,
            occurred_at=datetime.fromisoformat(attributes["ce_time"]),
            id=attributes["ce_id"],
            traceparent=attributes.get("traceparent", ""),
            correlation_id=attributes.get("ce_correlationid", ""),
            causation_id=attributes.get("ce_causationid", ""),
        )
    except (KeyError, ValueError, AttributeError) as error:
        raise MalformedRecord(f"not a CloudEvent: {error!r}") from error
