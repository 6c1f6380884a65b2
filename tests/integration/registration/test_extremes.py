"""Whatever a request says, and however large it is, it is answered or refused: registration does not fail at it."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.registration.v1 import aircraft_pb2, identifiers_pb2, operators_pb2
from tests.integration.registration.calls import (
    Registration,
    an_aircraft,
    an_operator,
    create_request,
    entitle_request,
    new_request_id,
    register_request,
    update_request,
)
from tests.support.extreme_requests import Case, fails_at, methods_of, require_bounded

SERVICE, OPERATOR = "registration", "operators/acme"
AIRCRAFT = f"{OPERATOR}/aircraft/a1"


def again(**fields: str) -> dict[str, str]:
    return {"request_id": new_request_id(), "name": OPERATOR, "etag": "1", **fields}


CASES = {
    "OperatorsService/CreateOperator": Case(lambda: [create_request(an_operator())]),
    "OperatorsService/GetOperator": Case(lambda: [operators_pb2.GetOperatorRequest(name=OPERATOR)]),
    "OperatorsService/ListOperators": Case(lambda: [operators_pb2.ListOperatorsRequest(page_token="x")]),
    "OperatorsService/UpdateOperator": Case(
        lambda: [update_request(OPERATOR, ["contact", "certificate"], contact=an_operator().contact)]
    ),
    "OperatorsService/VerifyOperator": Case(lambda: [operators_pb2.VerifyOperatorRequest(**again())]),
    "OperatorsService/SuspendOperator": Case(lambda: [operators_pb2.SuspendOperatorRequest(**again(reason="r"))]),
    "OperatorsService/ReinstateOperator": Case(lambda: [operators_pb2.ReinstateOperatorRequest(**again(reason="r"))]),
    "OperatorsService/EntitleOperator": Case(lambda: [entitle_request(OPERATOR, assessment_pb2.PRIORITY_EMERGENCY)]),
    "OperatorsService/DeregisterOperator": Case(lambda: [operators_pb2.DeregisterOperatorRequest(**again(reason="r"))]),
    "AircraftService/RegisterAircraft": Case(lambda: [register_request(OPERATOR, an_aircraft())]),
    "AircraftService/GetAircraft": Case(lambda: [aircraft_pb2.GetAircraftRequest(name=AIRCRAFT)]),
    "AircraftService/ListAircraft": Case(lambda: [aircraft_pb2.ListAircraftRequest(parent=OPERATOR, page_token="x")]),
    "AircraftService/UpdateAircraft": Case(
        lambda: [
            aircraft_pb2.UpdateAircraftRequest(
                request_id=new_request_id(),
                aircraft=aircraft_pb2.Aircraft(name=AIRCRAFT, max_speed_mps=20),
                update_mask=FieldMask(paths=["max_speed_mps"]),
            )
        ]
    ),
    "AircraftService/RetireAircraft": Case(lambda: [aircraft_pb2.RetireAircraftRequest(**again(name=AIRCRAFT))]),
    "IdentifiersService/ListIdentifierSchemes": Case(lambda: [identifiers_pb2.ListIdentifierSchemesRequest()]),
}


def test_every_rpc_has_a_case() -> None:
    assert CASES.keys() == methods_of(SERVICE).keys()


@pytest.mark.parametrize("what", CASES)
async def test_no_extreme_of_a_field_makes_the_service_fail(registration: Registration, what: str) -> None:
    assert await fails_at(registration.installation, SERVICE, what, CASES[what]) == []


@pytest.mark.parametrize("what", methods_of(SERVICE))
async def test_a_message_of_any_size_costs_no_more_than_its_size_allows(registration: Registration, what: str) -> None:
    await require_bounded(registration.installation, SERVICE, what)
