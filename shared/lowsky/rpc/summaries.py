"""VIEW_SUMMARY: a flight plan as a list needs it, some hundred bytes instead of up to a megabyte."""

from __future__ import annotations

from typing import Final

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb

FINDINGS_MAX: Final = 10
"""The most severe findings, which come first. GetFlightPlan returns all of them."""

SHOWN: Final = frozenset(
    {
        "name",
        "etag",
        "create_time",
        "update_time",
        "aircraft",
        "reference",
        "purpose",
        "mode",
        "special_activities",
        "priority",
        "supersedes",
        "commercial",
        "state",
        "state_reason",
        "findings",
        "time_start",
        "time_end",
        "airspace_revision",
        "deciding_authorities",
        "notified_authorities",
        "approval",
        "approval_number",
        "airborne",
        "touched_authorities",
    }
)
"""What the flight is, who decides and how far it is; of the findings, the beginning."""

LEFT_OUT: Final = frozenset(
    {
        "trajectory",
        "volumes",
        "off_nominal_volumes",
        "endurance",
        "lost_link_procedure",
        "identification_technologies",
        "connectivity_methods",
        "emergency_procedure",
        "alternate_landing_sites",
        "communications",
        "command_links",
    }
)
"""Geometry, and what the law asks a request to contain. A field is in one of these sets; a test compares."""


def summarised(plan: pb.FlightPlan) -> pb.FlightPlan:
    """The same message, with the SHOWN fields alone, and with only rule, severity and subject of the first findings."""
    for field in LEFT_OUT:
        plan.ClearField(field)  # type: ignore[arg-type]  # a test holds LEFT_OUT against the message
    findings = [
        assessment_pb2.Finding(rule=finding.rule, severity=finding.severity, subject=finding.subject)
        for finding in plan.findings[:FINDINGS_MAX]
    ]
    del plan.findings[:]
    plan.findings.extend(findings)
    return plan
