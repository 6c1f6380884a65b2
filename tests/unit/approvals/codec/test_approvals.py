from datetime import timedelta

import pytest

from lowsky.api.approvals.v1 import approvals_pb2
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.events.v1 import events_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2
from lowsky.approvals.codec.approvals import to_event, to_message
from lowsky.approvals.codec.plans import submitted_plan
from lowsky.approvals.domain.approval import Approval, Outcome
from lowsky.approvals.domain.plan import PlanFinding
from lowsky.events import topics
from lowsky.events.event import Event, MalformedRecord
from tests.unit.approvals.plans import CITY, NOW, PARK, START, TOWER, say

PLAN = "operators/o1/flightPlans/p1"


def a_message() -> flight_plans_pb2.FlightPlan:
    finding = assessment_pb2.Finding(
        subject="geozones/airport",
        severity=assessment_pb2.Finding.SEVERITY_AUTHORIZATION,
        deciding_authorities=[TOWER],
        notified_authorities=[PARK],
    )
    blocking = assessment_pb2.Finding(severity=assessment_pb2.Finding.SEVERITY_BLOCKING)
    message = flight_plans_pb2.FlightPlan(
        name=PLAN,
        reference="parcel 17",
        findings=[finding, blocking],
        deciding_authorities=[TOWER, CITY],
        notified_authorities=[PARK],
    )
    message.time_start.FromDatetime(START)
    return message


def submitted(plan: flight_plans_pb2.FlightPlan, key: str = PLAN) -> Event:
    value = events_pb2.FlightPlanEvent(flight_plan=plan).SerializeToString()
    return Event(topics.FLIGHT_PLANS, key, "lowsky.flightplan.submitted.v1", value, NOW)


def test_a_plan_is_read_as_far_as_it_matters_for_who_decides() -> None:
    message = a_message()
    plan = submitted_plan(submitted(message))
    assert (plan.name, plan.time_start) == (PLAN, START)
    assert (plan.deciding_authorities, plan.notified_authorities) == ((TOWER, CITY), (PARK,))
    assert plan.findings == (PlanFinding("geozones/airport", False, (TOWER,), (PARK,)), PlanFinding("", True))
    assert flight_plans_pb2.FlightPlan.FromString(plan.snapshot) == message


def test_the_plan_within_a_case_says_when_it_was_so() -> None:
    message = a_message()
    message.update_time.FromDatetime(NOW - timedelta(minutes=3))
    case = Approval.open("approvals/a1", "LS-2026-0000001", submitted_plan(submitted(message)), NOW)
    assert to_message(case, with_officers=True).flight_plan_time == message.update_time
    assert not to_message(case_without_time(), with_officers=True).HasField("flight_plan_time")


def case_without_time() -> Approval:
    """A case of a plan whose event has no update time."""
    return Approval.open("approvals/a2", "LS-2026-0000002", submitted_plan(submitted(a_message())), NOW)


def without_start() -> flight_plans_pb2.FlightPlan:
    message = a_message()
    message.ClearField("time_start")
    return message


@pytest.mark.parametrize(
    "event",
    [
        Event("t", PLAN, "lowsky.flightplan.submitted.v1", b"\xff\xff", NOW),
        Event("t", PLAN, "lowsky.flightplan.submitted.v1", None, NOW),
        submitted(flight_plans_pb2.FlightPlan()),
        submitted(a_message(), key="operators/o1/flightPlans/other"),
        submitted(without_start()),
    ],
    ids=["not a message", "tombstone", "no plan", "another key", "no start"],
)
def test_an_event_that_no_case_can_be_opened_for_is_malformed(event: Event) -> None:
    with pytest.raises(MalformedRecord):
        submitted_plan(event)


def a_decided_case() -> Approval:
    message = a_message()
    del message.findings[1]
    approval = Approval.open("approvals/a1", "LS-2026-0000001", submitted_plan(submitted(message)), NOW)
    say(approval, TOWER, Outcome.GRANTED, now=NOW + timedelta(minutes=1))
    return approval


def test_a_case_says_all_to_officers_and_no_officers_to_those_who_hear_events() -> None:
    approval = a_decided_case()
    message = to_message(approval, with_officers=True)
    assert (message.name, message.number, message.etag) == ("approvals/a1", "LS-2026-0000001", "2")
    assert message.state == approvals_pb2.Approval.STATE_PENDING
    assert message.flight_plan.reference == "parcel 17"
    assert message.notified_authorities == [PARK]
    assert message.decide_by_time.ToDatetime(tzinfo=START.tzinfo) == START
    assert [(d.authority, d.outcome, d.officer, list(d.geozones)) for d in message.decisions] == [
        (TOWER, approvals_pb2.Decision.OUTCOME_GRANTED, f"officer of {TOWER}", ["geozones/airport"]),
        (CITY, approvals_pb2.Decision.OUTCOME_PENDING, "", []),
    ]
    assert message.decisions[0].HasField("decide_time")
    assert not message.decisions[1].HasField("decide_time")
    message.decisions[0].officer = ""
    assert events_pb2.ApprovalEvent.FromString(to_event(approval)).approval == message


def test_an_operator_hears_what_was_said_and_not_who_said_it() -> None:
    message = to_message(a_decided_case(), with_officers=False)
    assert (message.decisions[0].reason, message.decisions[0].officer) == ("because", "")
