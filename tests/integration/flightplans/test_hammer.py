"""Many processes at the same airspace and aircraft at once, while workers and database connections are killed: no two
plans that are accepted overlap or take the same aircraft at the same time, what was acknowledged exists once, and a
request that is sent again gets the answer that it got."""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely

from lowsky.geo.volumes.encoding import from_bytes
from tests.integration.flightplans.world import FOREIGN, OPERATOR, SERVICE, World, drone, in_
from tests.oracle.conflict import Area, Meet, areas_meet
from tests.support.installation import Installation

CLIENTS = 8
PLANS = int(os.environ.get("LOWSKY_HAMMER_PLANS", "2000"))
"""Of each client."""

DRONES = 150
"""Of each operator, for some sixty flights that each would have in the air at a time: enough that many are accepted,
and few enough that many are asked for twice at once."""

SECOND = "2"
KILL_EVERY_S = 4.0


async def client(world: World, n: int, earliest: str, output: Path) -> None:
    """A process that hammers until all of its plans are answered."""
    operator = OPERATOR if n % 2 else FOREIGN
    token = world.installation.token(roles=["operator"], operator=operator, subject=f"client-{n}")
    addresses = [world.installation.address(SERVICE, instance=instance) for instance in ("1", SECOND)]
    said = {
        "addresses": ",".join(addresses),
        "operator": operator,
        "aircraft": drone(0, operator).removesuffix("0"),
        "fleet": DRONES,
        "earliest": earliest,
        "output": output,
        "seed": n,
        "plans": PLANS,
    }
    arguments = [text for name, value in said.items() for text in (f"--{name}", str(value))]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.support.concurrent_submitter", *arguments, stdin=asyncio.subprocess.PIPE
    )
    try:
        await process.communicate(token.encode())
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 0


async def kill_now_and_then(installation: Installation) -> Counter[str]:
    """Single connections and a worker by SIGKILL, in turn. Runs until cancelled."""
    draw, killed = random.Random(5), Counter[str]()
    try:
        while True:
            await asyncio.sleep(KILL_EVERY_S)
            async with installation.connection() as connection:
                killed["connection"] += await connection.fetchval(
                    """SELECT count(pg_terminate_backend(pid)) FROM (
                           SELECT pid FROM pg_stat_activity
                           WHERE datname = current_database() AND application_name = 'lowsky-flightplans'
                           ORDER BY random() LIMIT 3) AS victims"""
                )
            await asyncio.sleep(KILL_EVERY_S)
            instance = draw.choice(["1", SECOND])
            await installation.kill(SERVICE, instance=instance)
            killed["worker"] += 1
            await installation.restart(SERVICE, instance=instance)
    except asyncio.CancelledError:
        return killed


@pytest.mark.timeout(600)
async def test_the_invariant_holds_under_eight_processes_and_kills(world: World, tmp_path: Path) -> None:
    await world.installation.start(SERVICE, instance=SECOND)
    killing = asyncio.create_task(kill_now_and_then(world.installation))
    earliest = in_(days=2).isoformat()
    outputs = [tmp_path / f"{n}.ndjson" for n in range(CLIENTS)]
    async with asyncio.timeout(540), asyncio.TaskGroup() as clients:
        for n, output in enumerate(outputs):
            clients.create_task(client(world, n, earliest, output))
    killing.cancel()
    killed = await killing
    heard = [json.loads(line) for output in outputs for line in output.read_text().splitlines()]
    assert len(heard) == CLIENTS * PLANS
    assert len({one["name"] for one in heard}) == len(heard), "two requests got one plan"
    assert all(one["alike"] for one in heard), "a request that was sent again got another answer"
    states = Counter(one["state"] for one in heard)
    assert set(states) == {"SUBMITTED", "REJECTED"}, states
    assert min(states.values()) > 100, f"too one-sided to show anything: {states}"
    assert set(killed) == {"worker", "connection"}, killed
    async with world.installation.connection() as connection:
        rows = await connection.fetch(
            "SELECT operator || '/flightPlans/' || id AS name, state FROM flightplans.flight_plans"
        )
        stored = {row["name"]: row["state"] for row in rows}
        held = await connection.fetch("SELECT plan::text AS id, volumes, aircraft FROM flightplans.reservations")
    assert {one["name"]: one["state"] for one in heard}.items() <= stored.items()
    accepted = {one["name"].rpartition("/")[2] for one in heard if one["state"] == "SUBMITTED"}
    assert accepted <= {row["id"] for row in held}
    rules = Counter(rule for one in heard for rule in one["rules"])
    assert min(rules["CONFLICT"], rules["AIRCRAFT_BUSY"]) > 100, f"too one-sided to show anything: {rules}"
    assert overlapping(held) == []
    assert in_two_places(held) == []


def overlapping(held: list[Any]) -> list[tuple[str, str]]:
    """Pairs of plans that overlap, by brute force over all volumes whose times do; all heights are above ground."""
    ids = np.array([row["id"] for row in held])
    volumes = from_bytes([row["volumes"] for row in held])
    owner = np.repeat(np.arange(len(volumes)), [len(one) for one in volumes])
    start, end, lower, upper, outlines, lines = (
        np.concatenate([getattr(one, name) for one in volumes])
        for name in ("start_s", "end_s", "lower_m", "upper_m", "outlines", "centre_lines")
    )
    order = np.argsort(start)
    found: set[tuple[str, str]] = set()
    for n, a in enumerate(order.tolist()):
        rest = order[n + 1 : np.searchsorted(start[order], end[a])]
        b = rest[(owner[rest] != owner[a]) & (lower[rest] < upper[a]) & (lower[a] < upper[rest])]
        near = b[shapely.intersects(outlines[b], outlines[a])].tolist()
        found.update((ids[owner[a]], ids[owner[one]]) for one in near if overlap(lines[a], lines[one]))
    return sorted(found)


def in_two_places(held: list[Any]) -> list[tuple[str, str, str]]:
    """Aircraft, and two plans of it that overlap in time."""
    windows = sorted(
        (row["aircraft"], float(one.start_s.min()), float(one.end_s.max()), row["id"])
        for row, one in zip(held, from_bytes([row["volumes"] for row in held]), strict=True)
    )
    return [
        (aircraft, before, after)
        for (aircraft, _, end_s, before), (same, start_s, _, after) in itertools.pairwise(windows)
        if aircraft == same and start_s < end_s
    ]


def overlap(ours: Any, theirs: Any) -> bool:
    """Of legs, by the oracle, whose plane is round the one: all here are."""
    a, b = (Area.leg((one[0], one[1]), (one[2], one[3]), one[4]) for one in (ours.tolist(), theirs.tolist()))
    return areas_meet(a, b, a.points[0]) is Meet.YES
