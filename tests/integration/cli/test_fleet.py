"""A fleet goes to a real worker that is killed, by a command that is killed: each flight exists exactly once."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest_asyncio
from google.protobuf import json_format

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.client import Client, Endpoints
from tests.integration.flightplans.world import OPERATOR, SERVICE, World, flight_plan, in_
from tests.support.installation import Installation
from tests.support.polling import eventually

FLIGHTS = 300
APART = timedelta(minutes=10)
"""Each takes four minutes with its buffers: none is in another's way."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def world(installation: Installation) -> World:
    new = World(installation)
    await installation.start(SERVICE)
    await new.inhabit()
    return new


def line(number: int) -> bytes:
    plan = flight_plan(departure=in_(hours=1) + number * APART, reference=f"flight {number}")
    return json.dumps(json_format.MessageToDict(plan)).encode() + b"\n"


async def start(installation: Installation, folder: Path) -> asyncio.subprocess.Process:
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("LOWSKY_")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "lowsky.cli.main", "plan", "submit-many", "-"),
        *("--journal", "journal", "--answers", "answers", "-o", "json"),
        cwd=folder,
        env={
            **inherited,
            "LOWSKY_FLIGHTPLANS": installation.address(SERVICE),
            "LOWSKY_TOKEN": installation.token(roles=["operator"], operator=OPERATOR, subject="dispatcher"),
        },
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )


async def test_each_flight_exists_once_over_a_killed_worker_and_a_killed_command(world: World, tmp_path: Path) -> None:
    lines = [line(number) for number in range(FLIGHTS)]

    def answers() -> list[dict[str, Any]]:
        *whole, _torn = (tmp_path / "answers").read_bytes().split(b"\n")
        return [json.loads(text) for text in whole]

    async def answered(count: int) -> None:
        async def enough() -> bool:
            return (tmp_path / "answers").exists() and len(answers()) >= count

        await eventually(enough, within_s=90, what=f"{count} answers")

    installation = world.installation
    command = await start(installation, tmp_path)
    assert command.stdin is not None
    command.stdin.write(b"".join(lines[:120]))
    await answered(40)
    await installation.kill(SERVICE)
    command.stdin.write(b"".join(lines[120:200]))
    await installation.restart(SERVICE)
    await answered(200)
    command.stdin.write(b"".join(lines[200:]))
    while len(answers()) == 200:  # the rest is on its way, and some of it accepted
        await asyncio.sleep(0.001)
    command.kill()
    await command.communicate()
    before = len(answers())
    assert before < FLIGHTS, "it was killed too late to prove anything"

    again = await start(installation, tmp_path)
    out, err = await asyncio.wait_for(again.communicate(b"".join(lines)), 60)
    assert again.returncode == 0, err.decode()
    summary = json.loads(out)
    assert summary["doneBefore"] + summary["submitted"] == FLIGHTS
    assert summary["doneBefore"] in {before, before - 1}  # an answer may be on disk and not yet in the journal

    told = answers()
    assert {answer["key"] for answer in told} == {str(number) for number in range(1, FLIGHTS + 1)}
    names = {answer["key"]: answer["flightPlan"]["name"] for answer in told}
    assert len(set(names.values())) == FLIGHTS
    endpoints = Endpoints(flightplans=installation.address(SERVICE))
    token = installation.token(roles=["operator"], operator=OPERATOR)
    async with Client(endpoints, token, tls=False) as client:
        plans: list[pb.FlightPlan] = [plan async for plan in client.list_flight_plans(OPERATOR)]
    assert Counter(plan.reference for plan in plans) == {f"flight {number}": 1 for number in range(FLIGHTS)}
    assert {plan.name for plan in plans} == set(names.values())
