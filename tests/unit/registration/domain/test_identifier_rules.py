"""Which identifiers an operator or an aircraft may have, and that no refusal repeats one."""

from __future__ import annotations

import pytest

from lowsky.errors import Invalid
from lowsky.registration.domain.identifier_rules import Given, of_aircraft, of_operator
from lowsky.registration.domain.operator import OperatorKind
from lowsky.registration.identifiers.identifier import DIGEST_PREFIX, Identifier, Scope
from lowsky.registration.identifiers.schemes import load

SCHEMES = load(b"k" * 32)
EU = ("eu-operator-number", "FIN87astrdge12k8-xyz")
USCC = ("cn-uscc", "9144030071526726XG")
PERSON = ("cn-resident-id", "11010519491231002X")
SERIAL = ("cta-2063-a", "TSTA1B")
OWN = ("manufacturer-serial", "0042-17/B")
PRODUCT = ("gbt-41300", "TSTA0001ABCDEFGHJKLM")
REAL_NAME = ("cn-real-name-registration", "UAS00000003")


def problem_of(refused: pytest.ExceptionInfo[Invalid]) -> tuple[str, str]:
    assert refused.value.reason == "MALFORMED_IDENTIFIER"
    return refused.value.fields[0].field, refused.value.metadata["problem"]


@pytest.mark.parametrize(
    ("given", "kind", "kept"),
    [
        ([EU, USCC], OperatorKind.ENTERPRISE, [("cn-uscc", USCC[1]), ("eu-operator-number", "FIN87astrdge12k8")]),
        ([USCC], OperatorKind.PUBLIC_BODY, [USCC]),
        ([EU], OperatorKind.NATURAL_PERSON, [("eu-operator-number", "FIN87astrdge12k8")]),
        ([("gb-operator-id", "GBR-OP-BAZ4DH6GJ88T")], OperatorKind.NATURAL_PERSON, None),
        ([("lei", "506700GE1G29325QX363")], OperatorKind.ENTERPRISE, None),
    ],
)
def test_an_operator_has_numbers_of_its_kind_kept_by_scheme(
    given: list[Given], kind: OperatorKind, kept: list[Given] | None
) -> None:
    found = of_operator(given, kind, SCHEMES)
    assert [(one.scheme, one.value) for one in found] == (given if kept is None else kept)


def test_of_a_natural_persons_number_a_keyed_hash_is_kept() -> None:
    [kept] = of_operator([PERSON], OperatorKind.NATURAL_PERSON, SCHEMES)
    assert kept.value.startswith(DIGEST_PREFIX)
    assert [kept] == list(of_operator([PERSON], OperatorKind.NATURAL_PERSON, SCHEMES))
    [other] = of_operator([PERSON], OperatorKind.NATURAL_PERSON, load(b"another key, as long as one must"))
    assert other != kept
    assert not any(PERSON[1][start : start + 4] in kept.value for start in range(15))


@pytest.mark.parametrize(
    ("given", "kind", "field", "problem"),
    [
        (PERSON, OperatorKind.ENTERPRISE, "scheme", "WRONG_HOLDER"),
        (USCC, OperatorKind.NATURAL_PERSON, "scheme", "WRONG_HOLDER"),
        (SERIAL, OperatorKind.ENTERPRISE, "scheme", "WRONG_HOLDER"),
        (("CN-USCC", USCC[1]), OperatorKind.ENTERPRISE, "scheme", "UNKNOWN_SCHEME"),
        (("cn-uscc", EU[1]), OperatorKind.ENTERPRISE, "value", "OF_ANOTHER_SCHEME"),
        (("cn-uscc", EU[1][:-1]), OperatorKind.ENTERPRISE, "value", "WRONG_LENGTH"),
    ],
)
def test_a_number_that_an_operator_cannot_have_is_refused_and_not_repeated(
    given: Given, kind: OperatorKind, field: str, problem: str
) -> None:
    with pytest.raises(Invalid) as refused:
        of_operator([given], kind, SCHEMES)
    assert problem_of(refused) == (f"operator.identifiers[0].{field}", problem)
    assert given[1] not in f"{refused.value!r} {refused.value.fields} {refused.value.metadata}"
    assert refused.value.__suppress_context__ or refused.value.__context__ is None, "a log would show the origin"


def test_without_a_key_no_natural_persons_number_is_kept() -> None:
    schemes = load()
    with pytest.raises(Invalid) as refused:
        of_operator([PERSON], OperatorKind.NATURAL_PERSON, schemes)
    assert problem_of(refused) == ("operator.identifiers[0].value", "NO_KEY")
    scheme = schemes.get(PERSON[0])
    assert scheme is not None
    assert not schemes.usable(scheme)


@pytest.mark.parametrize("secret", [EU, PERSON])
def test_a_number_that_must_not_be_kept_is_refused_under_a_scheme_that_would(secret: Given) -> None:
    with pytest.raises(Invalid) as refused:
        of_aircraft([("manufacturer-serial", secret[1])], SCHEMES)
    assert problem_of(refused)[1] == "OF_ANOTHER_SCHEME"
    assert secret[0] in refused.value.message
    assert secret[1] not in refused.value.message


@pytest.mark.parametrize("given", [[SERIAL], [OWN], [PRODUCT], [REAL_NAME, OWN], [SERIAL, PRODUCT, REAL_NAME]])
def test_any_number_of_the_airframe_identifies_an_aircraft(given: list[Given]) -> None:
    assert [(one.scheme, one.value) for one in of_aircraft(given, SCHEMES)] == sorted(given)


def test_a_makers_own_number_is_unique_within_the_maker() -> None:
    assert of_aircraft([OWN], SCHEMES) == (Identifier(*OWN, scope=Scope.MANUFACTURER),)


@pytest.mark.parametrize("given", [[REAL_NAME], [("us-registration-mark", "N123AB")]])
def test_a_mark_alone_identifies_no_airframe(given: list[Given]) -> None:
    with pytest.raises(Invalid) as refused:
        of_aircraft(given, SCHEMES)
    assert problem_of(refused) == ("aircraft.identifiers", "AIRFRAME_MISSING")


def test_two_of_one_scheme_are_refused() -> None:
    with pytest.raises(Invalid) as refused:
        of_aircraft([SERIAL, SERIAL], SCHEMES)
    assert refused.value.fields[0].field == "aircraft.identifiers[1].scheme"


def test_what_stays_is_not_judged_again_and_what_changes_is() -> None:
    before = (Identifier("cta-2063-a", "older rules took this"), Identifier("gone-scheme", "1"))
    stays = [(one.scheme, one.value) for one in before]
    assert of_aircraft([*stays, REAL_NAME], SCHEMES, before=before) == (
        Identifier(*REAL_NAME),
        *before,
    )
    with pytest.raises(Invalid) as refused:
        of_aircraft(stays[:1], SCHEMES, before=before)
    assert problem_of(refused) == ("aircraft.identifiers", "AIRFRAME_CHANGED")
    with pytest.raises(Invalid) as refused:
        of_aircraft([stays[1], ("cta-2063-a", "x")], SCHEMES, before=before)
    assert problem_of(refused) == ("aircraft.identifiers[1].value", "WRONG_LENGTH")
