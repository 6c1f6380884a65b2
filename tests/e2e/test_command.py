"""The command as an operator's script uses it: a process of its own, against all services."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.conftest import AIRCRAFT, OPERATOR, SAMPLE, City

MISSIONS = Path(__file__).parents[2] / "../shared/data/missions"
PUBLISHED = "px4/MC_mission_box.plan"

PROFILE = ("--profile", str(SAMPLE / "profile.toml"))

EXIT_APPROVED, EXIT_REJECTED, EXIT_UNDER_REVIEW = 0, 8, 9


async def lowsky(city: City, token: str, *arguments: str) -> tuple[int, str]:
    """Runs the command; exit code, and all that it printed."""
    endpoints = city.endpoints
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "lowsky.cli.main",
        *arguments,
        env={
            "LOWSKY_REGISTRATION": endpoints.registration,
            "LOWSKY_AIRSPACE": endpoints.airspace,
            "LOWSKY_FLIGHTPLANS": endpoints.flightplans,
            "LOWSKY_APPROVALS": endpoints.approvals,
            "LOWSKY_TOKEN": token,
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    printed, _ = await process.communicate()
    return process.returncode or 0, printed.decode()


@pytest.mark.parametrize(
    ("mission", "hours", "code", "state"),
    [
        ("parcel-lingang.plan", 2, EXIT_APPROVED, "STATE_APPROVED"),
        ("parcel-jinshan.plan", 3, EXIT_REJECTED, "STATE_REJECTED"),
        ("parcel-across-the-border.plan", 4, EXIT_UNDER_REVIEW, "STATE_UNDER_REVIEW"),
    ],
)
async def test_a_script_knows_by_the_exit_code_what_became_of_its_plan(
    city: City, mission: str, hours: int, code: int, state: str
) -> None:
    token = city.installation.token(roles=["operator"], operator=OPERATOR)
    then = (datetime.now(UTC) + timedelta(hours=hours)).isoformat()  # one aircraft flies them one after the other
    submit = (
        "plan",
        "submit",
        str(SAMPLE / mission),
        "--aircraft",
        AIRCRAFT,
        "--depart",
        then,
        "--output",
        "json",
        *PROFILE,
    )
    ended, printed = await lowsky(city, token, *submit)
    assert ended == code, printed
    assert json.loads(printed)["state"] == state


async def test_a_published_mission_is_submitted_and_what_it_assumed_is_said(city: City) -> None:
    file = MISSIONS / PUBLISHED
    if not file.exists():
        pytest.skip(f"{file} is not here: published missions are not part of the project")
    token = city.installation.token(roles=["operator"], operator=OPERATOR)
    ended, said = await lowsky(city, token, "plan", "submit", str(file), "--aircraft", AIRCRAFT, *PROFILE)
    assert ended == EXIT_APPROVED, said
    assert "APPROVED" in said
    assert "Take-off is at" in said
    assert "above the take-off point" in said


@pytest.mark.parametrize(
    ("mission", "code"),
    [("parcel-lingang.plan", 0), ("parcel-jinshan.plan", EXIT_REJECTED), ("parcel-across-the-border.plan", 9)],
)
async def test_a_check_of_the_zones_ends_as_the_plan_would(city: City, mission: str, code: int) -> None:
    token = city.installation.token(roles=["operator"], operator=OPERATOR)
    file, then = str(SAMPLE / mission), (datetime.now(UTC) + timedelta(days=1)).isoformat()  # no other flight is there
    ended, printed = await lowsky(city, token, "zones", "check", file, "--at", then, "--output", "json")
    assert ended == code, printed
    plan = ("plan", "check", file, "--depart", then, "--aircraft", AIRCRAFT, "--output", "json", *PROFILE)
    _, planned = await lowsky(city, token, *plan)
    subjects = [[one["subject"] for one in json.loads(text).get("findings", [])] for text in (printed, planned)]
    assert subjects[0] == subjects[1]


async def test_the_zones_of_a_published_mission_are_checked(city: City) -> None:
    file = MISSIONS / PUBLISHED
    if not file.exists():
        pytest.skip(f"{file} is not here: published missions are not part of the project")
    token = city.installation.token(roles=["registrar"])
    ended, said = await lowsky(city, token, "zones", "check", str(file), "--at", "2026-11-25T09:00+08:00")
    assert ended == 0, said
    assert "NOTHING BLOCKS" in said
    assert "revision 2" in said
