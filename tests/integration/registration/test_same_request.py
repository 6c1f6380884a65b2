"""A change that is asked for again is known by what it asks for, and answered only to whoever may have the answer."""

from __future__ import annotations

from lowsky.api.registration.v1 import operators_pb2 as pb
from tests.integration.registration.calls import (
    Registration,
    an_aircraft,
    an_operator,
    create_request,
    register_request,
    update_request,
)
from tests.support.errors import refusal


async def test_a_registration_with_its_id_in_capitals_and_times_beyond_microseconds_is_the_same(
    registration: Registration,
) -> None:
    request = create_request(an_operator())
    first = await registration.for_registrar.CreateOperator(request)
    request.request_id = request.request_id.upper()
    request.operator.certificate.expire_time.nanos += 999
    assert await registration.for_registrar.CreateOperator(request) == first


async def test_an_update_of_a_resource_sent_back_as_a_whole_is_the_same(registration: Registration) -> None:
    operator = await registration.new_operator()
    mine = registration.operators_for(operator.name)
    request = update_request(operator.name, ["display_name", "contact"], display_name="N", contact=operator.contact)
    first = await mine.UpdateOperator(request)
    request.request_id = request.request_id.upper()
    request.operator.certificate.CopyFrom(operator.certificate)  # the mask does not name it
    request.operator.state = operator.state
    request.update_mask.paths[:] = ["contact", "display_name"]
    assert await mine.UpdateOperator(request) == first
    request.operator.display_name = "M"
    assert (await refusal(mine.UpdateOperator(request))).reason == "REQUEST_ID_REUSED"


async def test_who_acts_for_another_operator_by_now_does_not_get_the_answer(registration: Registration) -> None:
    one, other = await registration.new_operator(), await registration.new_operator()

    def moved(operator: str, *roles: str) -> dict[str, object]:
        return {"roles": list(roles), "operator": operator, "subject": "mover"}

    token = registration.installation.token
    request = register_request(one.name, an_aircraft())
    first = await registration.aircraft(token(**moved(one.name, "operator"))).RegisterAircraft(request)
    after = registration.aircraft(token(**moved(other.name, "operator")))
    assert (await refusal(after.RegisterAircraft(request))).reason == "NOT_FOUND"
    none = registration.aircraft(token(**moved(one.name, "applicant")))
    assert (await refusal(none.RegisterAircraft(request))).reason == "ROLE_MISSING"
    back = registration.aircraft(token(**moved(one.name, "operator")))
    assert await back.RegisterAircraft(request) == first


async def test_a_registrar_who_is_none_any_more_does_not_get_the_answer(registration: Registration) -> None:
    operator = await registration.new_operator(verified=False)
    token = registration.installation.token
    request = pb.VerifyOperatorRequest(request_id="5e6f7a8b-9c0d-4e1f-8a2b-3c4d5e6f7a8b", name=operator.name)
    await registration.operators(token(roles=["registrar"], subject="was registrar")).VerifyOperator(request)
    after = registration.operators(token(roles=["operator"], operator=operator.name, subject="was registrar"))
    assert (await refusal(after.VerifyOperator(request))).reason == "ROLE_MISSING"
