"""Our events as a stranger reads them: with the CloudEvents project's own library, which knows nothing of us."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from cloudevents.v1.kafka import KafkaMessage, from_binary

from lowsky.api.events.v1 import events_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2
from lowsky.events.event import Event, from_record, to_headers

KEY = "operators/acme/flightPlans/01"
VALUE = events_pb2.FlightPlanEvent(flight_plan=flight_plans_pb2.FlightPlan(name=KEY)).SerializeToString()
AT = datetime(2026, 11, 24, 5, 21, 59, 123456, UTC)


def told(value: bytes | None = VALUE) -> Event:
    return Event(
        topic="lowsky.flight-plans.v1",
        key=KEY,
        type="lowsky.flightplan.approved.v1",
        value=value,
        occurred_at=AT,
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        correlation_id="c-1",
        causation_id="e-0",
    )


def test_a_strangers_library_reads_every_attribute_and_the_value() -> None:
    event = told()
    message = KafkaMessage(headers=dict(to_headers(event)), key=event.key.encode(), value=event.value or b"")
    read = from_binary(message, data_unmarshaller=events_pb2.FlightPlanEvent.FromString)
    assert read["specversion"] == "1.0"
    assert read["id"] == event.id
    assert read["type"] == "lowsky.flightplan.approved.v1"
    assert read["source"] == "/lowsky/flightplan"
    assert read["subject"] == KEY
    assert datetime.fromisoformat(read["time"]) == AT
    assert read["datacontenttype"] == "application/protobuf"
    assert read["correlationid"] == "c-1"
    assert read["causationid"] == "e-0"
    data = read.get_data()
    assert data is not None
    assert data.flight_plan.name == KEY


def test_extension_names_are_as_the_specification_wants_them() -> None:
    """CloudEvents 1.0: lower-case letters and digits only."""
    names = [name.removeprefix("ce_") for name, _ in to_headers(told()) if name.startswith("ce_")]
    assert all(name.isalnum() and name == name.lower() for name in names)


@pytest.mark.parametrize("value", [VALUE, b"", None], ids=["value", "empty value", "tombstone"])
def test_what_is_written_is_what_is_read(value: bytes | None) -> None:
    event = told(value)
    assert from_record(event.topic, event.key.encode(), event.value, to_headers(event)) == event
