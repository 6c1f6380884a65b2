"""What the law asks of a flight, where it flies."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from lowsky.errors import Precondition
from lowsky.findings.finding import Rule, Severity
from lowsky.flightplans.checks.law import missing_contents, require_documents
from lowsky.flightplans.checks.validity import AircraftStanding, Horizon, OperatorStanding
from lowsky.flightplans.projections.applicable_law import Law
from lowsky.flightplans.projections.areas import Areas, KnownAuthority
from lowsky.geo.heights.altitude import ANYWHERE
from lowsky.geo.zones.geozone import Restriction
from lowsky.geofence.areas import AreaIndex, StatedArea
from lowsky.geofence.assessing import survey
from lowsky.geofence.flight_volumes import draw
from lowsky.jurisdictions.flight_rules import CONTENTS, SPECIAL_ACTIVITIES, Needs, RuleSets
from tests.unit.flightplans.flights import OPERATOR, PARK, PORT, START, TOWER, index, proposal, square, trajectory, zone

END = START + timedelta(minutes=10)
HERE, BESIDE = (113.0, 22.0), (113.01, 22.0)
FLIGHT = proposal(trajectory(HERE, BESIDE))
SMALL = AircraftStanding(True, 20, None, "SMALL", 14.0)


def law(**countries: tuple[str, int]) -> Law:
    areas = Areas()
    for name, (country, days) in countries.items():
        areas.learn(f"authorities/{name}", KnownAuthority(name.title(), country, days), None)
    return Law(RuleSets.read("CHN"), areas)


def needs(*authorities: str, **fields: object) -> Needs:
    known = law(tower=("CHN", 30), port=("NLD", 90))
    company = OperatorStanding("VERIFIED", None, kind="ENTERPRISE")
    return known.needs(authorities, proposal(FLIGHT.airspace, **fields), company, SMALL)


def refused(needs: Needs, **stated: object) -> tuple[str, list[str], str] | None:
    standing = OperatorStanding(**{"state": "VERIFIED", "insurance_expire_time": None, **stated})  # type: ignore[arg-type]
    try:
        require_documents(OPERATOR, standing, needs, END)
    except Precondition as refusal:
        assert {field.field for field in refusal.fields} == {"parent"}
        return refusal.reason, [field.reason for field in refusal.fields], refusal.message
    return None


JUST_BEFORE = END - timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("insured_until", "certified", "certified_until", "reasons"),
    [
        (None, False, None, ["INSURANCE_MISSING", "CERTIFICATE_MISSING"]),
        (END, False, None, ["CERTIFICATE_MISSING"]),
        (JUST_BEFORE, True, None, ["INSURANCE_EXPIRED"]),
        (END, True, JUST_BEFORE, ["CERTIFICATE_EXPIRED"]),
        (JUST_BEFORE, True, JUST_BEFORE, ["INSURANCE_EXPIRED", "CERTIFICATE_EXPIRED"]),
        (END, True, END, []),
        (END, True, None, []),
    ],
)
def test_what_is_missing_or_ends_before_the_flight_is_named_all_at_once(
    insured_until: datetime | None, certified: bool, certified_until: datetime | None, reasons: list[str]
) -> None:
    answer = refused(
        needs(TOWER),
        insurance_expire_time=insured_until,
        certified=certified,
        certificate_expire_time=certified_until,
    )
    assert (answer[:2] if answer else None) == ((reasons[0], reasons) if reasons else None)
    assert answer is None or "Interim Regulation, Art. 1" in answer[2]


def test_a_flight_that_needs_no_documents_is_not_refused_for_the_want_of_them() -> None:
    known = law(tower=("CHN", 30))
    person = OperatorStanding("VERIFIED", None, kind="NATURAL_PERSON")
    micro = AircraftStanding(True, 20, None, "MICRO", 0.2)
    asked = known.needs([TOWER], proposal(FLIGHT.airspace, commercial=False), person, micro)
    assert refused(asked) is None
    assert refused(known.needs([TOWER], FLIGHT, person, micro)) is not None  # a commercial one is


def test_missing_contents_reject_the_plan_with_the_fields_the_source_and_what_to_add() -> None:
    (finding,) = missing_contents(FLIGHT, needs(TOWER))
    assert (finding.rule, finding.severity) == (Rule.CONTENT_MISSING, Severity.BLOCKING)
    assert set(finding.fields) == {
        "alternate_landing_sites",
        "communications",
        "command_links",
        "identification_technologies",
        "emergency_procedure",
    }
    assert "Interim Regulation, Art. 27" in finding.message
    assert "at least one alternate landing site (alternate_landing_sites)" in finding.message


def test_each_law_that_holds_asks_for_its_own_contents_and_for_none_that_are_stated() -> None:
    stated = CONTENTS - {"endurance", "command_links"}
    over_both = needs(TOWER, PORT, stated=stated)
    found = list(missing_contents(proposal(FLIGHT.airspace, stated=stated), over_both))
    assert [(finding.subject_title, finding.fields) for finding in found] == [
        ("the law of China", ("command_links",)),
        ("the law of European Union", ("endurance",)),
    ]
    assert list(missing_contents(proposal(FLIGHT.airspace, stated=CONTENTS), over_both)) == []


@pytest.mark.parametrize("authorities", [(), ("authorities/unheard-of",)])
def test_where_no_known_authority_is_met_the_law_of_the_installation_holds(authorities: tuple[str, ...]) -> None:
    assert [one.jurisdiction for one, _ in needs(*authorities).contents] == ["CHN"]


def test_an_authority_that_is_not_known_adds_the_law_of_the_installation_to_the_others() -> None:
    assert [one.jurisdiction for one, _ in needs(PORT, "authorities/unheard-of").contents] == ["CHN", "EU"]


def test_the_nearest_horizon_of_the_authorities_met_holds() -> None:
    known = law(tower=("CHN", 60), port=("CHN", 90))
    assert known.horizon([TOWER, PORT]) == Horizon(timedelta(days=60), TOWER, "Tower")
    assert known.horizon([PORT]).ahead == timedelta(days=90)
    assert known.horizon([]) == known.horizon(["authorities/unheard-of"]) == Horizon(timedelta(days=30))


def test_a_flight_meets_authorities_by_their_areas_and_by_the_zones_that_it_enters() -> None:
    areas = AreaIndex([StatedArea(TOWER, "Tower", square(HERE)), StatedArea(PORT, "Port", square((114.0, 22.0)))])
    zones = index(
        zone(square(HERE), Restriction.NO_RESTRICTION, name="geozones/d.a", publisher=PARK),
        zone(square(HERE), Restriction.CONDITIONAL, name="geozones/d.b", notified=["authorities/rail", None]),
        zone(square((114.0, 22.0)), name="geozones/d.c", deciding=["authorities/far"]),
    )
    flights = [
        trajectory(HERE, BESIDE),
        trajectory((115.0, 22.0), (115.01, 22.0)),
        trajectory((114.0, 22.0), (114.001, 22.0)),
    ]
    met = survey(zones, areas, draw(flights, ANYWHERE, "f").volumes, 3).authorities
    assert met == [{TOWER, PARK, "authorities/rail"}, frozenset(), {PORT, "authorities/far"}]


@pytest.mark.parametrize(
    ("category", "activities", "asked"),
    [
        ("SMALL", (), []),
        ("MICRO", (), []),
        ("MEDIUM", (), ["authorities/tower"]),
        ("LARGE", (), ["authorities/tower"]),
        ("", (), ["authorities/tower"]),  # not known is not small
        *(("LIGHT", (activity,), ["authorities/tower"]) for activity in sorted(SPECIAL_ACTIVITIES)),
    ],
)
def test_what_the_law_exempts_from_no_application_asks_the_authority_whose_area_it_is(
    category: str, activities: tuple[str, ...], asked: list[str]
) -> None:
    areas = {"authorities/tower": "The Tower", "authorities/port": "The Port"}  # China and the Netherlands
    flight = proposal(FLIGHT.airspace, special_activities=frozenset(activities))
    company = OperatorStanding("VERIFIED", None, kind="ENTERPRISE")
    found = law(tower=("CHN", 30), port=("NLD", 90)).applications(
        areas, flight, company, AircraftStanding(True, 20, None, category, 14.0)
    )
    assert [one.subject for one in found] == asked
    for one in found:
        assert (one.rule, one.severity, one.deciding) == (
            Rule.APPLICATION_REQUIRED,
            Severity.AUTHORIZATION,
            (one.subject,),
        )
        assert "The Tower must approve" in one.message
        assert "Art. 26 and 31" in one.message


def test_the_areas_of_a_flight_are_those_whose_ground_it_may_share() -> None:
    areas = AreaIndex(
        [
            StatedArea(TOWER, "The Tower", square(HERE)),
            StatedArea(PORT, "The Port", square((113.5, 22.0))),
        ]
    )
    drawn = draw([FLIGHT.airspace], ANYWHERE, "flight_plan.trajectory")
    assert survey(index(), areas, drawn.volumes, 1).areas == [{TOWER: "The Tower"}]
