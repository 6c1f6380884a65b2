"""VIEW_SUMMARY: a flight plan as a list needs it, some hundred bytes instead of up to a megabyte."""

from __future__ import annotations

from typing import Final

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb

FINDINGS_MAX: Final = 10
"""The most severe findings, which come first. GetFlightPlan returns all of them."""


def summarised(plan: pb.FlightPlan) -> pb.FlightPlan:
    """The same message, without geometry and lost-link procedure, and with only rule, severity and subject of the first
    findings."""
    for field in ("trajectory", "volumes", "off_nominal_volumes", "lost_link_procedure"):
        plan.ClearField(field)
    findings = [
        assessment_pb2.Finding(rule=finding.rule, severity=finding.severity, subject=finding.subject)
        for finding in plan.findings[:FINDINGS_MAX]
    ]
    del plan.findings[:]
    plan.findings.extend(findings)
    return plan
