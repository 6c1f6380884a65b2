"""Schemes as data: what breaks a rule is refused when it is loaded, with file and key."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from lowsky.jurisdictions.rule_files import InvalidRules, Table
from lowsky.registration.identifiers.identifier import MalformedIdentifier
from lowsky.registration.identifiers.schemes import load, schemes_from

GOOD = """
[[schemes]]
id = "xx-number"
title = "A number"
holders = ["enterprise"]
patterns = ['(?P<body>[0-9]{8})(?P<check>[0-9X])']
form = "8 digits and a check character"
example = "715267267"
source = "A standard, clause 1"
verified = false
[[schemes.checks]]
algorithm = "member"
over = ["body"]
members = ["71526726", "12345678"]
message = "not issued"
"""


def table(jurisdiction: str, text: str) -> Table:
    return Table(f"{jurisdiction}/identifiers.toml", tomllib.loads(text))


def loaded(text: str) -> Any:
    return schemes_from({"XXX": table("XXX", text)})


def test_the_starter_set_is_there_and_each_scheme_accepts_its_own_example() -> None:
    schemes = load(bytes(32))
    wanted = {"eu-operator-number", "cn-uscc", "cn-real-name-registration", "cn-resident-id", "cta-2063-a", "gbt-41300"}
    assert wanted | {"manufacturer-serial", "us-registration-mark", "gb-operator-id"} <= {s.id for s in schemes.all()}
    for scheme in schemes.all():
        assert scheme.accepts(scheme.example), scheme.id
        assert scheme.source
        schemes.stored(scheme, scheme.example)


def test_a_scheme_of_another_jurisdiction_is_a_table_in_a_file() -> None:
    schemes = loaded(GOOD)
    scheme = schemes.get("xx-number")
    assert schemes.stored(scheme, "123456780").value == "123456780"
    with pytest.raises(MalformedIdentifier) as refused:
        schemes.stored(scheme, "876543210")
    assert (refused.value.reason, refused.value.message) == ("UNKNOWN_CODE", "not issued")


@pytest.mark.parametrize(
    ("was", "is_", "key"),
    [
        ('title = "A number"', "", "xx-number.title"),
        ('title = "A number"', 'title = ""', "xx-number.title"),
        ('title = "A number"', 'titel = "A number"', "xx-number.title"),
        ('["enterprise"]', '["company"]', "xx-number.holders"),
        ('["enterprise"]', "[]", "xx-number.holders"),
        ('["enterprise"]', '["enterprise", "aircraft"]', "xx-number.holders"),
        ("[0-9]{8}", "[0-9]+", "xx-number.patterns"),
        ("verified = false", 'verified = "no"', "xx-number.verified"),
        ("verified = false", "", "xx-number.verified"),
        ("verified = false", "verified = false\nairframe = true", "xx-number.airframe"),
        ("verified = false", 'verified = false\nunique_within = "manufacturer"', "xx-number.unique_within"),
        ("verified = false", 'verified = false\nunique_within = "country"', "xx-number.unique_within"),
        ("verified = false", 'verified = false\nkept = ["base"]', "xx-number.kept"),
        ("verified = false", 'verified = false\nkept = ["body"]\nkeyed_hash = true', "xx-number.kept"),
        ("verified = false", 'verified = false\nunless = ["yy"]', "xx-number.unless"),
        ('"715267267"', '"815267267"', "xx-number.example"),
        ('over = ["body"]', 'over = ["base"]', "xx-number.checks[0].over"),
        ('members = ["71526726", "12345678"]', "members = []", "xx-number.checks[0].members"),
        ('title = "A number"', 'title = "A number"\ncolour = 1', "xx-number.colour"),
        ('members = ["71526726", "12345678"]', 'members = ["1", "1"]', "xx-number.checks[0].members"),
        ('algorithm = "member"', 'algorithm = "md5"', "xx-number.checks[0].algorithm"),
        ('algorithm = "member"', 'algorithm = "gb-11714"\nagainst = "last"', "xx-number.checks[0].against"),
        ('message = "not issued"', "", "xx-number.checks[0].message"),
        ('message = "not issued"', 'message = "x"\nmore = 1', "xx-number.checks[0].more"),
        ("xx-number", "XX", "xx-number.id"),
        ("xx-number", "x-", "xx-number.id"),
    ],
)
def test_what_breaks_a_rule_is_refused_with_its_key(was: str, is_: str, key: str) -> None:
    assert was in GOOD
    with pytest.raises(InvalidRules) as refused:
        loaded(GOOD.replace(was, is_))
    where = key.replace("xx-number", "schemes[0]").replace(".", ": ")
    assert str(refused.value).startswith(f"XXX/identifiers.toml: {where}: ")


def test_an_algorithm_gets_only_what_it_can_work_on() -> None:
    checked = GOOD.replace('algorithm = "member"', 'algorithm = "gb-11714"\nagainst = "check"')
    checked = checked.replace("715267267", "71526726X").replace('members = ["71526726", "12345678"]', "")
    loaded(checked)
    for pattern in ("[0-9a-z]{8}", "[0-9]{7}", "[0-9]{8,9}"):
        with pytest.raises(InvalidRules) as refused:
            loaded(checked.replace("[0-9]{8}", pattern))
        assert "checks[0]: over: " in str(refused.value)


def test_numbers_of_aircraft_are_kept_as_a_whole() -> None:
    aircraft = GOOD.replace('"enterprise"', '"aircraft"').replace(
        "verified = false", "verified = false\nkeyed_hash = true"
    )
    with pytest.raises(InvalidRules) as refused:
        loaded(aircraft)
    assert "schemes[0]: kept: " in str(refused.value)


def test_one_id_is_one_scheme_over_all_jurisdictions() -> None:
    with pytest.raises(InvalidRules, match="another scheme"):
        schemes_from({"XXX": table("XXX", GOOD), "YYY": table("YYY", GOOD)})


def test_a_file_of_the_installations_own_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "CHN").mkdir()
    (tmp_path / "CHN" / "identifiers.toml").write_text(GOOD)
    schemes = {scheme.id: scheme.jurisdiction for scheme in load(folder=tmp_path).all()}
    assert schemes["xx-number"] == "CHN"
    assert "cn-uscc" not in schemes
    assert "eu-operator-number" in schemes


@pytest.mark.parametrize("content", [b"[x", b"\xff\xfe", b"[schema]"])
def test_a_file_that_cannot_be_read_is_refused_with_its_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "XXX").mkdir()
    (tmp_path / "XXX" / "identifiers.toml").write_bytes(content)
    with pytest.raises(InvalidRules, match=r"XXX/identifiers\.toml"):
        load(folder=tmp_path)
