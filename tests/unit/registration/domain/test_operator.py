"""Operators: every move from every state."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from lowsky.errors import IllegalMove, Precondition, StaleEtag
from lowsky.priority import Priority
from lowsky.registration.domain.operator import (
    Operator,
    OperatorKind,
    OperatorProfile,
    OperatorState,
)
from lowsky.registration.identifiers.identifier import Identifier

THEN = datetime(2026, 11, 24, 8, tzinfo=UTC)
NOW = THEN + timedelta(minutes=1)
PROFILE = OperatorProfile(
    display_name="Delta",
    contact_person="Li Hua",
    contact_email="",
    contact_phone="",
    insurance_expire_time=None,
    certificate_number="",
    certificate_expire_time=None,
)

MOVES: dict[str, Callable[[Operator], None]] = {
    "verified": lambda operator: operator.verify(NOW),
    "suspended": lambda operator: operator.suspend("why", NOW),
    "reinstated": lambda operator: operator.reinstate("why", NOW),
    "deregistered": lambda operator: operator.deregister("why", NOW),
    "entitled": lambda operator: operator.entitle(Priority.MEDICAL, "why", NOW),
    "updated": lambda operator: operator.update(PROFILE, NOW),
}
LEGAL = {
    ("APPLIED", "verified"): "VERIFIED",
    ("VERIFIED", "suspended"): "SUSPENDED",
    ("SUSPENDED", "reinstated"): "VERIFIED",
    ("APPLIED", "deregistered"): "DEREGISTERED",
    ("VERIFIED", "deregistered"): "DEREGISTERED",
    ("SUSPENDED", "deregistered"): "DEREGISTERED",
    ("VERIFIED", "entitled"): "VERIFIED",
    ("SUSPENDED", "entitled"): "SUSPENDED",
    ("APPLIED", "updated"): "APPLIED",
    ("VERIFIED", "updated"): "VERIFIED",
    ("SUSPENDED", "updated"): "SUSPENDED",
}


def an_operator(state: OperatorState = OperatorState.APPLIED) -> Operator:
    return Operator(
        name="operators/a",
        kind=OperatorKind.ENTERPRISE,
        identifiers=(Identifier("cn-uscc", "9144030071526726XG"),),
        applicant="zhang",
        profile=PROFILE,
        create_time=THEN,
        update_time=THEN,
        state=state,
        happened=[],
    )


@pytest.mark.parametrize("state", OperatorState)
@pytest.mark.parametrize("move", MOVES)
def test_a_move_is_made_and_told_or_refused_and_nothing_changes(state: OperatorState, move: str) -> None:
    operator = an_operator(state)
    target = LEGAL.get((state, move))
    if target is None:
        with pytest.raises(IllegalMove) as refused:
            MOVES[move](operator)
        assert refused.value.metadata == {"resource": "operators/a", "state": state, "move": move}
        assert operator == an_operator(state)
    else:
        MOVES[move](operator)
        assert (operator.state, operator.happened, operator.etag) == (target, [move], "2")
        assert (operator.create_time, operator.update_time) == (THEN, NOW)


def test_a_move_says_why_and_a_verification_clears_it() -> None:
    operator = an_operator()
    operator.verify(NOW)
    operator.suspend("uninsured", NOW)
    assert operator.state_reason == "uninsured"
    operator.reinstate("insured", NOW)
    assert operator.state_reason == "insured"
    assert operator.happened == ["verified", "suspended", "reinstated"]


def test_an_entitlement_has_grounds_of_its_own_lasts_and_can_be_taken_back() -> None:
    operator = an_operator(OperatorState.VERIFIED)
    assert operator.priority_max is Priority.ORDINARY
    operator.entitle(Priority.EMERGENCY, "fire brigade", NOW)
    operator.suspend("uninsured", NOW)
    operator.update(PROFILE, NOW)
    assert (operator.priority_max, operator.priority_reason) == (Priority.EMERGENCY, "fire brigade")
    operator.entitle(Priority.ORDINARY, "brigade dissolved", NOW)
    assert (operator.priority_max, operator.priority_reason) == (Priority.ORDINARY, "brigade dissolved")
    assert (operator.state, operator.state_reason) == (OperatorState.SUSPENDED, "uninsured")


def test_a_new_operator_is_told_as_created() -> None:
    fresh = Operator("operators/a", OperatorKind.ENTERPRISE, (), "zhang", PROFILE, THEN, THEN)
    assert (fresh.state, fresh.happened, fresh.etag) == (OperatorState.APPLIED, ["created"], "1")


@pytest.mark.parametrize("state", [state for state in OperatorState if state is not OperatorState.DEREGISTERED])
def test_aircraft_come_under_an_operator_until_it_is_deregistered(state: OperatorState) -> None:
    an_operator(state).expect_registered()


def test_nothing_comes_under_a_deregistered_operator() -> None:
    with pytest.raises(Precondition) as refused:
        an_operator(OperatorState.DEREGISTERED).expect_registered()
    assert refused.value.reason == "OPERATOR_NOT_IN_GOOD_STANDING"


def test_an_etag_of_another_version_is_stale() -> None:
    operator = an_operator()
    operator.expect("")
    operator.expect("1")
    operator.verify(NOW)
    with pytest.raises(StaleEtag):
        operator.expect("1")
