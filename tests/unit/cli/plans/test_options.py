"""What is asked beside the route: how urgent, in place of which plan, and what would pass instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from google.protobuf import json_format

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from tests.unit.cli.conftest import Run, Scripted

AIRCRAFT = "operators/acme/aircraft/d1"


@pytest.fixture
def file(tmp_path: Path) -> str:
    plan = pb.FlightPlan(aircraft=AIRCRAFT, trajectory=assessment_pb2.Trajectory(horizontal_buffer_m=30))
    path = tmp_path / "flight.json"
    path.write_text(json_format.MessageToJson(plan))
    return str(path)


def rejected() -> pb.SubmitFlightPlanResponse:
    response = pb.SubmitFlightPlanResponse(flight_plan=pb.FlightPlan(state=pb.STATE_REJECTED))
    response.alternatives.add().departure_time.FromJsonString("2026-11-25T01:20:00Z")
    response.alternatives.add(altitude_offset_m=30)
    response.alternatives.add(altitude_offset_m=-60)
    return response


async def test_priority_and_the_plan_to_supersede_are_asked_for(
    run: Run, services: Scripted, target: str, file: str
) -> None:
    services.answers["SubmitFlightPlan"] = [rejected()]
    ended = await run("plan", "submit", file, "--priority", "medical", "--supersedes", "p7", at=target)
    assert ended.code == 8
    request = services.requests["SubmitFlightPlan"][0]
    assert request.flight_plan.priority == assessment_pb2.PRIORITY_MEDICAL
    assert request.flight_plan.supersedes == "operators/acme/flightPlans/p7"
    assert not request.suggest_alternatives
    unknown = await run("plan", "check", file, "--priority", "vip", "-o", "json", at=target)
    assert (unknown.code, unknown.error["reason"]) == (3, "INVALID_CHOICE")


@pytest.mark.parametrize("command", ["submit", "check"])
async def test_what_would_pass_is_said(run: Run, services: Scripted, target: str, file: str, command: str) -> None:
    services.answers["SubmitFlightPlan"] = [rejected()]
    ended = await run("plan", command, file, "--suggest", at=target)
    assert services.requests["SubmitFlightPlan"][0].suggest_alternatives
    said = "would pass at 2026-11-25 09:20:00+08:00\nwould pass 30 m higher\nwould pass 60 m lower\n"
    assert said in ended.out
    asked = await run("plan", command, file, "--suggest", "-o", "json", at=target)
    document = json.loads(asked.out)
    assert document["flightPlan"]["state"] == "STATE_REJECTED"
    assert document["alternatives"][1] == {"altitudeOffsetM": 30.0}
