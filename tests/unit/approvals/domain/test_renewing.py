from dataclasses import replace
from datetime import timedelta

import pytest

from lowsky.approvals.domain.approval import ApprovalState, Outcome
from lowsky.approvals.domain.plan import PlanFinding
from tests.unit.approvals.plans import CITY, NOW, PARK, TOWER, a_case, a_plan, say

GRANT, REJECT = Outcome.GRANTED, Outcome.REJECTED
LATER = NOW + timedelta(minutes=5)


def test_a_granted_case_is_opened_again_for_whom_it_has_not_asked_and_keeps_its_grants() -> None:
    case = a_case(TOWER)
    say(case, TOWER, GRANT)
    case.happened.clear()
    assert case.renew(a_plan(TOWER, CITY), LATER)
    assert (case.state, case.happened, case.update_time) == (ApprovalState.PENDING, ["opened"], LATER)
    assert (case.awaits(TOWER), case.awaits(CITY)) == (False, True)
    say(case, CITY, GRANT, LATER)
    assert (case.state, case.happened) == (ApprovalState.GRANTED, ["opened", "granted"])


def test_who_has_granted_something_else_is_asked_again_and_the_others_are_not() -> None:
    case = a_case(TOWER, CITY)
    say(case, TOWER, GRANT)
    say(case, CITY, GRANT)
    seen = case.etag
    assert case.renew(replace(a_plan(TOWER, CITY), asks=frozenset({TOWER})), LATER)
    assert (case.state, case.etag != seen) == (ApprovalState.PENDING, True)
    assert (case.awaits(TOWER), case.awaits(CITY)) == (True, False)
    assert case.decisions[0].officer == case.decisions[0].reason == ""
    say(case, TOWER, GRANT, LATER)
    assert case.state is ApprovalState.GRANTED


def test_a_grant_by_rule_is_opened_again_and_is_no_longer_by_rule() -> None:
    case = a_case()
    assert (case.state, case.automatic) == (ApprovalState.GRANTED, True)
    assert case.renew(a_plan(CITY, notified=(PARK,)), LATER)
    assert (case.state, case.automatic, case.notified_authorities) == (ApprovalState.PENDING, False, (PARK,))


def test_a_pending_case_asks_the_additional_authority_too_and_its_officers_read_it_again() -> None:
    case = a_case(TOWER)
    seen = case.etag
    assert case.renew(a_plan(TOWER, CITY), LATER)
    assert (case.awaits(TOWER), case.awaits(CITY)) == (True, True)
    assert case.etag != seen


def test_who_is_no_longer_needed_is_not_waited_for_and_what_was_said_stays() -> None:
    case = a_case(TOWER, CITY, PARK)
    say(case, TOWER, GRANT)
    case.happened.clear()
    finding = PlanFinding("geozones/new", blocking=False, deciding_authorities=(PARK,))
    assert case.renew(a_plan(PARK, findings=(finding,)), LATER)
    assert [d.authority for d in case.decisions] == [PARK, TOWER]
    assert case.decisions[0].geozones == ("geozones/new",)
    assert case.decisions[1].outcome is GRANT
    assert case.renew(a_plan(), LATER)
    assert case.happened == ["opened", "opened", "granted"]
    assert case.state is ApprovalState.GRANTED


@pytest.mark.parametrize("ending", ["rejected", "expired", "closed"])
def test_a_case_that_ended_otherwise_is_not_opened_again(ending: str) -> None:
    case = a_case(TOWER)
    if ending == "rejected":
        say(case, TOWER, REJECT)
    elif ending == "expired":
        case.expire(NOW)
    else:
        case.close(NOW)
    before = case.etag
    assert not case.renew(a_plan(TOWER, CITY), LATER)
    assert (case.state.value, case.etag) == (ending.upper(), before)
