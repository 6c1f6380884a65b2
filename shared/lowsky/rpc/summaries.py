"""VIEW_SUMMARY: a flight plan as a list needs it, some hundred bytes instead of up to a megabyte."""

from __future__ import annotations

from typing import Final

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb

FINDINGS_MAX: Final = 10
"""The gravest, which come first. What else was found, GetFlightPlan tells."""


def summarised(plan: pb.FlightPlan) -> pb.FlightPlan:
    """The same message, without its geometry, its procedure, and all of its findings but rule, severity and subject of
    the first ones."""
    for field in ("trajectory", "volumes", "off_nominal_volumes", "lost_link_procedure"):
        plan.ClearField(field)
    findings = [
        assessment_pb2.Finding(rule=finding.rule, severity=finding.severity, subject=finding.subject)
        for finding in plan.findings[:FINDINGS_MAX]
    ]
    del plan.findings[:]
    plan.findings.extend(findings)
    return plan
