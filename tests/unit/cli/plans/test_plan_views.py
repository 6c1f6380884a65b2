"""Findings on the screen."""

from __future__ import annotations

import io

from rich.console import Console

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.cli.plans.plan_views import findings


def shown(finding: assessment_pb2.Finding) -> str:
    out = io.StringIO()
    console = Console(file=out, width=300)
    for part in findings(pb.FlightPlan(findings=[finding])):
        console.print(part)
    return out.getvalue()


def test_a_finding_that_names_the_first_volumes_shows_how_many_more_there_are() -> None:
    finding = assessment_pb2.Finding(volumes=range(500), volumes_count=700, message="meets")
    assert "1-500 and 200 more" in shown(finding)
    finding.volumes_count = 500
    assert "more" not in shown(finding)
