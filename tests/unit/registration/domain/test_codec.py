"""Messages become the domain and come back, without secrets."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.registration.v1 import aircraft_pb2, identifiers_pb2, operators_pb2
from lowsky.api.registration.v1.identifiers_pb2 import Identifier
from lowsky.errors import Invalid
from lowsky.priority import Priority
from lowsky.registration.codec import aircraft as aircraft_codec
from lowsky.registration.codec import operators as operators_codec
from lowsky.registration.codec.identifiers import given_in, replace_identifiers, scheme_to_message
from lowsky.registration.domain.aircraft import Aircraft, AircraftState, Category, EuClass
from lowsky.registration.domain.identifier_rules import of_aircraft, of_operator
from lowsky.registration.domain.operator import Operator, OperatorKind, OperatorState
from lowsky.registration.identifiers.identifier import Holder
from lowsky.registration.identifiers.schemes import load

THEN = datetime(2026, 11, 24, 8, 0, 0, 123456, tzinfo=UTC)
SCHEMES = load()


def an_operator_message() -> operators_pb2.Operator:
    message = operators_pb2.Operator(
        display_name="Delta",
        kind=operators_pb2.Operator.KIND_ENTERPRISE,
        identifiers=[
            Identifier(scheme="eu-operator-number", value="FIN87astrdge12k8-xyz"),
            Identifier(scheme="cn-uscc", value="9144030071526726XG"),
        ],
        contact=operators_pb2.Contact(person_name="Li Hua", email="li@example.com", phone="+862112345678"),
        certificate=operators_pb2.OperationCertificate(number="OC-1"),
    )
    message.certificate.expire_time.FromDatetime(THEN)
    message.insurance_expire_time.FromDatetime(THEN)
    return message


def the_operator(message: operators_pb2.Operator) -> Operator:
    return Operator(
        name="operators/a",
        kind=operators_codec.kind_of(message),
        identifiers=of_operator(given_in(message), operators_codec.kind_of(message), SCHEMES),
        applicant="zhang",
        profile=operators_codec.profile_of(message),
        create_time=THEN,
        update_time=THEN,
    )


def test_an_operator_comes_back_as_it_was_but_for_its_secret() -> None:
    given = an_operator_message()
    back = operators_codec.to_message(the_operator(given))
    assert [identifier.value for identifier in back.identifiers] == ["9144030071526726XG", "FIN87astrdge12k8"]
    for field in ("display_name", "kind", "contact", "certificate", "insurance_expire_time"):
        assert getattr(back, field) == getattr(given, field)
    assert (back.name, back.etag, back.state) == ("operators/a", "1", operators_pb2.Operator.STATE_APPLIED)
    assert back.create_time.ToDatetime(tzinfo=UTC) == THEN


@pytest.mark.parametrize("priority", Priority)
def test_priorities_have_the_numbers_of_the_contract(priority: Priority) -> None:
    operator = the_operator(an_operator_message())
    operator.priority_max, operator.priority_reason = priority, "grounds"
    message = operators_codec.to_message(operator)
    name = assessment_pb2.Priority.Name(message.priority_max).removeprefix("PRIORITY_")
    assert name == ("UNSPECIFIED" if priority is Priority.ORDINARY else priority.name)
    assert message.priority_reason == "grounds"


def test_the_contract_has_no_other_priorities() -> None:
    assert sorted(map(int, assessment_pb2.Priority.values())) == sorted(map(int, Priority))


def test_an_event_holds_the_resource_and_nothing_of_the_applicant() -> None:
    operator = the_operator(an_operator_message())
    value = operators_codec.to_event(operator)
    assert b"zhang" not in value
    assert b"xyz" not in value


def test_what_is_absent_stays_absent() -> None:
    message = an_operator_message()
    for field in ("certificate", "insurance_expire_time"):
        message.ClearField(field)
    back = operators_codec.to_message(the_operator(message))
    assert not back.HasField("certificate")
    assert not back.HasField("insurance_expire_time")


def test_what_is_kept_takes_the_place_of_what_was_sent() -> None:
    message = an_operator_message()
    replace_identifiers(message, the_operator(message).identifiers)
    assert [identifier.value for identifier in message.identifiers] == ["9144030071526726XG", "FIN87astrdge12k8"]
    replace_identifiers(message)
    assert not message.identifiers


def test_every_scheme_has_a_message_and_every_holder_a_name() -> None:
    for scheme in SCHEMES.all():
        message = scheme_to_message(scheme, SCHEMES)
        assert message.kept != identifiers_pb2.IdentifierScheme.KEPT_UNSPECIFIED
        assert len(message.holders) == len(scheme.holders)
    names = {name.removeprefix("HOLDER_") for name in identifiers_pb2.IdentifierScheme.Holder.keys()}  # noqa: SIM118
    assert {holder.name for holder in Holder} | {"UNSPECIFIED"} == names


@pytest.mark.parametrize("state", OperatorState)
@pytest.mark.parametrize("kind", OperatorKind)
def test_every_state_and_kind_of_an_operator_has_a_message(state: OperatorState, kind: OperatorKind) -> None:
    operator = the_operator(an_operator_message())
    operator.state, operator.kind = state, kind
    message = operators_codec.to_message(operator)
    assert operators_codec.kind_of(message) is kind
    assert operators_pb2.Operator.State.Name(message.state) == f"STATE_{state}"


def test_the_domain_knows_every_value_of_the_contract() -> None:
    def values(enum: type, wrapper: object, prefix: str) -> None:
        names = {name.removeprefix(prefix) for name in wrapper.keys()}  # type: ignore[attr-defined]  # noqa: SIM118
        assert {member.value for member in enum} | {"UNSPECIFIED"} == names  # type: ignore[attr-defined]

    values(OperatorState, operators_pb2.Operator.State, "STATE_")
    values(OperatorKind, operators_pb2.Operator.Kind, "KIND_")
    values(AircraftState, aircraft_pb2.Aircraft.State, "STATE_")
    values(Category, aircraft_pb2.Aircraft.Category, "CATEGORY_")
    values(EuClass, aircraft_pb2.Aircraft.EuClass, "EU_CLASS_")


def test_an_aircraft_comes_back_as_it_was() -> None:
    given = aircraft_pb2.Aircraft(
        identifiers=[
            Identifier(scheme="cta-2063-a", value="TSTA1B"),
            Identifier(scheme="gbt-41300", value="TSTA0001ABCDEFGHJKLM"),
        ],
        manufacturer="Test Aerospace",
        model="T1",
        empty_mass_kg=0.2,
        max_takeoff_mass_kg=0.2,
        max_speed_mps=10.0,
        max_height_m=50.0,
        eu_class=aircraft_pb2.Aircraft.EU_CLASS_C0,
    )
    aircraft = Aircraft(
        name="operators/a/aircraft/b",
        identifiers=of_aircraft(given_in(given), SCHEMES),
        profile=aircraft_codec.profile_of(given),
        create_time=THEN,
        update_time=THEN,
    )
    back = aircraft_codec.to_message(aircraft)
    assert back.category == aircraft_pb2.Aircraft.CATEGORY_MICRO
    assert aircraft_codec.profile_of(back) == aircraft.profile
    assert back.identifiers == given.identifiers


def test_an_aircraft_without_height_limit_has_none_in_its_message() -> None:
    given = aircraft_pb2.Aircraft(empty_mass_kg=1, max_takeoff_mass_kg=1)
    assert aircraft_codec.profile_of(given).max_height_m is None


def test_an_aircraft_does_not_take_off_lighter_than_it_is() -> None:
    with pytest.raises(Invalid) as refused:
        aircraft_codec.profile_of(aircraft_pb2.Aircraft(empty_mass_kg=2.0, max_takeoff_mass_kg=1.99))
    assert [violation.field for violation in refused.value.fields] == ["aircraft.max_takeoff_mass_kg"]
