from datetime import timedelta

import pytest

from lowsky.errors import Precondition
from lowsky.findings.finding import Finding, Rule, Severity
from lowsky.flightplans.checks.validity import (
    AircraftStanding,
    Horizon,
    OperatorStanding,
    performance,
    require_entitled,
    require_in_time,
    require_standing,
)
from lowsky.flightplans.domain.proposal import Proposal
from lowsky.geo.heights.altitude import Datum
from lowsky.priority import Priority
from tests.unit.flightplans.flights import (
    DRONE,
    NOW,
    OPERATOR,
    band,
    box_volume,
    proposal,
    square,
    trajectory,
)

FIT = AircraftStanding(active=True, max_speed_mps=20, max_height_m=120)
VERIFIED = OperatorStanding("VERIFIED", None)


@pytest.mark.parametrize(
    ("ahead", "reason"),
    [
        (timedelta(seconds=-5.001), "START_IN_PAST"),
        (timedelta(seconds=-5), None),  # a client's clock may be a little behind
        (timedelta(0), None),
        (timedelta(days=30), None),
        (timedelta(days=30, microseconds=1), "START_TOO_FAR_AHEAD"),
    ],
)
def test_a_flight_that_meets_no_authority_starts_between_now_and_thirty_days_ahead(
    ahead: timedelta, reason: str | None
) -> None:
    if reason is None:
        require_in_time(NOW + ahead, NOW, Horizon())
        return
    with pytest.raises(Precondition) as refused:
        require_in_time(NOW + ahead, NOW, Horizon())
    assert refused.value.reason == reason
    assert [violation.field for violation in refused.value.fields] == ["flight_plan"]


def test_a_flight_too_far_ahead_hears_which_authority_says_so_and_when_it_may_be_at_the_latest() -> None:
    horizon = Horizon(timedelta(days=90), "authorities/tower", "The tower")
    require_in_time(NOW + timedelta(days=90), NOW, horizon)
    with pytest.raises(Precondition) as refused:
        require_in_time(NOW + timedelta(days=90, seconds=1), NOW, horizon)
    latest = (NOW + timedelta(days=90)).isoformat()
    assert refused.value.metadata == {"authority": "authorities/tower", "latest": latest}
    assert "The tower" in refused.value.message
    assert latest in refused.value.message


def standing(operator: OperatorStanding | None, aircraft: AircraftStanding | None, name: str = DRONE) -> str | None:
    try:
        require_standing(OPERATOR, name, operator, aircraft)
    except Precondition as refused:
        return refused.reason
    return None


@pytest.mark.parametrize(
    ("operator", "aircraft", "name", "reason"),
    [
        (VERIFIED, FIT, DRONE, None),
        (None, FIT, DRONE, "OPERATOR_UNKNOWN"),
        (OperatorStanding("APPLIED", None), FIT, DRONE, "OPERATOR_NOT_IN_GOOD_STANDING"),
        (OperatorStanding("SUSPENDED", None), FIT, DRONE, "OPERATOR_NOT_IN_GOOD_STANDING"),
        (OperatorStanding("DEREGISTERED", None), FIT, DRONE, "OPERATOR_NOT_IN_GOOD_STANDING"),
        (VERIFIED, None, DRONE, "AIRCRAFT_UNKNOWN"),
        (VERIFIED, FIT, "operators/o2/aircraft/a1", "AIRCRAFT_UNKNOWN"),
        (VERIFIED, FIT, "operators/o12/aircraft/a1", "AIRCRAFT_UNKNOWN"),  # a name that only begins alike
        (VERIFIED, AircraftStanding(False, 20, None), DRONE, "AIRCRAFT_RETIRED"),
    ],
)
def test_only_a_verified_operator_with_an_active_aircraft_of_its_own_may_fly(
    operator: OperatorStanding | None, aircraft: AircraftStanding | None, name: str, reason: str | None
) -> None:
    assert standing(operator, aircraft, name) == reason


def entitled(priority: Priority, priority_max: Priority) -> bool:
    try:
        require_entitled(priority, OperatorStanding("VERIFIED", None, priority_max))
    except Precondition as refused:
        assert (refused.reason, refused.metadata) == ("PRIORITY_NOT_ENTITLED", {"priority_max": priority_max.name})
        assert [violation.field for violation in refused.fields] == ["flight_plan.priority"]
        return False
    return True


@pytest.mark.parametrize("priority_max", Priority)
def test_a_flight_claims_no_more_than_its_operator_is_entitled_to(priority_max: Priority) -> None:
    assert [priority for priority in Priority if entitled(priority, priority_max)] == list(Priority)[: priority_max + 1]


def test_an_operator_that_is_not_known_is_entitled_to_nothing() -> None:
    require_entitled(Priority.ORDINARY, None)
    with pytest.raises(Precondition) as refused:
        require_entitled(Priority.PUBLIC_SERVICE, None)
    assert refused.value.metadata == {"priority_max": "ORDINARY"}


def found(asked: Proposal, aircraft: AircraftStanding = FIT, flight_s: float = 60) -> list[Finding]:
    return list(performance(asked, aircraft, flight_s))


# A leg of 0.01 degrees of longitude on the equator is 1 113.195 m.
@pytest.mark.parametrize(("leg_s", "too_fast"), [(1_113.195 / 22 - 0.01, True), (1_113.195 / 22 + 0.01, False)])
def test_a_leg_may_be_a_tenth_faster_than_the_aircraft(leg_s: float, too_fast: bool) -> None:
    flight = trajectory((113.0, 0.0), (113.01, 0.0), leg_s=leg_s)
    findings = found(proposal(flight))
    assert [(finding.rule, finding.severity) for finding in findings] == [
        (Rule.SPEED_EXCEEDS_AIRCRAFT, Severity.BLOCKING)
    ] * too_fast
    assert all("Leg 1 needs 22.0 m/s" in finding.message for finding in findings)


def test_a_leg_that_takes_no_time_is_too_fast_and_hovering_is_not() -> None:
    jump = trajectory((113.0, 0.0), (113.01, 0.0), leg_s=0, around_s=10)
    assert [finding.volumes for finding in found(proposal(jump))] == [(0,)]
    assert found(proposal(trajectory((113.0, 0.0), (113.0, 0.0), leg_s=0, around_s=10))) == []


@pytest.mark.parametrize(("endurance_s", "exceeded"), [(599, True), (600, False), (None, False)])
def test_a_flight_fits_the_endurance(endurance_s: float | None, exceeded: bool) -> None:
    volume = box_volume(square((113.0, 22.0)), band(0, 50))
    findings = found(proposal((volume,), endurance_s=endurance_s), flight_s=600)
    assert [finding.rule for finding in findings] == [Rule.ENDURANCE_EXCEEDED] * exceeded


@pytest.mark.parametrize(
    ("heights", "datum", "legs"),
    [
        ([120, 120, 120], Datum.AGL, None),
        ([120, 120.5, 120], Datum.AGL, (1,)),
        ([100, 100, 121], Datum.AGL, (1,)),  # the last waypoint ends the last leg
        ([500, 500, 500], Datum.AMSL, None),  # nobody can tell
    ],
)
def test_waypoints_lie_within_the_aircrafts_height(heights: list[float], datum: Datum, legs: tuple[int, ...]) -> None:
    flight = trajectory((113.0, 0.0), (113.001, 0.0), (113.002, 0.0), height_m=heights, datum=datum)
    findings = found(proposal(flight))
    assert [(finding.rule, finding.volumes) for finding in findings] == (
        [(Rule.HEIGHT_EXCEEDS_AIRCRAFT, legs)] if legs else []
    )
    assert found(proposal(flight), AircraftStanding(True, 20, None)) == []
