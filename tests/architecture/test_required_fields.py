"""What the server refuses when it is absent is marked so in the contract, where generated documentation and clients in
other languages see it (google.api.field_behavior)."""

from __future__ import annotations

from collections.abc import Iterator

import protovalidate
import pytest
from google.api import field_behavior_pb2
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message_factory import GetMessageClass

from lowsky.canonical import is_output_only
from tests.architecture.contract import methods

VALIDATOR = protovalidate.Validator()

WITHOUT_A_RULE = {
    # Updates: the rules apply to the result, so that the resource that is sent has none.
    "lowsky.api.registration.v1.UpdateOperatorRequest.operator",
    "lowsky.api.registration.v1.UpdateAircraftRequest.aircraft",
    "lowsky.api.airspace.v1.UpdateAuthorityRequest.authority",
}
"""Required fields whose absence the services refuse, not the rules of the contract."""


def requests() -> Iterator[Descriptor]:
    """Every message type that a request may hold, at any depth, other than in fields that only the server sets."""
    seen: set[str] = set()
    waiting = [method.input_type for method in methods().values()]
    while waiting:
        message = waiting.pop()
        if message.full_name in seen or not message.full_name.startswith("lowsky."):
            continue
        seen.add(message.full_name)
        if not message.GetOptions().map_entry:
            yield message
        waiting += [field.message_type for field in message.fields if field.message_type and not is_output_only(field)]


def is_marked(field: FieldDescriptor) -> bool:
    return field_behavior_pb2.REQUIRED in field.GetOptions().Extensions[field_behavior_pb2.field_behavior]


def refused_when_absent(message: Descriptor) -> set[str]:
    """The fields that the rules miss in an empty message; oneofs, which cannot be marked, aside."""
    violations = VALIDATOR.collect_violations(GetMessageClass(message)())
    paths = [violation.proto.field.elements for violation in violations if violation.proto.field]
    return {path[0].field_name for path in paths} & set(message.fields_by_name)


MESSAGES = {message.full_name: message for message in requests()}


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_a_field_is_marked_as_required_if_and_only_if_its_absence_is_refused(name: str) -> None:
    message = MESSAGES[name]
    marked = {field.name for field in message.fields if is_marked(field)}
    by_service = {field.name for field in message.fields if field.full_name in WITHOUT_A_RULE}
    assert marked == refused_when_absent(message) | by_service


def test_an_operators_identifiers_are_required() -> None:
    assert is_marked(MESSAGES["lowsky.api.registration.v1.Operator"].fields_by_name["identifiers"])
