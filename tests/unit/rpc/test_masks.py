"""Field masks: fields are replaced as a whole, cleared where absent, and left alone where not named."""

from __future__ import annotations

import pytest
from google.protobuf.field_mask_pb2 import FieldMask

from lowsky.api.registration.v1 import aircraft_pb2, identifiers_pb2, operators_pb2
from lowsky.errors import Invalid
from lowsky.rpc.masks import masked

STORED = operators_pb2.Operator(
    display_name="Stored",
    contact=operators_pb2.Contact(person_name="Li Hua", email="li@example.com"),
    certificate=operators_pb2.OperationCertificate(number="OC-1"),
    identifiers=[identifiers_pb2.Identifier(value="one"), identifiers_pb2.Identifier(value="two")],
)


def changed(given: operators_pb2.Operator, *paths: str) -> operators_pb2.Operator:
    before = operators_pb2.Operator()
    before.CopyFrom(STORED)
    result = masked(STORED, given, FieldMask(paths=paths))
    assert before == STORED, "what was stored is not touched"
    return result


def test_a_message_is_replaced_as_a_whole() -> None:
    given = operators_pb2.Operator(contact=operators_pb2.Contact(person_name="Chen"), display_name="not named")
    result = changed(given, "contact")
    assert result.contact == operators_pb2.Contact(person_name="Chen")
    assert (result.display_name, result.certificate) == (STORED.display_name, STORED.certificate)


def test_what_is_named_and_absent_is_cleared() -> None:
    result = changed(operators_pb2.Operator(), "certificate", "display_name")
    assert not result.HasField("certificate")
    assert result.display_name == ""
    assert result.contact == STORED.contact


def test_an_empty_message_is_there() -> None:
    result = changed(operators_pb2.Operator(certificate=operators_pb2.OperationCertificate()), "certificate")
    assert result.HasField("certificate")
    assert result.certificate.number == ""


def test_a_list_is_replaced_not_lengthened() -> None:
    given = operators_pb2.Operator(identifiers=[identifiers_pb2.Identifier(value="three")])
    assert [item.value for item in changed(given, "identifiers").identifiers] == ["three"]


def test_an_optional_number_is_set_to_zero_or_cleared() -> None:
    stored = aircraft_pb2.Aircraft(max_height_m=50.0)
    mask = FieldMask(paths=["max_height_m"])
    assert masked(stored, aircraft_pb2.Aircraft(max_height_m=0.0), mask).HasField("max_height_m")
    assert not masked(stored, aircraft_pb2.Aircraft(), mask).HasField("max_height_m")


@pytest.mark.parametrize("paths", [[], ["contact.email"], ["contact", "contact.email"], ["weather"], ["*"], [""]])
def test_a_mask_that_names_nothing_or_a_part_is_refused(paths: list[str]) -> None:
    with pytest.raises(Invalid) as refused:
        changed(operators_pb2.Operator(), *paths)
    assert [violation.field for violation in refused.value.fields] == ["update_mask"]
