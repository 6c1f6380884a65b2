"""`python -m tests.bench.reservations [PLANS]`: what it costs to find and hold airspace where much of it is held.

Conflict search among a million volumes of a month, and among ten thousand flights of the same ten minutes
(conflict_search.py); and how long a submission takes there, beside the same flights on an empty store. PLANS is how
many are held in the fullest store, over a month. Real databases in one server that syncs every commit, in turns: what
disturbs one disturbs all. The submission path runs in this process, without Kafka.
"""

from __future__ import annotations

import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import asyncpg
import numpy as np
from google.protobuf.duration_pb2 import Duration
from rich.console import Console
from rich.table import Table

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.db.idempotency import Request
from lowsky.db.migrations import migrate
from lowsky.flightplans.codec.plans import proposal_of
from lowsky.flightplans.postgres.reservations import Reservations
from lowsky.flightplans.submission.submit import Submission
from lowsky.geo.heights.altitude import ANYWHERE
from lowsky.geo.volumes.trajectory import Trajectory
from lowsky.ids import new_id
from lowsky.local.stack import Stack, infrastructure
from tests.bench import conflict_search
from tests.bench.conflict_search import BATCH, Search
from tests.bench.filling import FAR, HOUR_S, HOURS, NEAR, Flights, fill, trajectories
from tests.bench.measuring import size
from tests.integration.flightplans.held import OPERATORS, START, a_drone, opened
from tests.integration.flightplans.held import Path as Submitter
from tests.support.installation import maintain
from tests.support.plan_contents import contents

RESULTS = Path("bench-results") / "reservations.json"
MONTH_PLANS = size(1_000_000, 2_000)
VOLUME_PLANS = size(55_556, 600)
"""Of 18 volumes: a million of them."""
CROWD = size(10_000, 300)
DIFFERENT = size(5_000, 500)
"""Flights that are computed; a month is made of them at other hours."""
TEN_MINUTES_S = 600
FIRST_S = int(START.timestamp()) // HOUR_S * HOUR_S + 2 * HOUR_S
SINGLE, BATCHES = size((200, 20), (10, 2))
WARM = 0.1
"""Of the rounds, which do not count."""

Random = np.random.Generator


def soon(count: int, numbers: Random) -> list[Trajectory]:
    """Short flights of the same ten minutes."""
    return trajectories(count, NEAR, FIRST_S, TEN_MINUTES_S, numbers)


def some_time(count: int, numbers: Random) -> list[Trajectory]:
    """Flights at any time of the month."""
    hours = numbers.integers(0, HOURS, count)
    return [trajectories(1, FAR, FIRST_S + HOUR_S * int(hour), HOUR_S, numbers)[0] for hour in hours]


@dataclass
class Store:
    """A database that holds so many plans."""

    url: str
    plans: int
    submitter: Submitter


@dataclass
class Submitted:
    """Flights of one kind, submitted to one store, so many at once."""

    what: str
    at_once: int
    taken_s: list[float] = field(default_factory=list)
    accepted: int = 0
    plans: int = 0

    @property
    def median_ms(self) -> float:
        """Of a plan."""
        return 1e3 * statistics.median(self.taken_s) / self.at_once

    def as_dict(self) -> dict[str, object]:
        share = round(self.accepted / self.plans, 4)
        told = {"what": self.what, "at_once": self.at_once, "plans": self.plans, "accepted": share}
        return told | {"median_ms": round(self.median_ms, 4), "least_ms": round(1e3 * min(self.taken_s), 4)}


async def stored(exits: AsyncExitStack, stack: Stack, flights: Flights | None, plans: int, boxes: bool) -> Store:
    """A database of its own, filled; gone at the end."""
    name = f"holds_{plans}"
    await maintain(stack.database_url, f'CREATE DATABASE "{name}"')
    exits.push_async_callback(maintain, stack.database_url, f'DROP DATABASE "{name}" WITH (FORCE)')
    url = urlsplit(stack.database_url)._replace(path=f"/{name}").geturl()
    await migrate(url, "flightplans")
    connection = await asyncpg.connect(url, server_settings={"search_path": "flightplans"})
    if boxes:
        await connection.execute(conflict_search.BOXES)
    if flights is not None:
        await fill(connection, flights, plans, np.random.default_rng(1))
    if boxes:
        await connection.execute(conflict_search.BOXES_INDEX)
    await connection.execute("VACUUM ANALYZE")
    await connection.close()
    return Store(url, plans, await exits.enter_async_context(opened(url, ANYWHERE)))


async def find(store: Store, held: str, fly: Callable[[int], list[Trajectory]], pairs: int) -> list[Search]:
    async with store.submitter.database.connection() as connection:
        return await conflict_search.search(connection, held, fly, pairs)


async def submit(kinds: dict[str, tuple[Callable[[int], list[Trajectory]], Sequence[Store]]]) -> list[Submitted]:
    """The same flights to each store of their kind, in turns; what was accepted is freed again, so that stores stay as
    full as they are."""
    runs: dict[tuple[str, int, int], Submitted] = {}
    for at_once, rounds in ((1, SINGLE), (BATCH, BATCHES)):
        for n in range(rounds):
            for kind, (fly, stores) in kinds.items():
                messages = [message_of(one) for one in fly(at_once)]
                for store in random.sample(stores, len(stores)):
                    what = f"{kind}, {store.plans:,} held"
                    run = runs.setdefault((kind, at_once, store.plans), Submitted(what, at_once))
                    taken_s, accepted = await _submit(store, messages)
                    if n >= WARM * rounds:
                        run.taken_s.append(taken_s)
                        run.accepted += accepted
                        run.plans += at_once
    return [runs[kind, n, store.plans] for n in (1, BATCH) for kind, (_, stores) in kinds.items() for store in stores]


async def _submit(store: Store, messages: Sequence[pb.FlightPlan]) -> tuple[float, int]:
    """Seconds, and how many were accepted."""
    batch = [
        Submission(
            Request(OPERATORS[0], uuid4(), b"digest"),
            proposal_of(OPERATORS[0], message),
            f"{OPERATORS[0]}/flightPlans/{new_id()}",
            False,
        )
        for message in messages
    ]
    begun = time.perf_counter()
    answers = await store.submitter.workers[0].submit(batch)
    taken_s = time.perf_counter() - begun
    states = [pb.SubmitFlightPlanResponse.FromString(one).flight_plan.state for one in answers]  # type: ignore[arg-type]
    async with store.submitter.database.transaction() as connection:
        await Reservations(connection).free([UUID(one.name.rpartition("/")[2]) for one in batch])
    return taken_s, len(states) - states.count(pb.STATE_REJECTED)


def message_of(flown: Trajectory) -> pb.FlightPlan:
    """As it would be asked for."""
    departs_s = float(flown.times_s[0])
    plan = pb.FlightPlan(
        aircraft=a_drone(OPERATORS[0]),
        **contents(),
        trajectory=assessment_pb2.Trajectory(
            waypoints=[
                assessment_pb2.Waypoint(
                    longitude=lon, latitude=lat, altitude_m=height, offset_s=at,
                    altitude_datum=geo_pb2.ALTITUDE_DATUM_AGL,
                )
                for lon, lat, height, at in np.column_stack(
                    [flown.longitudes, flown.latitudes, flown.altitudes_m, flown.times_s - departs_s]
                ).tolist()
            ],
            horizontal_buffer_m=flown.horizontal_buffer_m,
            vertical_buffer_m=flown.vertical_buffer_m,
            time_buffer=Duration(seconds=int(flown.time_buffer_s)),
        ),
    )  # fmt: skip
    plan.trajectory.departure_time.seconds = int(departs_s)
    return plan


async def scans(store: Store) -> int:
    """How often a table of what is held was read from end to end."""
    connection = await asyncpg.connect(store.url)
    found = await connection.fetchval(
        "SELECT sum(seq_scan) FROM pg_stat_user_tables WHERE relname IN ('reserved', 'reservations')"
    )
    await connection.close()
    return int(found)


def table(runs: Sequence[Submitted]) -> Table:
    """Each store beside the empty one, with the same flights."""
    rows = Table(title="Submission: ms a plan, 18 legs each", title_justify="left")
    for heading in ("flights", "at once", "median", "× empty", "accepted %", "plans"):
        rows.add_column(heading, justify="left" if heading == "flights" else "right")
    empty = 0.0
    for run in runs:
        empty = run.median_ms if run.what.endswith(" 0 held") else empty
        share = 100 * run.accepted / run.plans
        rows.add_row(
            run.what,
            str(run.at_once),
            f"{run.median_ms:.2f}",
            f"{run.median_ms / empty:.2f}",
            f"{share:.0f}",
            str(run.plans),
        )
    return rows


async def measure(plans: int = MONTH_PLANS) -> tuple[list[Search], list[Submitted]]:
    """Everything, on a server of its own."""
    numbers = np.random.default_rng(2)
    console = Console(stderr=True, width=200)
    with tempfile.TemporaryDirectory(prefix="lowsky-bench-") as folder, infrastructure(Path(folder) / "state") as stack:
        async with AsyncExitStack() as exits:
            crowd = Flights.of(soon(CROWD, numbers))
            month = Flights.of(trajectories(DIFFERENT, FAR, FIRST_S, HOUR_S, numbers))
            empty = await stored(exits, stack, None, 0, boxes=False)
            ten = await stored(exits, stack, crowd, CROWD, boxes=True)
            volumes = await stored(exits, stack, month, VOLUME_PLANS, boxes=True)
            full = await stored(exits, stack, month, plans, boxes=False)
            await maintain(stack.database_url, "CHECKPOINT")
            console.log("the stores are filled")
            before = [await scans(store) for store in (empty, ten, volumes, full)]
            found = await find(
                volumes, "1 M volumes, a month", lambda n: some_time(n, numbers), conflict_search.PAIRWISE
            )
            found += await find(ten, "10,000 plans, ten minutes", lambda n: soon(n, numbers), 5)
            console.log("searched")
            submitted = await submit(
                {
                    "the same ten minutes": (lambda n: soon(n, numbers), [empty, ten]),
                    "over a month": (lambda n: some_time(n, numbers), [empty, full]),
                }
            )
            await asyncio.sleep(2)  # until backends have told what they did
            after = [await scans(store) for store in (empty, ten, volumes, full)]
            assert after == before, f"tables were scanned: {before} times, then {after}"
    return found, submitted


def show(found: Sequence[Search], submitted: Sequence[Submitted]) -> None:
    """Prints the tables."""
    console = Console(width=200)
    console.print(conflict_search.table(found))
    console.print(table(submitted))


def as_dict(found: Sequence[Search], submitted: Sequence[Submitted]) -> dict[str, object]:
    """For JSON."""
    return {
        "searches": [each.as_dict() for each in found],
        "submissions": [each.as_dict() for each in submitted],
    }


def main(plans: int = MONTH_PLANS) -> None:
    """Measures, prints, and writes RESULTS."""
    load_before = os.getloadavg()
    found, submitted = asyncio.run(measure(plans))
    show(found, submitted)
    RESULTS.parent.mkdir(exist_ok=True)
    document = {
        "time": datetime.now(UTC).isoformat(),
        "cores": os.cpu_count(),
        "load_before": load_before,
        **as_dict(found, submitted),
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main(*(int(size.replace("_", "")) for size in sys.argv[1:]))
