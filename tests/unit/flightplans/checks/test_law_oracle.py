"""What rules as data ask of every kind of flight is what the law says, written out once more."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from lowsky.errors import Precondition
from lowsky.flightplans.checks.law import require_documents
from lowsky.flightplans.checks.validity import OperatorStanding
from lowsky.jurisdictions.flight_rules import (
    CATEGORIES,
    OPERATOR_KINDS,
    SPECIAL_ACTIVITIES,
    Flight,
    Needs,
    RuleSets,
    needs_of,
)
from tests.oracle.law import Asked, Facts, china, documents_missing, union

RULES = RuleSets.read("CHN")
END = datetime(2026, 6, 1, 12, tzinfo=UTC)
LEAST = timedelta(microseconds=1)
UNTIL = (None, END - LEAST, END, END + LEAST)
ACTIVITIES = [frozenset[str](), *(frozenset({one}) for one in sorted(SPECIAL_ACTIVITIES)), SPECIAL_ACTIVITIES]


def kinds_of_flights() -> Iterator[Facts]:
    for facts in itertools.product(
        (None, False, True),
        ("", *sorted(OPERATOR_KINDS)),
        ("", *sorted(CATEGORIES)),
        (None, 19.999, 20.0, 24.999, 25.0),
        ("", "VLOS", "BVLOS"),
        ACTIVITIES,
    ):
        yield Facts(*facts)


def flight_of(facts: Facts) -> Flight:
    return Flight(
        commercial=facts.commercial,
        operator_kind=facts.operator_kind,
        category=facts.category,
        max_takeoff_mass_kg=facts.mass_kg,
        mode=facts.mode,
        special_activities=facts.activities,
    )


@pytest.mark.parametrize(("country", "law"), [("CHN", china), ("FRA", union)])
def test_every_kind_of_flight_is_asked_for_what_the_law_says(country: str, law: object) -> None:
    rules = RULES.of_countries([country])
    for facts in kinds_of_flights():
        flight = flight_of(facts)
        needs = needs_of(rules, flight)
        application = rules[0].application
        found = Asked(
            insurance=bool(needs.insurance),
            certificate=bool(needs.certificate),
            application=application is not None and application.holds(flight),
            contents=frozenset(content.field for _, contents in needs.contents for content in contents),
        )
        assert found == law(facts), facts  # type: ignore[operator]


def refused(needs: Needs, standing: OperatorStanding) -> set[str]:
    try:
        require_documents("operators/a", standing, needs, END)
    except Precondition as error:
        return {violation.reason for violation in error.fields}
    return set()


@pytest.mark.parametrize("insured_until", UNTIL)
@pytest.mark.parametrize("certified", [False, True])
@pytest.mark.parametrize("certified_until", UNTIL)
def test_documents_are_valid_to_the_last_microsecond_of_the_flight(
    insured_until: datetime | None, certified: bool, certified_until: datetime | None
) -> None:
    standing = OperatorStanding(
        state="VERIFIED",
        insurance_expire_time=insured_until,
        certified=certified,
        certificate_expire_time=certified_until if certified else None,
    )
    insured_until_s = insured_until.timestamp() if insured_until else None
    certified_until_s = certified_until.timestamp() if certified and certified_until else None
    for facts in [
        Facts(c, "ENTERPRISE", k, 0.2, "VLOS", frozenset()) for c in (False, True) for k in ("MICRO", "SMALL")
    ]:
        asked = china(facts)
        wanted = {
            "INSURANCE": documents_missing(
                asked.insurance, insured_until is not None, insured_until_s, END.timestamp()
            ),
            "CERTIFICATE": documents_missing(asked.certificate, certified, certified_until_s, END.timestamp()),
        }
        needs = needs_of(RULES.of_countries(["CHN"]), flight_of(facts))
        assert refused(needs, standing) == {f"{what}_{fault}" for what, fault in wanted.items() if fault}, facts
