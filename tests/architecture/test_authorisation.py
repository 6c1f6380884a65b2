"""The authorisation table says something about every RPC, and about nothing else."""

from __future__ import annotations

import pytest
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor

from lowsky.auth.rules import RULES, Scope
from tests.architecture.contract import methods

READS = ("Get", "List", "Watch", "Check", "Query")


def test_every_rpc_has_an_authorisation_row() -> None:
    assert methods().keys() - RULES.keys() == set()


def test_no_authorisation_row_is_for_an_rpc_that_is_none() -> None:
    assert RULES.keys() - methods().keys() == set()


@pytest.mark.parametrize("path", sorted(methods().keys() & RULES.keys()))
def test_a_row_judges_by_a_field_that_the_request_has(path: str) -> None:
    method, field = methods()[path], RULES[path].resource
    if field is None or method.client_streaming:
        return  # of a stream's messages the service judges each, also by this field
    message: Descriptor | None = method.input_type
    *parents, last = field.split(".")
    for parent in parents:
        assert message is not None
        message = message.fields_by_name[parent].message_type
    assert message is not None
    assert message.fields_by_name[last].type == FieldDescriptor.TYPE_STRING


@pytest.mark.parametrize("path", sorted(methods().keys() & RULES.keys()))
def test_whatever_is_no_reading_counts_as_writing(path: str) -> None:
    reads = methods()[path].name.startswith(READS)
    assert RULES[path].writes is not reads


@pytest.mark.parametrize("path", sorted(methods().keys() & RULES.keys()))
def test_what_reaches_only_ones_own_names_the_field_that_it_is_judged_by(path: str) -> None:
    """Without one the interceptor could not refuse what is not the caller's."""
    rule = RULES[path]
    if set(rule.grants.values()) == {Scope.OWN}:
        assert rule.resource is not None


@pytest.mark.parametrize("path", sorted(path for path, rule in RULES.items() if rule.writes))
def test_every_mutation_carries_a_request_id(path: str) -> None:
    assert _has_request_id(methods()[path])


def _has_request_id(method: MethodDescriptor) -> bool:
    """In the request, or in the header that a client stream begins with."""
    fields = method.input_type.fields
    return any(
        field.name == "request_id" or (field.message_type and "request_id" in field.message_type.fields_by_name)
        for field in fields
    )
