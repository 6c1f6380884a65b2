"""The command as an operator's script uses it: a process of its own, against all services."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta

import pytest

from tests.e2e.conftest import AIRCRAFT, OPERATOR, SAMPLE, City
from tests.support.samples import PUBLIC, SAMPLES

PUBLISHED = PUBLIC / "missions/px4/MC_mission_box.plan"
AWAY = [
    pytest.param(str(SAMPLES / "missions/box-landing-at-start.plan"), None, id="sample"),
    pytest.param(
        str(PUBLISHED),
        5,
        id=PUBLISHED.name,
        marks=pytest.mark.skipif(
            not PUBLISHED.exists(), reason=f"{PUBLISHED} is not here: published missions are not part of the project"
        ),
    ),
]
"""Missions far from any zone, and in how many hours they depart; None as soon as the command has them."""

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


@pytest.mark.parametrize(("file", "hours"), AWAY)
async def test_a_mission_is_submitted_and_what_it_assumed_is_said(city: City, file: str, hours: int | None) -> None:
    token = city.installation.token(roles=["operator"], operator=OPERATOR)
    depart = () if hours is None else ("--depart", (datetime.now(UTC) + timedelta(hours=hours)).isoformat())
    ended, said = await lowsky(city, token, "plan", "submit", file, "--aircraft", AIRCRAFT, *depart, *PROFILE)
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


@pytest.mark.parametrize(("file", "_hours"), AWAY)
async def test_the_zones_of_a_mission_are_checked(city: City, file: str, _hours: int | None) -> None:
    token = city.installation.token(roles=["registrar"])
    ended, said = await lowsky(city, token, "zones", "check", file, "--at", "2026-11-25T09:00+08:00")
    assert ended == 0, said
    assert "NOTHING BLOCKS" in said
    assert "revision 2" in said
