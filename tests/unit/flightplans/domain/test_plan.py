from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import pytest

from lowsky.errors import IllegalMove, Precondition, StaleEtag
from lowsky.findings.finding import Finding, Rule, Severity, gravest_first
from lowsky.flightplans.config import FlightPlansConfig
from lowsky.flightplans.domain.plan import FINAL, FlightPlan, State
from tests.unit.flightplans.flights import NOW, PARK, PORT, START, TOWER, plan

# Written from the description of the states, not from the code.
LEGAL: Mapping[str, Mapping[State, State]] = {
    # From UNDER_REVIEW too: a plan that a new zone put there hears only then of its case.
    "put under review": {State.SUBMITTED: State.UNDER_REVIEW, State.UNDER_REVIEW: State.UNDER_REVIEW},
    "approve": {State.SUBMITTED: State.APPROVED, State.UNDER_REVIEW: State.APPROVED},
    "reject": {State.SUBMITTED: State.REJECTED, State.UNDER_REVIEW: State.REJECTED},
    # From SUBMITTED too: that the case was opened may have ended among the dead letters.
    "expire": {State.SUBMITTED: State.EXPIRED, State.UNDER_REVIEW: State.EXPIRED},
    "withdraw": {
        State.SUBMITTED: State.WITHDRAWN,
        State.UNDER_REVIEW: State.WITHDRAWN,
        State.APPROVED: State.WITHDRAWN,
    },
    "rescind": {
        State.SUBMITTED: State.REJECTED,
        State.UNDER_REVIEW: State.REJECTED,
        State.APPROVED: State.RESCINDED,
        State.ACTIVATED: State.RESCINDED,
        State.NONCONFORMING: State.RESCINDED,
        State.CONTINGENT: State.RESCINDED,
    },
    "activate": {State.APPROVED: State.ACTIVATED},
    "end": {
        State.ACTIVATED: State.ENDED,
        State.NONCONFORMING: State.ENDED,
        State.CONTINGENT: State.ENDED,
    },
}
MAKE: Mapping[str, Callable[[FlightPlan, datetime], None]] = {
    "put under review": lambda p, now: p.put_under_review("approvals/a", "LS-1", now),
    "approve": lambda p, now: p.approve("approvals/a", "LS-1", "fine", now),
    "reject": lambda p, now: p.reject("approvals/a", "LS-1", "no", now),
    "expire": lambda p, now: p.expire("too late", now),
    "withdraw": lambda p, now: p.withdraw("changed my mind", now),
    "rescind": lambda p, now: p.rescind("a procession", now),
    "activate": lambda p, now: p.activate(now),
    "end": lambda p, now: p.end_flight(now),
}
ALL = [(move, state) for move in LEGAL for state in State]


@pytest.mark.parametrize(("move", "state"), [pair for pair in ALL if pair[1] in LEGAL[pair[0]]])
def test_a_legal_move_goes_where_it_should_and_is_told(move: str, state: State) -> None:
    moved = plan(state)
    MAKE[move](moved, START)
    assert moved.state is LEGAL[move][state]
    assert (moved.version, moved.etag, moved.update_time) == (2, "2", START)
    (happening,) = moved.happened
    assert happening.previous is state


@pytest.mark.parametrize(("move", "state"), [pair for pair in ALL if pair[1] not in LEGAL[pair[0]]])
def test_an_illegal_move_is_refused_and_changes_nothing(move: str, state: State) -> None:
    moved, before = plan(state), plan(state)
    with pytest.raises(IllegalMove) as refused:
        MAKE[move](moved, START)
    assert moved == before
    assert (refused.value.reason, refused.value.metadata["state"]) == ("ILLEGAL_MOVE", state)


@pytest.mark.parametrize("state", sorted(FINAL))
def test_a_finished_plan_never_moves_again(state: State) -> None:
    assert not any(state in legal for legal in LEGAL.values())


@pytest.mark.parametrize(("offset_s", "allowed"), [(-0.001, False), (0, True), (599.999, True), (600, False)])
def test_activation_is_for_the_time_of_the_plan(offset_s: float, allowed: bool) -> None:
    approved = plan(State.APPROVED)
    now = START + timedelta(seconds=offset_s)
    if allowed:
        approved.activate(now)
        assert approved.state is State.ACTIVATED
        return
    with pytest.raises(Precondition) as refused:
        approved.activate(now)
    assert refused.value.reason == "OUTSIDE_TIME_WINDOW"
    assert refused.value.metadata["earliest"] == START.isoformat()
    assert approved.state is State.APPROVED


def test_an_etag_must_be_the_present_one_where_it_is_given() -> None:
    moved = plan(State.APPROVED)
    moved.expect("")
    moved.expect("1")
    moved.activate(START)
    with pytest.raises(StaleEtag):
        moved.expect("1")


def finding(
    severity: Severity, *, volumes: tuple[int, ...] = (0,), subject: str = "geozones/z", **names: object
) -> Finding:
    return Finding(Rule.GEOZONE_AUTHORIZATION, severity, subject, subject, volumes, f"{subject}!", **names)  # type: ignore[arg-type]


def test_a_blocking_finding_rejects_and_says_why() -> None:
    assessed = plan()
    blocking = finding(Severity.BLOCKING, subject="geozones/closed")
    assessed.assess([finding(Severity.AUTHORIZATION), blocking], 7)
    assert (assessed.state, assessed.state_reason) == (State.REJECTED, "geozones/closed!")
    assert (assessed.findings[0], assessed.airspace_revision) == (blocking, 7)
    assert [(h.what, h.previous) for h in assessed.happened] == [("rejected", None)]


@pytest.mark.parametrize("severity", [s for s in Severity if s is not Severity.BLOCKING])
def test_anything_else_waits_for_a_decision(severity: Severity) -> None:
    assessed = plan()
    assessed.assess([finding(severity)], 7)
    assert (assessed.state, assessed.state_reason) == (State.SUBMITTED, "")
    assert [(h.what, h.previous) for h in assessed.happened] == [("submitted", None)]


def test_authorities_are_named_once_and_who_decides_is_not_told_as_well() -> None:
    assessed = plan()
    assessed.assess(
        [
            finding(Severity.AUTHORIZATION, deciding=(TOWER, PORT), notified=(PARK,)),
            finding(Severity.AUTHORIZATION, deciding=(TOWER,), notified=(PORT, PARK)),
        ],
        1,
    )
    assert assessed.deciding_authorities == (TOWER, PORT)
    assert assessed.notified_authorities == (PARK,)


def test_findings_are_read_from_the_gravest_then_along_the_flight() -> None:
    ordered = [
        finding(Severity.BLOCKING, volumes=(5,)),
        finding(Severity.AUTHORIZATION, volumes=(0, 1), subject="geozones/a"),
        finding(Severity.AUTHORIZATION, volumes=(0, 1), subject="geozones/b"),
        finding(Severity.AUTHORIZATION, volumes=(2,)),
        finding(Severity.NOTIFICATION, volumes=(0,)),
        finding(Severity.INFORMATION, volumes=()),
    ]
    assert list(gravest_first(reversed(ordered))) == ordered


def test_a_flight_that_comes_back_into_airspace_that_was_closed_meanwhile_is_rescinded() -> None:
    flight = plan(State.NONCONFORMING)
    closed = Finding(Rule.GEOZONE_PROHIBITED, Severity.BLOCKING, "geozones/new", "New", (0,), "Leg 1 meets New.")
    assert flight.reassess([closed], 2, NOW)
    assert flight.state.name == "NONCONFORMING"
    flight.report(State.ACTIVATED, b"", "", NOW)
    assert flight.state is State.RESCINDED
    assert [happening.what for happening in flight.happened] == ["reassessed", "rescinded"]
    assert "geozones/new" in flight.state_reason


@pytest.mark.parametrize("state", [State.ACTIVATED, State.NONCONFORMING, State.CONTINGENT])
def test_a_flight_that_is_rescinded_in_the_air_is_not_over_until_it_is_down(state: State) -> None:
    flight = plan(state)
    flight.rescind("a procession", NOW)
    assert (flight.state, flight.airborne, flight.is_over, flight.is_flying) == (State.RESCINDED, True, False, True)
    flight.report(State.CONTINGENT, b"volumes", "wind", NOW)
    assert (flight.state, flight.state_reason, flight.off_nominal) == (State.RESCINDED, "a procession", b"volumes")
    with pytest.raises(IllegalMove):
        flight.report(State.ACTIVATED, b"", "", NOW)
    flight.end_flight(NOW)
    assert (flight.state, flight.state_reason, flight.is_over, flight.is_flying) == (
        State.RESCINDED,
        "a procession",
        True,
        False,
    )
    assert [(h.what, h.previous) for h in flight.happened] == [
        ("rescinded", state),
        ("reassessed", State.RESCINDED),
        ("ended", State.RESCINDED),
    ]
    with pytest.raises(IllegalMove):
        flight.end_flight(NOW)


def test_a_plan_that_is_rescinded_on_the_ground_is_over() -> None:
    approved = plan(State.APPROVED)
    approved.rescind("a procession", NOW)
    assert (approved.airborne, approved.is_over) == (False, True)


def test_the_time_off_its_plan_counts_from_when_it_left_it_until_it_is_back() -> None:
    flight, later = plan(State.ACTIVATED), START + timedelta(seconds=40)
    flight.report(State.NONCONFORMING, b"volumes", "wind", START)
    flight.report(State.NONCONFORMING, b"others", "more wind", later)
    flight.findings_changed(later)
    assert flight.nonconforming_since == START
    flight.report(State.ACTIVATED, b"", "", later)
    assert flight.nonconforming_since is None
    flight.report(State.NONCONFORMING, b"volumes", "wind", later)
    assert flight.nonconforming_since == later


@pytest.mark.parametrize("state", sorted(set(State) - {State.NONCONFORMING}))
def test_only_a_nonconforming_flight_gives_up_to_return(state: State) -> None:
    with pytest.raises(IllegalMove):
        plan(state).give_up_return(60, START)


def test_a_flight_that_gives_up_to_return_keeps_what_was_found_and_what_it_may_need() -> None:
    found = (finding(Severity.NOTIFICATION, notified=(PARK,)),)
    flight = plan(State.ACTIVATED, findings=found)
    flight.report(State.NONCONFORMING, b"volumes", "wind", START)
    flight.happened.clear()
    flight.give_up_return(60, START + timedelta(seconds=61))
    assert (flight.state, flight.off_nominal, flight.findings) == (State.CONTINGENT, b"volumes", found)
    assert flight.nonconforming_since is None
    assert "60 s" in flight.state_reason
    assert [one.what for one in flight.happened] == ["made-contingent"]


@pytest.mark.parametrize("end", [MAKE["end"], lambda p, now: p.close_overdue(now)])
def test_a_flight_that_is_over_is_off_its_plan_no_longer(end: Callable[[FlightPlan, datetime], None]) -> None:
    flight = plan(State.ACTIVATED)
    flight.report(State.NONCONFORMING, b"", "wind", START)
    end(flight, START)
    assert flight.nonconforming_since is None


def test_a_flight_may_be_off_its_plan_for_sixty_seconds_unless_the_installation_says_otherwise() -> None:
    """ASTM F3548-21: more than 60 s nonconforming is contingent."""
    assert FlightPlansConfig.model_fields["nonconforming_max_s"].default == 60.0
