"""Files of rules are read strictly: each error names file and key."""

from __future__ import annotations

from pathlib import Path

import pytest

from lowsky.jurisdictions.flight_rules import FILE, Flight, RuleSets, needs_of
from lowsky.jurisdictions.rule_files import InvalidRules, documents, members

GOOD = """
title = "Ruritania"
[insurance]
source = "Drone Act, § 1"
verified = true
flights = "commercial flights"
when = [{ commercial = true }]
[[contents]]
field = "endurance"
add = "the endurance"
source = "Drone Act, § 2"
verified = false
flights = "flights beyond sight"
when = [{ modes = ["BVLOS"], categories = ["LARGE"] }, { special_activities = ["SWARM"] }]
"""


def folder(tmp_path: Path, text: str, code: str = "CHE", name: str = FILE) -> Path:
    (tmp_path / code).mkdir(exist_ok=True)
    (tmp_path / code / name).write_text(text)
    return tmp_path


@pytest.mark.parametrize(
    ("good", "bad", "where"),
    [
        ('title = "Ruritania"', 'titel = "Ruritania"', "title: is missing"),
        ('title = "Ruritania"', 'title = "Ruritania"\nmood = 1', "mood: is not a known key"),
        ("verified = true", 'verified = "yes"', "insurance: verified: must be true or false"),
        ("verified = true\n", "", "insurance: verified: is missing"),
        ('source = "Drone Act, § 1"', 'source = " "', "insurance: source: must be a text"),
        ("commercial = true", "comercial = true", "insurance: when[0]: comercial: is not a known key"),
        ("when = [{ commercial = true }]", "when = []", "insurance: when: holds never"),
        ("when = [{ commercial = true }]", "when = 3", "insurance: when: must be a list"),
        ('"BVLOS"', '"BLOS"', "contents[0]: when[0]: modes: BLOS is none of"),
        ('["LARGE"]', "[]", "contents[0]: when[0]: categories: must be a list of different texts"),
        ('["SWARM"]', '["SWARM", "SWARM"]', "contents[0]: when[1]: special_activities: must be a list of different"),
        ('["SWARM"]', '["SWARM", 5]', "contents[0]: when[1]: special_activities: must be a list of different"),
        ('field = "endurance"', 'field = "colour"', "contents[0]: field: colour is none of"),
        ("[insurance]", "[insurance", "flights.toml: "),
    ],
)
def test_a_file_at_fault_is_refused_by_file_and_key(tmp_path: Path, good: str, bad: str, where: str) -> None:
    RuleSets.read("CHE", folder(tmp_path, GOOD))
    with pytest.raises(InvalidRules, match="CHE") as refused:
        RuleSets.read("CHE", folder(tmp_path, GOOD.replace(good, bad, 1)))
    assert where in str(refused.value)


def test_an_installation_without_rules_of_its_own_is_refused() -> None:
    with pytest.raises(InvalidRules, match="LOWSKY_JURISDICTION: there are no rules for XXX"):
        RuleSets.read("XXX")


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRules, match="nowhere"):
        RuleSets.read("CHN", tmp_path / "nowhere")


def test_a_folder_that_is_no_jurisdiction_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidRules, match="neither an ISO 3166-1 alpha-3 code nor EU"):
        RuleSets.read("CHN", folder(tmp_path, GOOD, code="china"))


def test_an_installations_file_takes_the_place_of_the_shipped_one_and_the_others_stay(tmp_path: Path) -> None:
    rules = RuleSets.read("CHN", folder(tmp_path, GOOD, code="CHN"))
    assert rules.of_country("CHN").title == "Ruritania"
    assert rules.of_country("DEU").title == "European Union"


def test_a_country_with_a_file_of_its_own_is_not_spoken_for_by_its_union(tmp_path: Path) -> None:
    assert RuleSets.read("CHN").of_country("CHE").jurisdiction == "EU"
    assert RuleSets.read("CHN", folder(tmp_path, GOOD)).of_country("CHE").jurisdiction == "CHE"


def test_two_unions_cannot_claim_one_country(tmp_path: Path) -> None:
    claim = 'source = "s"\nverified = true\ncountries = ["FRA"]\n'
    with pytest.raises(InvalidRules, match="FRA is a member of EU already"):
        members(folder(tmp_path, claim, code="XX", name="members.toml"))


def test_every_shipped_file_is_read_and_each_rule_has_a_source() -> None:
    assert set(documents(FILE)) == {"CHN", "EU"}
    for code in ("CHN", "EU"):
        law = RuleSets.read(code).of_country(code)
        stated = [law.insurance, law.certificate, *(content.requirement for content in law.contents)]
        assert all(rule and rule.source.text and rule.flights for rule in stated)


def test_the_cases_of_a_rule_are_alternatives_and_the_conditions_of_a_case_hold_together(tmp_path: Path) -> None:
    law = RuleSets.read("CHE", folder(tmp_path, GOOD)).of_countries(["CHE"])

    def asked(**facts: object) -> bool:
        flight = Flight(**{"commercial": False, "mode": "VLOS", "category": "SMALL", **facts})  # type: ignore[arg-type]
        return bool(needs_of(law, flight).contents)

    assert not asked()
    assert not asked(mode="BVLOS")
    assert not asked(category="LARGE")
    assert asked(mode="BVLOS", category="LARGE")
    assert asked(mode="BVLOS", category="")  # what is not known waives nothing
    assert asked(special_activities=frozenset({"SWARM", "OVER_CROWDS"}))
    assert not asked(special_activities=frozenset({"OVER_CROWDS"}))
