"""Identifiers are accepted exactly when their standard accepts them, and never tell a secret."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lowsky.identifiers import (
    MalformedIdentifier,
    cta_2063a_serial,
    eu_operator_number,
    gbt_41300_product_id,
    uscc,
)

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "data" / "ids"
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
        ("FIN87astrdge12k8x-yz", "DASH_MISPLACED"),
        ("FIN87astrdge12k8\N{EN DASH}xyz", "DASH_MISPLACED"),
        ("fin87astrdge12k8-xyz", "WRONG_ALPHABET"),
        ("FIN87ASTRDGE12K8-xyz", "WRONG_ALPHABET"),
        ("FIN87astrdge12k8-XYZ", "WRONG_ALPHABET"),
        ("FIN8\N{FULLWIDTH DIGIT SEVEN}astrdge12k8-xyz", "WRONG_ALPHABET"),
        ("F\N{CYRILLIC CAPITAL LETTER BYELORUSSIAN-UKRAINIAN I}N87astrdge12k8-xyz", "WRONG_ALPHABET"),
        ("FIN87astrdge12k8-xya", "WRONG_CHECK_DIGIT"),
        ("FIN87astrdge12k9-xyz", "WRONG_CHECK_DIGIT"),
        (" FIN87astrdge12k8-xyz", "WRONG_LENGTH"),
        (" FIN87astrdge12k8xyz", "DASH_MISPLACED"),
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
        "EN 4709-02 operator number: the check character does not match the number and its secret",
        "EN 4709-02 operator number: the secret part holds a character that is not one of 0-9a-z",
    }
    assert refusal.__cause__ is None
    assert refusal.__context__ is None


def test_every_wrong_character_after_the_country_of_an_eu_number_is_found() -> None:
    for position in (*range(3, 16), *range(17, 20)):
        for character in BASE36.replace(EU[position], ""):
            mutated = EU[:position] + character + EU[position + 1 :]
            assert reason_of(eu_operator_number, mutated) == "WRONG_CHECK_DIGIT"


def test_the_country_letters_of_an_eu_number_are_outside_its_check_digit() -> None:
    assert eu_operator_number("SWE" + EU[3:]) == "SWE87astrdge12k8"


@pytest.mark.parametrize("text", [USCC, "91110000600037341L"])
def test_a_valid_uscc_is_returned_unchanged(text: str) -> None:
    assert uscc(text) == text


def test_every_single_wrong_character_of_a_uscc_is_found() -> None:
    for position in range(18):
        for character in USCC_ALPHABET.replace(USCC[position], ""):
            mutated = USCC[:position] + character + USCC[position + 1 :]
            assert reason_of(uscc, mutated) == "WRONG_CHECK_DIGIT"


@given(st.text(alphabet=USCC_ALPHABET, min_size=17, max_size=17), st.data())
def test_of_all_last_characters_exactly_one_makes_a_uscc(body: str, data: st.DataObject) -> None:
    accepted = [character for character in USCC_ALPHABET if _passes(uscc, body + character)]
    assert len(accepted) == 1
    position = data.draw(st.integers(0, 15))
    swapped = body[:position] + body[position + 1] + body[position] + body[position + 2 :]
    assert _passes(uscc, swapped + accepted[0]) is (swapped == body), "swapped neighbours are found too"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "WRONG_LENGTH"),
        (USCC[:-1], "WRONG_LENGTH"),
        (USCC + " ", "WRONG_LENGTH"),
        (USCC.lower(), "WRONG_ALPHABET"),
        (USCC.replace("9", "\N{FULLWIDTH DIGIT NINE}"), "WRONG_ALPHABET"),
        ("O" + USCC[1:], "WRONG_ALPHABET"),
        (" " + USCC[1:], "WRONG_ALPHABET"),
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
        ("ABCDGX", "WRONG_LENGTH_CODE"),
        ("ABCD0X", "WRONG_LENGTH_CODE"),
        ("ABCD2X", "LENGTH_CODE_MISMATCH"),
        ("ABID1X", "WRONG_ALPHABET"),
        ("abcd1x", "WRONG_ALPHABET"),
        ("ABCD\N{FULLWIDTH DIGIT ONE}X", "WRONG_ALPHABET"),
    ],
)
def test_a_wrong_serial_is_refused_with_its_reason(text: str, reason: str) -> None:
    assert reason_of(cta_2063a_serial, text) == reason


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("1581F5BKD2370ABC0001", None),
        ("1581F5BKD2370ABC000", "WRONG_LENGTH"),
        ("1581F5BKD2370ABC000O", "WRONG_ALPHABET"),
        ("1581F5BKD2370ABC000\N{FULLWIDTH DIGIT ONE}", "WRONG_ALPHABET"),
    ],
)
def test_a_product_id_is_twenty_characters_without_i_and_o(text: str, reason: str | None) -> None:
    if reason is None:
        assert gbt_41300_product_id(text) == text
    else:
        assert reason_of(gbt_41300_product_id, text) == reason


@pytest.mark.parametrize("check", [eu_operator_number, uscc, cta_2063a_serial, gbt_41300_product_id])
@given(text=st.text(max_size=24))
def test_any_text_is_accepted_or_refused_and_never_breaks_the_check(check: Callable[[str], str], text: str) -> None:
    _passes(check, text)


def _passes(check: Callable[[str], str], text: str) -> bool:
    try:
        check(text)
    except MalformedIdentifier:
        return False
    return True
