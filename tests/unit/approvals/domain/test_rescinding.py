from datetime import timedelta

import pytest

from lowsky.approvals.domain.approval import Approval, ApprovalState, Outcome
from lowsky.approvals.domain.reasons import Reason, Rescission
from lowsky.errors import IllegalMove, Precondition, StaleEtag
from tests.unit.approvals.plans import CITY, NOW, PARK, START, TOWER, a_case, a_plan, say

LATER = NOW + timedelta(minutes=5)
WHY = Reason("a procession", ("PUBLIC_EVENT",))


def rescind(approval: Approval, authority: str = TOWER, etag: str | None = None) -> None:
    approval.rescind(authority, officer="ada", reason=WHY, etag=etag or approval.etag, now=LATER)


def granted(*deciding: str, notified: tuple[str, ...] = ()) -> Approval:
    approval = a_case(*deciding, notified=notified)
    for authority in deciding:
        say(approval, authority, Outcome.GRANTED)
    approval.happened.clear()
    return approval


@pytest.mark.parametrize("who", [TOWER, CITY])
def test_one_authority_takes_its_grant_back_and_the_case_with_it(who: str) -> None:
    approval = granted(TOWER, CITY)
    seen = approval.version
    rescind(approval, who)
    assert (approval.state, approval.happened) == (ApprovalState.RESCINDED, ["rescinded"])
    assert approval.rescission == Rescission(who, "ada", "a procession", ("PUBLIC_EVENT",), LATER)
    assert (approval.version, approval.update_time) == (seen + 1, LATER)
    assert [decision.outcome for decision in approval.decisions] == [Outcome.GRANTED] * 2


def test_an_officer_rescinds_only_what_the_officer_saw() -> None:
    approval = granted(TOWER)
    with pytest.raises(StaleEtag):
        rescind(approval, etag="1")
    assert (approval.state, approval.rescission) == (ApprovalState.GRANTED, None)


@pytest.mark.parametrize("who", [PARK, "authorities/other"])
def test_who_has_not_granted_has_nothing_to_take_back(who: str) -> None:
    approval = granted(TOWER, notified=(PARK,))
    with pytest.raises(Precondition) as refused:
        rescind(approval, who)
    assert refused.value.reason == "NOT_CONCERNED"
    assert (approval.state, approval.rescission) == (ApprovalState.GRANTED, None)


def test_a_case_that_is_not_granted_is_not_rescinded() -> None:
    pending, rejected, twice = a_case(TOWER), a_case(TOWER), granted(TOWER)
    say(rejected, TOWER, Outcome.REJECTED)
    rescind(twice)
    before = twice.rescission
    for approval in (pending, rejected, twice):
        with pytest.raises(IllegalMove):
            rescind(approval)
    assert twice.rescission == before


def test_a_rescinded_case_is_not_renewed_when_the_airspace_changes() -> None:
    approval = granted(TOWER)
    rescind(approval)
    assert not approval.renew(a_plan(TOWER, CITY, start=START), LATER)
    assert approval.state is ApprovalState.RESCINDED
