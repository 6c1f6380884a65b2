"""Identifiers are accepted exactly when their standard accepts them, and never tell a secret."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowsky.registration.identifiers.identifier import MalformedIdentifier, Scheme
from lowsky.registration.identifiers.schemes import load
from tests.support.samples import PUBLIC

SCHEMES = load(bytes(32))


def scheme(name: str) -> Scheme:
    found = SCHEMES.get(name)
    assert found is not None
    return found


def check_of(name: str) -> Callable[[str], str]:
    """What is kept of a number of the scheme, or MalformedIdentifier."""
    return lambda text: scheme(name).stored(text, bytes(32))


eu_operator_number = check_of("eu-operator-number")
uscc = check_of("cn-uscc")
cta_2063a_serial = check_of("cta-2063-a")
gbt_41300_product_id = check_of("gbt-41300")
resident_id = check_of("cn-resident-id")

VECTORS = PUBLIC / "ids"
EU = "FIN87astrdge12k8-xyz"
USCC = "9144030071526726XG"
BASE36 = "0123456789abcdefghijklmnopqrstuvwxyz"
USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
SERIAL_ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"


def reason_of(check: Callable[[str], str], text: str) -> str:
    with pytest.raises(MalformedIdentifier) as caught:
        check(text)
    return caught.value.reason


def vectors(name: str) -> object:
    path = VECTORS / name
    if not path.exists():
        pytest.skip(f"no published vectors: {path} is absent")
    return json.loads(path.read_text(encoding="utf-8"))


def test_the_published_eu_vectors_are_judged_as_published() -> None:
    document = vectors("qgc_en4709_vectors.json")
    assert isinstance(document, dict)
    for title, text, valid in document["cases"]:
        if text == "":
            continue  # a ground station's policy for a field left blank, not a number
        if valid:
            assert eu_operator_number(text) == text[:16], title
        else:
            assert reason_of(eu_operator_number, text), title


def test_the_published_serial_vectors_are_judged_as_published() -> None:
    document = vectors("cta2063a_vectors.json")
    assert isinstance(document, dict)
    for text in document["valid"]:
        assert cta_2063a_serial(text) == text
    for text in document["invalid"]:
        assert reason_of(cta_2063a_serial, text)


@pytest.mark.parametrize("text", [EU, EU.replace("-", "")])
def test_an_eu_number_is_kept_without_its_secret(text: str) -> None:
    assert eu_operator_number(text) == "FIN87astrdge12k8"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "WRONG_LENGTH"),
        ("FIN87astrdge12k8", "SECRET_MISSING"),
        ("FIN87astrdge12k8-x", "WRONG_LENGTH"),
        ("FIN87astrdge12k8x-yz", "WRONG_FORM"),
        ("FIN87astrdge12k8\N{EN DASH}xyz", "WRONG_FORM"),
        ("fin87astrdge12k8-xyz", "WRONG_FORM"),
        ("FIN87ASTRDGE12K8-xyz", "WRONG_FORM"),
        ("FIN87astrdge12k8-XYZ", "WRONG_FORM"),
        ("FIN8\N{FULLWIDTH DIGIT SEVEN}astrdge12k8-xyz", "WRONG_FORM"),
        ("F\N{CYRILLIC CAPITAL LETTER BYELORUSSIAN-UKRAINIAN I}N87astrdge12k8-xyz", "WRONG_FORM"),
        ("FIN87astrdge12k8-xya", "WRONG_CHECK_DIGIT"),
        ("FIN87astrdge12k9-xyz", "WRONG_CHECK_DIGIT"),
        (" FIN87astrdge12k8-xyz", "WRONG_LENGTH"),
        (" FIN87astrdge12k8xyz", "WRONG_FORM"),
    ],
)
def test_a_wrong_eu_number_is_refused_with_its_reason(text: str, reason: str) -> None:
    assert reason_of(eu_operator_number, text) == reason


@given(st.text(alphabet=BASE36 + "-ABC{\N{FULLWIDTH DIGIT ONE}", min_size=3, max_size=3))
def test_a_refusal_never_depends_on_the_secret(secret: str) -> None:
    try:
        eu_operator_number(f"FIN87astrdge12k8-{secret}")
    except MalformedIdentifier as caught:
        refusal = caught
    else:
        return  # one secret in 36 has the same check character: it is a PIN, not a key
    assert str(refusal) in {
        "eu-operator-number: the check character does not match the number and its secret",
        f"eu-operator-number: does not have the form of this scheme: {scheme('eu-operator-number').form}",
    }
    assert refusal.__cause__ is None
    assert refusal.__context__ is None


def test_every_wrong_character_after_the_country_of_an_eu_number_is_found() -> None:
    for position in (*range(3, 16), *range(17, 20)):
        for character in BASE36.replace(EU[position], ""):
            mutated = EU[:position] + character + EU[position + 1 :]
            assert reason_of(eu_operator_number, mutated) == "WRONG_CHECK_DIGIT"


@pytest.mark.parametrize("country", ["SWE", "GRC", "ROU", "NOR", "CHE", "LIE", "ISL"])
def test_an_eu_number_is_of_a_state_that_gives_them(country: str) -> None:
    assert eu_operator_number(country + EU[3:]) == f"{country}87astrdge12k8"


@pytest.mark.parametrize("country", ["GBR", "CHN", "USA", "ZZZ", "FIA", "ROM", "GRE", "EUR", "TUR"])
def test_an_eu_number_of_another_state_is_refused(country: str) -> None:
    """The check digit does not cover the country: the list does."""
    assert reason_of(eu_operator_number, country + EU[3:]) == "UNKNOWN_CODE"


@pytest.mark.parametrize(
    "text",
    [
        USCC,
        "91110000600037341L",
        "91330106673959654P",
        "91310000MA1FW1BXX2",
        "91310000MA1K32MN7F",
        "91110116348294556H",
    ],
)
def test_a_valid_uscc_is_returned_unchanged(text: str) -> None:
    assert uscc(text) == text


def test_every_single_wrong_character_of_a_uscc_is_found() -> None:
    for position in range(18):
        for character in USCC_ALPHABET.replace(USCC[position], ""):
            mutated = USCC[:position] + character + USCC[position + 1 :]
            # As a rule several checks fail, and the first one that does is named.
            assert reason_of(uscc, mutated) in {"WRONG_CHECK_DIGIT", "UNKNOWN_CODE", "WRONG_FORM"}


def uscc_with(department: str, division: str, organisation: str) -> str:
    """A code whose last character is right, whatever the others are."""
    body = department + division + organisation
    return body + USCC_ALPHABET[-sum(USCC_ALPHABET.index(c) * 3**i for i, c in enumerate(body)) % 31]


@pytest.mark.parametrize("department", ["11", "12", "13", "19", "51", "52", "53", "59", "91", "92", "93", "N3", "Y1"])
def test_a_uscc_begins_with_a_department_and_a_category_that_it_has(department: str) -> None:
    assert uscc(uscc_with(department, "440300", "71526726X"))


@pytest.mark.parametrize("department", ["00", "10", "14", "54", "94", "99", "B1", "Y2", "1N"])
def test_a_uscc_of_no_department_or_no_category_of_it_is_refused(department: str) -> None:
    assert reason_of(uscc, uscc_with(department, "440300", "71526726X")) == "UNKNOWN_CODE"


@pytest.mark.parametrize(
    ("division", "reason"),
    [
        *(("100000", None), ("110000", None), ("440300", None), ("820000", None)),
        *(("000000", "UNKNOWN_CODE"), ("160000", "UNKNOWN_CODE"), ("990000", "UNKNOWN_CODE")),
        *(("44030A", "WRONG_FORM"), ("A40300", "WRONG_FORM")),
    ],
)
def test_characters_3_to_8_of_a_uscc_are_a_division_of_a_province(division: str, reason: str | None) -> None:
    code = uscc_with("91", division, "71526726X")
    if reason is None:
        assert uscc(code) == code
    else:
        assert reason_of(uscc, code) == reason


def test_the_organisation_code_within_a_uscc_has_its_own_check_character() -> None:
    for check in "0123456789X":
        code = uscc_with("91", "440300", f"71526726{check}")
        assert _passes(uscc, code) is (check == "X"), "the last character of each is right"


@given(st.text(alphabet=USCC_ALPHABET, min_size=8, max_size=8))
def test_of_all_check_characters_exactly_one_makes_an_organisation_code(body: str) -> None:
    assert sum(_passes(uscc, uscc_with("91", "440300", body + check)) for check in "0123456789X") == 1


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "WRONG_LENGTH"),
        (USCC[:-1], "WRONG_LENGTH"),
        (USCC + " ", "WRONG_LENGTH"),
        (USCC.lower(), "WRONG_FORM"),
        (USCC.replace("9", "\N{FULLWIDTH DIGIT NINE}"), "WRONG_FORM"),
        ("O" + USCC[1:], "WRONG_FORM"),
        (" " + USCC[1:], "WRONG_FORM"),
        (USCC[:-1] + "H", "WRONG_CHECK_DIGIT"),
    ],
)
def test_a_wrong_uscc_is_refused_with_its_reason(text: str, reason: str) -> None:
    assert reason_of(uscc, text) == reason


@given(
    st.text(alphabet=SERIAL_ALPHABET, min_size=4, max_size=4),
    st.text(alphabet=SERIAL_ALPHABET, min_size=1, max_size=15),
    st.integers(1, 15),
)
def test_a_serial_is_accepted_exactly_when_its_length_code_is_true(maker: str, tail: str, announced: int) -> None:
    assert _passes(cta_2063a_serial, f"{maker}{announced:X}{tail}") is (announced == len(tail))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ABCD1", "WRONG_LENGTH"),
        ("ABCDF" + "X" * 16, "WRONG_LENGTH"),
        ("ABCDGX", "WRONG_FORM"),
        ("ABCD0X", "WRONG_FORM"),
        ("ABCD2X", "WRONG_CHECK_DIGIT"),
        ("ABID1X", "WRONG_FORM"),
        ("abcd1x", "WRONG_FORM"),
        ("ABCD\N{FULLWIDTH DIGIT ONE}X", "WRONG_FORM"),
    ],
)
def test_a_wrong_serial_is_refused_with_its_reason(text: str, reason: str) -> None:
    assert reason_of(cta_2063a_serial, text) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1581F5BKD2370ABC0001", None),
        ("1581F5BKD2370ABC000", "WRONG_LENGTH"),
        ("1581F5BKD2370ABC000O", "WRONG_FORM"),
        ("1581F5BKD2370ABC000\N{FULLWIDTH DIGIT ONE}", "WRONG_FORM"),
    ],
)
def test_a_product_id_is_twenty_characters_without_i_and_o(text: str, reason: str | None) -> None:
    if reason is None:
        assert gbt_41300_product_id(text) == text
    else:
        assert reason_of(gbt_41300_product_id, text) == reason


RESIDENT = "11010519491231002X"


@pytest.mark.parametrize("text", [RESIDENT, "440524188001010014"])
def test_the_standards_own_resident_ids_are_valid(text: str) -> None:
    """The examples of GB 11643-1999 itself."""
    assert resident_id(text).startswith("hmac-sha256:")


def test_every_single_wrong_digit_of_a_resident_id_is_found() -> None:
    for position in range(18):
        for digit in "0123456789X".replace(RESIDENT[position], ""):
            assert not _passes(resident_id, RESIDENT[:position] + digit + RESIDENT[position + 1 :])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("11010519491231002x", "WRONG_FORM"),
        ("110105194912310026", "WRONG_CHECK_DIGIT"),
        ("11010519491331002X", "NO_DATE"),
        ("110105190002290021", "NO_DATE"),
        ("99010519491231002X", "UNKNOWN_CODE"),
        ("110105491231002", "WRONG_LENGTH"),
    ],
)
def test_a_wrong_resident_id_is_refused_with_its_reason_and_not_repeated(text: str, reason: str) -> None:
    with pytest.raises(MalformedIdentifier) as refused:
        resident_id(text)
    assert refused.value.reason == reason
    assert text[6:14] not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("lei", ["506700GE1G29325QX363", "5493001KJTIIGC8Y1R12"], ["506700GE1G29325QX364", "5493001KJTIIGC8Y1R21"]),
        ("jp-corporate-number", ["7000012050002"], ["7000012050003", "8000012050002"]),
        ("gb-operator-id", ["GBR-OP-BAZ4DH6GJ88T"], ["GBR-RP-BAZ4DH6GJ88T", "OP-5JU84FV", "GBR-OP-baz4dh6gj88t"]),
        (
            "us-registration-mark",
            ["N1", "N99999", "N1A", "N9999Z", "N1AA", "N999ZZ"],
            ["N0", "N01", "N100000", "N9999ZZ", "N1AAA", "NA", "N1I", "N1O", "n1", "N1A1"],
        ),
        ("us-small-uas-registration", ["FA3XK9P7RT"], ["FA3XK9P7R", "fa3xk9p7rt"]),
        ("gb-registration-mark", ["G-ABCD"], ["GABCD", "G-ABC1"]),
        ("cn-registration-mark", ["B-0001", "B-1500J"], ["B0001", "B-000I"]),
        ("cn-real-name-registration", ["UAS00000003"], ["UAS3", "uas00000003", "UAS0000000A"]),
        ("manufacturer-serial", ["1", "sn_1.2-3/4"], ["", "-1", "a b", "x" * 51, "\N{CYRILLIC SMALL LETTER A}1"]),
    ],
)
def test_numbers_of_other_schemes_are_judged_by_form_and_check(name: str, good: list[str], bad: list[str]) -> None:
    for text in good:
        assert check_of(name)(text) == text
    for text in bad:
        assert not _passes(check_of(name), text), text


def test_what_is_a_standard_serial_is_not_also_the_makers_own() -> None:
    assert reason_of(check_of("manufacturer-serial"), "1AF49UL5CC5J6K") == "OF_ANOTHER_SCHEME"


@pytest.mark.parametrize("check", [check_of(one.id) for one in SCHEMES.all()], ids=[one.id for one in SCHEMES.all()])
@given(text=st.text(max_size=24))
def test_any_text_is_accepted_or_refused_and_never_breaks_the_check(check: Callable[[str], str], text: str) -> None:
    _passes(check, text)


def _passes(check: Callable[[str], str], text: str) -> bool:
    try:
        check(text)
    except MalformedIdentifier:
        return False
    return True
