import pytest

from lowsky.approvals.domain.approval import Approval, ApprovalState, Decision
from lowsky.approvals.domain.plan import PlanFinding, SubmittedPlan
from tests.unit.approvals.plans import CITY, NOW, PARK, START, TOWER, a_plan


def opened(plan: SubmittedPlan) -> Approval:
    return Approval.open("approvals/a1", "LS-2026-0000001", plan, NOW)


def test_a_plan_that_needs_nobodys_word_is_granted_by_rule_and_only_that_is_told() -> None:
    approval = opened(a_plan())
    assert (approval.state, approval.automatic, approval.decisions) == (ApprovalState.GRANTED, True, ())
    assert approval.happened == ["granted"]


def test_a_plan_that_somebody_is_only_told_of_is_granted_by_rule() -> None:
    approval = opened(a_plan(notified=(PARK,)))
    assert (approval.state, approval.notified_authorities) == (ApprovalState.GRANTED, (PARK,))
    assert approval.concerns(PARK)
    assert not approval.awaits(PARK)


def test_each_authority_that_must_decide_has_a_decision_to_make() -> None:
    approval = opened(a_plan(TOWER, CITY))
    assert (approval.state, approval.automatic, approval.happened) == (ApprovalState.PENDING, False, ["opened"])
    assert approval.decisions == (Decision(TOWER, ()), Decision(CITY, ()))
    assert approval.awaits(TOWER)
    assert approval.awaits(CITY)


def test_an_authority_is_asked_because_of_the_geozones_of_the_findings_that_name_it() -> None:
    findings = (
        PlanFinding("geozones/airport", False, (TOWER,)),
        PlanFinding("geozones/centre", False, (TOWER, CITY), (PARK,)),
        PlanFinding("geozones/airport", False, (TOWER,)),
        PlanFinding("", False, (CITY,)),
    )
    approval = opened(a_plan(TOWER, CITY, findings=findings))
    assert [d.geozones for d in approval.decisions] == [("geozones/airport", "geozones/centre"), ("geozones/centre",)]
    assert approval.notified_authorities == (PARK,)


def test_an_authority_that_only_a_finding_names_must_decide_too() -> None:
    approval = opened(a_plan(TOWER, findings=(PlanFinding("geozones/centre", False, (CITY,)),)))
    assert [d.authority for d in approval.decisions] == [TOWER, CITY]
    assert approval.state is ApprovalState.PENDING


def test_an_authority_that_decides_is_not_told_besides() -> None:
    assert opened(a_plan(TOWER, notified=(TOWER, PARK))).notified_authorities == (PARK,)


@pytest.mark.parametrize("deciding", [(), (TOWER,)])
def test_a_blocking_finding_is_rejected_by_rule_whoever_might_grant(deciding: tuple[str, ...]) -> None:
    approval = opened(a_plan(*deciding, findings=(PlanFinding("geozones/x", True),)))
    assert (approval.state, approval.automatic, approval.decisions) == (ApprovalState.REJECTED, True, ())
    assert approval.happened == ["rejected"]


def test_the_time_to_decide_ends_when_the_flight_would_start() -> None:
    assert opened(a_plan(TOWER)).decide_by_time == START


def test_the_operator_is_that_of_the_plan() -> None:
    assert opened(a_plan()).operator == "operators/o1"
