"""Request ids: the same request is done once and answered alike, however often it comes."""

from __future__ import annotations

import asyncio

import grpc
import pytest

from lowsky.api.registration.v1 import operators_pb2 as pb
from lowsky.events import topics
from tests.integration.registration.calls import (
    Registration,
    an_aircraft,
    an_operator,
    create_request,
    new_request_id,
    register_request,
    update_request,
)
from tests.support.errors import refusal


async def test_a_repeated_request_gets_the_same_answer(registration: Registration) -> None:
    request = create_request(an_operator())
    first = await registration.for_registrar.CreateOperator(request)
    assert await registration.for_registrar.CreateOperator(request) == first


async def test_a_repeated_request_gets_the_answer_of_then(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.operators_for(operator.name)
    request = update_request(operator.name, ["display_name"], display_name="First", etag=operator.etag)
    first = await mine.UpdateOperator(request)
    await mine.UpdateOperator(update_request(operator.name, ["display_name"], display_name="Second"))
    assert await mine.UpdateOperator(request) == first
    stored = await mine.GetOperator(pb.GetOperatorRequest(name=operator.name))
    assert stored.operator.display_name == "Second"


async def test_requests_repeated_at_once_are_done_once(registration: Registration) -> None:
    request = create_request(an_operator())
    answers = await asyncio.gather(*(registration.for_registrar.CreateOperator(request) for _ in range(6)))
    assert len({answer.SerializeToString(deterministic=True) for answer in answers}) == 1
    events = await registration.installation.events_so_far(topics.OPERATORS)
    assert len([event for event, _ in events if event.key == answers[0].operator.name]) == 1


async def test_the_id_of_another_request_is_refused(registration: Registration) -> None:
    request = create_request(an_operator())
    await registration.for_registrar.CreateOperator(request)
    request.operator.display_name = "Another"
    error = await refusal(registration.for_registrar.CreateOperator(request))
    assert (error.code, error.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "REQUEST_ID_REUSED")
    assert error.fields == {"request_id": "REQUEST_ID_REUSED"}


async def test_the_id_of_a_request_to_another_method_is_refused(registration: Registration) -> None:
    operator = await registration.new_operator()
    asked = {"request_id": new_request_id(), "name": operator.name, "reason": "r"}
    await registration.for_registrar.SuspendOperator(pb.SuspendOperatorRequest(**asked))
    error = await refusal(registration.for_registrar.ReinstateOperator(pb.ReinstateOperatorRequest(**asked)))
    assert error.reason == "REQUEST_ID_REUSED"


async def test_ids_of_two_callers_do_not_meet(registration: Registration) -> None:
    operator = await registration.new_operator()
    request_id = new_request_id()
    await registration.for_registrar.CreateOperator(create_request(an_operator(), request_id=request_id))
    register = register_request(operator.name, an_aircraft(), request_id=request_id)
    await registration.aircraft_for(operator.name).RegisterAircraft(register)


async def test_a_request_that_was_refused_may_come_again(registration: Registration) -> None:
    """Nothing is kept of it: once the way is free, the same request goes through."""
    operator = await registration.new_operator(verified=False)
    asked = {"request_id": new_request_id(), "name": operator.name, "reason": "r"}
    suspend = pb.SuspendOperatorRequest(**asked)
    assert (await refusal(registration.for_registrar.SuspendOperator(suspend))).reason == "ILLEGAL_MOVE"
    verify = pb.VerifyOperatorRequest(request_id=new_request_id(), name=operator.name)
    await registration.for_registrar.VerifyOperator(verify)
    suspended = (await registration.for_registrar.SuspendOperator(suspend)).operator
    assert suspended.state == pb.Operator.STATE_SUSPENDED


async def test_a_refusal_within_the_transaction_is_refused_again(registration: Registration) -> None:
    """A unique violation breaks the transaction; what the caller hears is still which field was taken."""
    taken = an_operator()
    await registration.for_registrar.CreateOperator(create_request(taken))
    request = create_request(taken)
    for _ in range(2):
        error = await refusal(registration.for_registrar.CreateOperator(request))
        assert (error.code, error.reason) == (grpc.StatusCode.ALREADY_EXISTS, "ALREADY_EXISTS")


@pytest.mark.parametrize("request_id", ["", "x", "6f9619ff-8b86-4011-b42d"])
async def test_a_request_without_a_proper_id_is_refused(registration: Registration, request_id: str) -> None:
    request = create_request(an_operator(), request_id=request_id)
    error = await refusal(registration.for_registrar.CreateOperator(request))
    assert error.fields == {"request_id": "INVALID_FIELD"}
