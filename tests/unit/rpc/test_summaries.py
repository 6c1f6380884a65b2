"""A summary is a stated set of fields: a new one is shown or left out by decision."""

from __future__ import annotations

from google.protobuf.duration_pb2 import Duration

from lowsky.api.approvals.v1 import approvals_pb2
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.jurisdictions.flight_rules import CONTENTS
from lowsky.rpc.summaries import FINDINGS_MAX, LEFT_OUT, SHOWN, summarised
from tests.support.plan_contents import contents

Finding = assessment_pb2.Finding

CASE = {
    "name",
    "etag",
    "create_time",
    "update_time",
    "number",
    "flight_plan",
    "flight_plan_time",
    "state",
    "decisions",
    "notified_authorities",
    "decide_by_time",
    "automatic",
    "rescission",
}
"""What a case in a list has: all of it, its plan as a summary."""


def test_every_field_of_a_plan_is_shown_or_left_out() -> None:
    assert not SHOWN & LEFT_OUT
    assert set(pb.FlightPlan.DESCRIPTOR.fields_by_name) == SHOWN | LEFT_OUT
    assert CONTENTS <= LEFT_OUT


def test_every_field_of_a_case_is_known_to_be_small() -> None:
    assert set(approvals_pb2.Approval.DESCRIPTOR.fields_by_name) == CASE


def test_a_summary_has_nothing_of_what_is_left_out_and_all_else() -> None:
    plan = pb.FlightPlan(
        **contents(),
        reference="R 1",
        trajectory=assessment_pb2.Trajectory(),
        off_nominal_volumes=assessment_pb2.Volumes(),
    )
    assert {field.name for field, _ in plan.ListFields()} - SHOWN == LEFT_OUT - {"volumes"}
    shown = {field.name for field, _ in plan.ListFields()} & SHOWN
    assert {field.name for field, _ in summarised(plan).ListFields()} == shown
    assert not summarised(pb.FlightPlan(volumes=assessment_pb2.Volumes())).HasField("volumes")


def test_a_summary_has_the_first_findings_in_brief() -> None:
    findings = [
        Finding(rule=Finding.RULE_CONFLICT, severity=Finding.SEVERITY_BLOCKING, subject=f"s{n}", message="m" * 500)
        for n in range(FINDINGS_MAX + 1)
    ]
    found = summarised(pb.FlightPlan(findings=findings, endurance=Duration(seconds=60))).findings
    assert [finding.subject for finding in found] == [f"s{n}" for n in range(FINDINGS_MAX)]
    assert all(not finding.message and finding.rule == Finding.RULE_CONFLICT for finding in found)
