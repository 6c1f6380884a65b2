"""What the shipped rules ask of flights."""

from __future__ import annotations

import pytest

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.registration.v1 import aircraft_pb2, operators_pb2
from lowsky.jurisdictions import flight_rules
from lowsky.jurisdictions.flight_rules import Flight, Needs, RuleSets, needs_of

RULES = RuleSets.read("CHN")


def needs(*countries: str, **facts: object) -> Needs:
    usual = {"commercial": False, "operator_kind": "ENTERPRISE", "category": "MICRO", "max_takeoff_mass_kg": 0.3}
    return needs_of(RULES.of_countries(countries), Flight(**{**usual, "mode": "VLOS", **facts}))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "enum", "prefix"),
    [
        (flight_rules.OPERATOR_KINDS, operators_pb2.Operator.Kind, "KIND_"),
        (flight_rules.CATEGORIES, aircraft_pb2.Aircraft.Category, "CATEGORY_"),
        (flight_rules.MODES, pb.FlightPlan.Mode, "MODE_"),
        (flight_rules.PURPOSES, pb.FlightPlan.Purpose, "PURPOSE_"),
        (flight_rules.SPECIAL_ACTIVITIES, pb.SpecialActivity, "SPECIAL_ACTIVITY_"),
    ],
)
def test_the_values_that_rules_know_are_those_of_the_contract(
    values: frozenset[str], enum: object, prefix: str
) -> None:
    assert values == {name.removeprefix(prefix) for name, _ in enum.items()} - {"UNSPECIFIED"}  # type: ignore[attr-defined]


def test_the_contents_that_rules_know_are_fields_of_a_plan() -> None:
    assert {field.name for field in pb.FlightPlan.DESCRIPTOR.fields} >= flight_rules.CONTENTS


@pytest.mark.parametrize(
    ("commercial", "category", "insured"),
    [
        (False, "MICRO", False),
        (False, "LIGHT", False),
        (False, "SMALL", True),
        (False, "MEDIUM", True),
        (False, "LARGE", True),
        (True, "MICRO", True),
        (False, "", True),
        (None, "MICRO", True),
    ],
)
def test_china_asks_commercial_flights_and_small_aircraft_and_up_for_insurance(
    commercial: bool | None, category: str, insured: bool
) -> None:
    assert bool(needs("CHN", commercial=commercial, category=category).insurance) is insured


@pytest.mark.parametrize(
    ("kind", "category", "certified"),
    [
        ("ENTERPRISE", "MICRO", False),
        ("ENTERPRISE", "LIGHT", True),
        ("PUBLIC_BODY", "LARGE", True),
        ("NATURAL_PERSON", "LARGE", False),
        ("", "LIGHT", True),
    ],
)
def test_china_asks_organisations_with_anything_but_micro_aircraft_for_a_certificate(
    kind: str, category: str, certified: bool
) -> None:
    assert bool(needs("CHN", operator_kind=kind, category=category).certificate) is certified


@pytest.mark.parametrize(("mass_kg", "insured"), [(19.9, False), (20.0, True), (None, True)])
def test_the_union_asks_for_insurance_from_twenty_kilograms_on(mass_kg: float | None, insured: bool) -> None:
    assert bool(needs("FRA", max_takeoff_mass_kg=mass_kg).insurance) is insured


def test_the_union_asks_for_what_annex_iv_lists() -> None:
    ((law, contents),) = needs("FRA", "DEU").contents
    assert law.jurisdiction == "EU"
    assert {content.field for content in contents} == {
        "identification_technologies",
        "connectivity_methods",
        "endurance",
        "lost_link_procedure",
    }


@pytest.mark.parametrize("mode", ["VLOS", "BVLOS"])
def test_china_asks_for_what_article_27_lists_of_flights_in_either_mode(mode: str) -> None:
    assert {content.field for _, contents in needs("CHN", mode=mode).contents for content in contents} == {
        "alternate_landing_sites",
        "communications",
        "command_links",
        "identification_technologies",
        "emergency_procedure",
    }


def test_a_flight_over_two_jurisdictions_needs_what_both_ask_for() -> None:
    both = needs("CHN", "POL", commercial=True)
    assert [rule.jurisdiction for rule in both.insurance] == ["CHN", "EU"]
    assert [law.jurisdiction for law, _ in both.contents] == ["CHN", "EU"]


@pytest.mark.parametrize("countries", [[], ["USA"], [""]])
def test_where_no_country_has_rules_those_of_the_installation_hold(countries: list[str]) -> None:
    assert [law.jurisdiction for law in RuleSets.read("EU").of_countries(countries)] == ["EU"]
