from __future__ import annotations

import json
from pathlib import Path

import pytest

from lowsky.api.airspace.v1 import geozones_pb2
from lowsky.api.assessment.v1 import assessment_pb2
from tests.unit.cli.conftest import Run, Scripted
from tests.unit.cli.test_commands import finding, mission

Severity = assessment_pb2.Finding.Severity


@pytest.fixture
def plan_file(tmp_path: Path) -> str:
    file = tmp_path / "mission.plan"
    file.write_text(json.dumps(mission()))
    return str(file)


def answer(*severities: Severity.ValueType) -> geozones_pb2.CheckAirspaceResponse:
    response = geozones_pb2.CheckAirspaceResponse(airspace_revision=7)
    for severity in severities:
        one = response.findings.add()
        one.CopyFrom(finding())
        one.severity = severity
        if severity == assessment_pb2.Finding.SEVERITY_AUTHORIZATION:
            one.deciding_authorities.append("authorities/cn-shanghai")
    return response


@pytest.mark.parametrize(
    ("severities", "code"),
    [
        ((), 0),
        ((assessment_pb2.Finding.SEVERITY_INFORMATION, assessment_pb2.Finding.SEVERITY_NOTIFICATION), 0),
        ((assessment_pb2.Finding.SEVERITY_AUTHORIZATION, assessment_pb2.Finding.SEVERITY_NOTIFICATION), 9),
        ((assessment_pb2.Finding.SEVERITY_BLOCKING, assessment_pb2.Finding.SEVERITY_AUTHORIZATION), 8),
    ],
)
async def test_a_script_knows_by_the_exit_code_what_a_mission_meets(
    run: Run, services: Scripted, target: str, plan_file: str, severities: tuple[Severity.ValueType, ...], code: int
) -> None:
    services.answers["CheckAirspace"] = [answer(*severities)]
    ended = await run("zones", "check", plan_file, "-o", "json", at=target)
    assert ended.code == code
    assert len(ended.json.get("findings", [])) == len(severities)
    assert ended.json["airspaceRevision"] == "7"


async def test_it_asks_with_the_room_and_the_time_given_and_needs_no_aircraft(
    run: Run, services: Scripted, target: str, plan_file: str
) -> None:
    services.answers["CheckAirspace"] = [answer(assessment_pb2.Finding.SEVERITY_BLOCKING)]
    at = ("--at", "2026-11-25T09:00+08:00", "--buffer", "20")
    ended = await run("zones", "check", plan_file, *at, at=target, COLUMNS="200")
    request = services.requests["CheckAirspace"][0]
    assert request.trajectory.departure_time.ToJsonString() == "2026-11-25T01:00:00Z"
    assert request.trajectory.horizontal_buffer_m == 60  # 20 m, and the 40 m in which the aircraft circles
    assert ended.code == 8
    assert "PROHIBITED" in ended.out
    assert "3-5" in ended.out  # legs, counted from 1
    assert "ZSSS" in ended.out
    assert "Fly around the airport" in ended.out
    assert "\x1b" not in ended.out


async def test_ready_made_volumes_are_checked_at_their_own_times(
    run: Run, services: Scripted, target: str, tmp_path: Path
) -> None:
    services.answers["CheckAirspace"] = [answer()]
    file = tmp_path / "volumes.json"
    file.write_text(json.dumps({"volumes": {"volumes": [{"timeStart": "2026-11-25T01:00:00Z"}]}}))
    ended = await run("zones", "check", str(file), at=target)
    assert ended.code == 0
    assert "NOTHING BLOCKS" in ended.out
    assert services.requests["CheckAirspace"][0].volumes.volumes[0].time_start.ToJsonString() == "2026-11-25T01:00:00Z"
    ended = await run("zones", "check", str(file), "--at", "2026-11-25T09:00+08:00", at=target)
    assert ended.code == 3
