"""What a refusal tells the caller to do."""

import pytest

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
