from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from lowsky.approvals.domain.approval import Approval, ApprovalState, Outcome
from lowsky.errors import IllegalMove, Precondition, StaleEtag
from tests.unit.approvals.plans import CITY, NOW, PARK, START, TOWER, a_case, say

GRANT, REJECT = Outcome.GRANTED, Outcome.REJECTED
STEP = timedelta(microseconds=1)


def test_the_only_authority_grants() -> None:
    approval = a_case(TOWER)
    say(approval, TOWER, GRANT)
    assert (approval.state, approval.happened) == (ApprovalState.GRANTED, ["granted"])
    decision = approval.decision_of(TOWER)
    assert decision is not None
    assert (decision.outcome, decision.officer, decision.reason, decision.decide_time) == (
        GRANT,
        f"officer of {TOWER}",
        "because",
        NOW,
    )


@pytest.mark.parametrize("order", [(TOWER, CITY), (CITY, TOWER)])
def test_a_case_is_granted_when_all_have_granted_in_either_order(order: tuple[str, str]) -> None:
    approval = a_case(TOWER, CITY)
    say(approval, order[0], GRANT)
    assert (approval.state, approval.happened) == (ApprovalState.PENDING, ["decided"])
    assert not approval.awaits(order[0])
    assert approval.awaits(order[1])
    say(approval, order[1], GRANT)
    assert (approval.state, approval.happened) == (ApprovalState.GRANTED, ["decided", "granted"])


@pytest.mark.parametrize("who", [TOWER, CITY, PARK])
def test_one_rejection_rejects_at_once(who: str) -> None:
    approval = a_case(TOWER, CITY, PARK)
    say(approval, who, REJECT)
    assert (approval.state, approval.happened) == (ApprovalState.REJECTED, ["rejected"])
    assert [d.outcome for d in approval.decisions].count(Outcome.PENDING) == 2
    assert not any(approval.awaits(authority) for authority in (TOWER, CITY, PARK))


def test_the_last_one_rejects_what_the_others_have_granted() -> None:
    approval = a_case(TOWER, CITY)
    say(approval, TOWER, GRANT)
    say(approval, CITY, REJECT)
    assert approval.state is ApprovalState.REJECTED


def test_an_officer_decides_only_on_what_the_officer_saw() -> None:
    approval = a_case(TOWER, CITY)
    seen = approval.etag
    say(approval, TOWER, GRANT, etag=seen)
    with pytest.raises(StaleEtag):
        say(approval, CITY, GRANT, etag=seen)
    assert approval.awaits(CITY)


@pytest.mark.parametrize("who", [PARK, "authorities/elsewhere"])
def test_who_is_told_or_not_concerned_has_nothing_to_decide(who: str) -> None:
    approval = a_case(TOWER, notified=(PARK,))
    with pytest.raises(Precondition) as refused:
        say(approval, who, GRANT)
    assert refused.value.reason == "NOT_CONCERNED"


def test_an_authority_decides_once() -> None:
    approval = a_case(TOWER, CITY)
    say(approval, TOWER, GRANT)
    with pytest.raises(Precondition) as refused:
        say(approval, TOWER, REJECT)
    assert refused.value.reason == "NOT_CONCERNED"
    assert approval.state is ApprovalState.PENDING


def granted() -> Approval:
    approval = a_case(TOWER)
    say(approval, TOWER, GRANT)
    return approval


def rejected() -> Approval:
    approval = a_case(TOWER, CITY)
    say(approval, TOWER, REJECT)
    return approval


def expired() -> Approval:
    approval = a_case(TOWER)
    approval.expire(START)
    return approval


def closed() -> Approval:
    approval = a_case(TOWER)
    approval.close(NOW)
    return approval


def automatic() -> Approval:
    return a_case()


@pytest.mark.parametrize("ended", [granted, rejected, expired, closed, automatic])
def test_an_ended_case_moves_no_more(ended: Callable[[], Approval]) -> None:
    approval = ended()
    before = (approval.state, approval.version, list(approval.happened))
    for authority in (TOWER, CITY):
        with pytest.raises(IllegalMove):
            say(approval, authority, GRANT)
    with pytest.raises(IllegalMove):
        approval.expire(START)
    with pytest.raises(IllegalMove):
        approval.close(START)
    assert (approval.state, approval.version, list(approval.happened)) == before


@pytest.mark.parametrize(("at", "in_time"), [(START - STEP, True), (START, False), (START + STEP, False)])
def test_nobody_decides_once_the_time_is_over_even_if_the_case_is_not_expired_yet(at: datetime, in_time: bool) -> None:
    approval = a_case(TOWER)
    if in_time:
        say(approval, TOWER, GRANT, now=at)
        assert approval.state is ApprovalState.GRANTED
    else:
        with pytest.raises(IllegalMove) as refused:
            say(approval, TOWER, GRANT, now=at)
        assert refused.value.metadata["state"] == "EXPIRED"


def test_every_move_makes_a_new_etag() -> None:
    approval = a_case(TOWER, CITY)
    etags = [approval.etag]
    say(approval, TOWER, GRANT, now=NOW + STEP)
    etags.append(approval.etag)
    assert approval.update_time == NOW + STEP
    approval.close(NOW + 2 * STEP)
    etags.append(approval.etag)
    assert len(set(etags)) == 3
