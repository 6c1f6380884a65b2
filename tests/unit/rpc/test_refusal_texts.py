"""What a refusal tells the caller to do."""

import pytest
from google.protobuf.message import Message

from lowsky.api.airspace.v1 import geozones_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2
from lowsky.api.registration.v1 import operators_pb2
from lowsky.auth.caller import Caller
from lowsky.auth.rules import RULES, reach_of
from lowsky.errors import Forbidden, Invalid
from lowsky.rpc.validation import validate


def test_an_enum_that_is_not_set_is_required() -> None:
    with pytest.raises(Invalid) as refused:
        validate(operators_pb2.Operator())
    assert {field.field: field.message for field in refused.value.fields}["kind"] == "is required"


@pytest.mark.parametrize("method", RULES)
def test_a_role_refusal_names_the_roles_that_would_be_allowed(method: str) -> None:
    nobody = Caller(subject="nobody", roles=frozenset())
    with pytest.raises(Forbidden) as refused:
        reach_of(method, nobody)
    allowed = sorted(role.value for role in RULES[method].grants)
    assert refused.value.metadata == {"allowed_roles": ",".join(allowed)}
    assert all(role in refused.value.message for role in allowed)


def texts(message: Message) -> dict[str, str]:
    """What is said of the fields of a message."""
    with pytest.raises(Invalid) as refused:
        validate(message)
    return {field.field: field.message for field in refused.value.fields}


def test_what_is_missing_is_called_required() -> None:
    said = texts(operators_pb2.CreateOperatorRequest(operator=operators_pb2.Operator(contact=operators_pb2.Contact())))
    assert said == {
        "request_id": "is required: a UUID",
        "operator.display_name": "is required",
        "operator.kind": "is required",
        "operator.identifiers": "is required",
        "operator.contact.person_name": "is required",
    }
    said = texts(flight_plans_pb2.SubmitFlightPlanRequest())
    assert said["parent"] == "is required, and must match `^operators/[a-z0-9-]{1,63}$`"
    assert said["flight_plan"] == "is required"
    assert texts(geozones_pb2.CreateRestrictionRequest())["restriction"] == "is required"


def test_what_is_there_and_wrong_is_not_called_required() -> None:
    wrong = operators_pb2.CreateOperatorRequest(
        request_id="1",
        operator_id="A",
        operator=operators_pb2.Operator(display_name="x" * 201, contact=operators_pb2.Contact(email="x")),
    )
    said = texts(wrong)
    assert said["request_id"] == "must be a valid UUID"
    assert said["operator_id"].startswith("does not match the pattern")
    assert said["operator.display_name"] == "must be at most 200 characters"
    assert said["operator.contact.email"] == "must be a valid email address"
    # Zero may have been sent.
    assert texts(geozones_pb2.RollbackDatasetRequest())["version"] == "must be greater than or equal to 1"
