"""What happened stands on lowsky.operators.v1, as CloudEvents that continue the caller's trace."""

from __future__ import annotations

import secrets
from datetime import datetime, timedelta
from typing import Any

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.events.v1 import events_pb2
from lowsky.api.registration.v1 import operators_pb2 as pb
from lowsky.api.registration.v1 import operators_pb2_grpc
from lowsky.events import topics
from lowsky.events.event import Event
from tests.integration.registration.calls import (
    REGISTRAR,
    Registration,
    an_aircraft,
    an_operator,
    create_request,
    entitle_request,
    new_request_id,
    register_request,
    update_request,
)
from tests.support.errors import refusal
from tests.support.events import records_of
from tests.support.polling import eventually

TOPIC = topics.OPERATORS


async def _events_of(registration: Registration, name: str, count: int) -> list[tuple[Event, Any]]:
    async def told() -> list[tuple[Event, Any]]:
        found = [pair for pair in await registration.installation.events(TOPIC) if pair[0].key == name]
        assert len(found) == count, [event.type for event, _ in found]
        return found

    return await eventually(told, what=f"{count} events of {name}")


async def test_every_change_is_told_once_in_order_with_the_state_after_it(registration: Registration) -> None:
    registrar = registration.for_registrar
    created = (await registrar.CreateOperator(create_request(an_operator()))).operator
    asked = {"name": created.name, "reason": "r"}
    verify = pb.VerifyOperatorRequest(request_id=new_request_id(), name=created.name)
    states = [
        created,
        (await registrar.VerifyOperator(verify)).operator,
        (
            await registration.operators_for(created.name).UpdateOperator(
                update_request(created.name, ["display_name"], display_name="Z")
            )
        ).operator,
        (await registrar.SuspendOperator(pb.SuspendOperatorRequest(request_id=new_request_id(), **asked))).operator,
        (await registrar.ReinstateOperator(pb.ReinstateOperatorRequest(request_id=new_request_id(), **asked))).operator,
        (await registrar.EntitleOperator(entitle_request(created.name, assessment_pb2.PRIORITY_MEDICAL))).operator,
        (
            await registrar.DeregisterOperator(pb.DeregisterOperatorRequest(request_id=new_request_id(), **asked))
        ).operator,
    ]
    told = await _events_of(registration, created.name, 7)
    assert [event.type for event, _ in told] == [
        f"lowsky.operator.{what}.v1"
        for what in ("created", "verified", "updated", "suspended", "reinstated", "entitled", "deregistered")
    ]
    assert [parsed for _, parsed in told] == [events_pb2.OperatorEvent(operator=state) for state in states]
    assert len({event.id for event, _ in told}) == 7


async def test_aircraft_are_told_on_the_same_topic_under_their_own_name(registration: Registration) -> None:
    operator = await registration.new_operator()
    aircraft = await registration.new_aircraft(operator.name)
    [(event, parsed)] = await _events_of(registration, aircraft.name, 1)
    assert event.type == "lowsky.aircraft.registered.v1"
    assert parsed == events_pb2.AircraftEvent(aircraft=aircraft)


async def test_a_record_is_a_cloud_event_in_binary_mode(registration: Registration) -> None:
    operator = await registration.new_operator(verified=False)
    await _events_of(registration, operator.name, 1)
    records = await records_of(registration.installation.kafka, TOPIC)
    [record] = [record for record in records if record.key == operator.name.encode()]
    headers = {name: value.decode() for name, value in record.headers}
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_type"] == "lowsky.operator.created.v1"
    assert headers["ce_source"] == "/lowsky/operator"
    assert headers["ce_subject"] == operator.name
    assert headers["content-type"] == "application/protobuf"
    assert headers["ce_id"]
    told_at = datetime.fromisoformat(headers["ce_time"])
    assert told_at.utcoffset() == timedelta(0)
    assert told_at.timestamp() == operator.create_time.ToMicroseconds() / 1e6
    assert events_pb2.OperatorEvent.FromString(record.value).operator == operator


async def test_an_event_continues_the_trace_and_the_correlation_of_the_call(registration: Registration) -> None:
    trace_id, span_id = secrets.token_hex(16), secrets.token_hex(8)
    metadata = (("traceparent", f"00-{trace_id}-{span_id}-01"), ("x-correlation-id", "order-4711"))
    answer = await registration.for_registrar.CreateOperator(create_request(an_operator()), metadata=metadata)
    [(event, _)] = await _events_of(registration, answer.operator.name, 1)
    version, told_trace_id, told_span_id, flags = event.traceparent.split("-")
    assert (version, told_trace_id) == ("00", trace_id)
    assert told_span_id != span_id
    assert int(flags, 16) & 1, "the caller's trace was sampled"
    assert event.correlation_id == "order-4711"


async def test_without_a_trace_an_event_begins_one(registration: Registration) -> None:
    operator = await registration.new_operator(verified=False)
    [(event, _)] = await _events_of(registration, operator.name, 1)
    assert len(event.traceparent.split("-")) == 4
    assert event.correlation_id


async def test_what_was_refused_is_not_told(registration: Registration) -> None:
    operator = await registration.new_operator(verified=False)
    suspend = pb.SuspendOperatorRequest(request_id=new_request_id(), name=operator.name, reason="r")
    await refusal(registration.for_registrar.SuspendOperator(suspend))
    taken = create_request(an_operator(identifiers=operator.identifiers), operator_id="never-made")
    await refusal(registration.for_registrar.CreateOperator(taken))
    # Whatever is told later comes after it would have come.
    verify = pb.VerifyOperatorRequest(request_id=new_request_id(), name=operator.name)
    await registration.for_registrar.VerifyOperator(verify)
    told = await _events_of(registration, operator.name, 2)
    assert [event.type for event, _ in told] == ["lowsky.operator.created.v1", "lowsky.operator.verified.v1"]
    assert not [event for event, _ in await registration.installation.events_so_far(TOPIC) if "never-made" in event.key]


async def test_a_repeated_request_is_told_once(registration: Registration) -> None:
    operator = await registration.new_operator()
    register = register_request(operator.name, an_aircraft())
    mine = registration.aircraft_for(operator.name)
    first = await mine.RegisterAircraft(register)
    await mine.RegisterAircraft(register)
    await mine.RegisterAircraft(register_request(operator.name, an_aircraft()))
    await _events_of(registration, first.aircraft.name, 1)


async def test_two_workers_of_one_installation_tell_everything_once(registration: Registration) -> None:
    installation = registration.installation
    await installation.start("registration", instance="2")
    token = installation.token(**REGISTRAR)
    stubs = [
        installation.stub(operators_pb2_grpc.OperatorsServiceStub, "registration", token, instance=instance)
        for instance in ("1", "2")
    ]
    names = [
        (await stubs[number % 2].CreateOperator(create_request(an_operator()))).operator.name for number in range(20)
    ]

    async def told() -> list[str]:
        keys = [event.key for event, _ in await installation.events(TOPIC) if event.key in names]
        assert set(keys) == set(names)
        return keys

    assert sorted(await eventually(told)) == sorted(names)
