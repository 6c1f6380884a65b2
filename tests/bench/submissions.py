"""`python -m tests.bench.submissions`: how many plans a second, how soon answered, and who takes the time.

One flightplans worker, PostgreSQL that syncs every commit, Kafka, and the load in a process of its own, all on one
machine. Plans have 18 legs; no two overlap, so that each is stored. The floors are a bare grpc.aio echo of the same
requests in the same run, and a bare durable pipeline (pipeline.py), of calls or on a stream. Latencies are of half the
rate at which one worker is saturated, with approvals deciding.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lowsky.events import topics
from lowsky.local.stack import Stack, infrastructure
from tests.bench.city import DRONES, FLEETS, drone, fleet
from tests.bench.load import Job
from tests.bench.measuring import size
from tests.bench.shares import Shares, profile
from tests.integration.flightplans.world import SERVICE, World, aircraft, operator
from tests.support.installation import Installation, new_installation
from tests.support.tokens import serving_issuer

RESULTS = Path("bench-results") / "submissions.json"
ECHO_COUNT, PIPELINE_COUNT = size((20_000, 20_000), (500, 500))
UNARY_COUNT, STREAM_COUNT, HUB_COUNT = size((15_000, 6_000, 10_000), (500, 500, 500))
LASTS_S = size(8.0, 1.0)
PROFILED_S = size(4, 1)
TAKE_IN_S = 120
"""How long approvals may take for what is left of a run."""


@dataclass(frozen=True)
class Run:
    """A measurement."""

    what: str
    calls: int
    seconds: float
    per_s: float
    p50_ms: float
    p99_ms: float
    outcomes: dict[str, int]
    cores: dict[str, float]
    """CPU time of each process, with all that it started, in cores."""
    profile: dict[str, float] | None = None
    """Where the first worker was while busy, by file."""

    @property
    def cpu_us(self) -> float:
        """What a call costs of the workers' (or the echo's) processor time: what other users of the machine disturb
        least."""
        workers = sum(share for name, share in self.cores.items() if name.startswith((SERVICE, "server")))
        return 1e6 * workers * self.seconds / self.calls

    @property
    def others_us(self) -> float:
        """What it costs of everybody else's: of the load, the database, the event log, and who decides."""
        return 1e6 * sum(self.cores.values()) * self.seconds / self.calls - self.cpu_us

    def as_dict(self) -> dict[str, object]:
        return {**asdict(self), "cpu_us": round(self.cpu_us, 1), "others_us": round(self.others_us, 1)}


class Bench:
    """Runs jobs against one installation."""

    def __init__(self, stack: Stack, installation: Installation, folder: Path) -> None:
        self._stack = stack
        self._installation = installation
        self._folder = folder
        self.begun = asyncio.Event()
        """The clock of a run has started."""
        self._departs_s = int(time.time()) // 3_600 * 3_600 + 2 * 3_600

    async def settle(self) -> None:
        """Registers the fleets, and waits until a worker knows them and the airspace."""
        world = World(self._installation)
        await world.tell(operator(fleet(n)) for n in range(FLEETS))
        await world.tell(aircraft(drone(number, n)) for n in range(FLEETS) for number in range(DRONES))
        await world.inhabit()

    async def drained(self) -> None:
        """Waits until nothing waits for Kafka."""
        async with asyncio.timeout(TAKE_IN_S), self._installation.connection() as connection:
            while await connection.fetchval(f"SELECT EXISTS (SELECT FROM {SERVICE}.outbox)"):  # noqa: S608  # ours
                await asyncio.sleep(0.1)

    async def run(self, what: str, kind: str, scene: str, first: int, count: int, **more: float) -> Run:
        """One job, on all workers that there are."""
        addresses = [w.address for (service, _), w in self._installation.workers.items() if service == SERVICE]
        return await self._run(what, kind, addresses, scene, first, count, self._pids(), **more)

    async def echo(self, what: str, kind: str) -> Run:
        """What gRPC alone takes."""
        return await self._bare(what, kind, ECHO_COUNT, {}, "tests.bench.echo", lasts_s=4.0)

    async def pipeline(self, what: str, kind: str) -> Run:
        """What is stored and emitted without a look at it: the floor."""
        topic = self._installation.kafka.topic(topics.FLIGHT_PLANS)
        arguments = (self._installation.database_url, self._installation.kafka.bootstrap, topic)
        stack = {name: entry.identity.pid for name, entry in self._stack.state.entries.items()}
        return await self._bare(what, kind, PIPELINE_COUNT, stack, "tests.bench.pipeline", *arguments)

    async def _bare(self, what: str, kind: str, count: int, pids: dict[str, int], *module: str, **more: float) -> Run:
        server = await asyncio.create_subprocess_exec(
            sys.executable, "-m", *module, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert server.stdin
        assert server.stdout
        try:
            address = f"127.0.0.1:{int(await server.stdout.readline())}"
            return await self._run(what, kind, [address], "spread", 0, count, {"server": server.pid} | pids, **more)
        finally:
            server.stdin.close()
            await server.wait()

    async def _run(
        self,
        what: str,
        kind: str,
        addresses: list[str],
        scene: str,
        first: int,
        count: int,
        pids: dict[str, int],
        **more: float,
    ) -> Run:
        tokens = [
            self._installation.token(roles=["operator"], operator=fleet(n), subject=f"pilot-{n}") for n in range(FLEETS)
        ]
        job = Job(kind, addresses, tokens, scene, first, count, self._departs_s, **{"lasts_s": LASTS_S, **more})  # type: ignore[arg-type]
        load = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.load", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        assert load.stdin
        assert load.stdout
        load.stdin.write(json.dumps(asdict(job)).encode())
        load.stdin.close()
        assert await load.stdout.readline() == b"begin\n", "the load did not begin"
        self.begun.set()
        shares = Shares(pids)
        outcome = json.loads(await load.stdout.readline())
        cores = {**shares.cores(), "load": round(outcome.pop("client_cpu_s") / outcome["seconds"], 2)}
        await load.wait()
        run = Run(what, cores=cores, **outcome)
        assert "STATE_REJECTED" not in run.outcomes, f"flights that do not overlap were refused: {run}"
        return run

    async def profiled(self, what: str, kind: str, scene: str, first: int, count: int) -> Run:
        """A job during which the first worker is looked at, which slows it down: its rate is not to be compared."""
        pid = self._installation.workers[SERVICE, "1"].identity.pid
        self.begun.clear()

        async def look() -> dict[str, float] | None:
            await self.begun.wait()
            return await profile(pid, PROFILED_S, self._folder)

        run, files = await asyncio.gather(self.run(what, kind, scene, first, count), look())
        return Run(**{**asdict(run), "profile": files})

    def _pids(self) -> dict[str, int]:
        ours = {f"{service} {n}": w.identity.pid for (service, n), w in self._installation.workers.items()}
        return ours | {name: entry.identity.pid for name, entry in self._stack.state.entries.items()}


async def measure() -> list[Run]:
    """Everything, on a stack of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="lowsky-bench-") as name,
        serving_issuer() as issuer,
        infrastructure(Path(name) / "state") as stack,
    ):
        folder = Path(name)

        @asynccontextmanager
        async def benched(*services: str) -> AsyncIterator[tuple[Installation, Bench]]:
            async with new_installation(stack, issuer, folder) as installation:
                for service in services:
                    await installation.start(service)
                bench = Bench(stack, installation, folder)
                await bench.settle()
                yield installation, bench

        async with benched(SERVICE) as (installation, bench):
            runs = [
                await bench.echo("bare grpc.aio echo, 32 callers", "echo"),
                await bench.echo("bare grpc.aio echo, one stream", "echo-stream"),
                await bench.pipeline("bare durable pipeline, 32 callers", "pipeline"),
                await bench.pipeline("bare durable pipeline, one stream", "pipeline-stream"),
            ]
            runs += await rates(installation, bench)
        async with benched(SERVICE, "approvals") as (_, bench):
            runs += await latencies(bench)
    return runs


async def rates(installation: Installation, bench: Bench) -> list[Run]:
    """Of a worker by itself, and of two at a hub."""
    runs = [await bench.run("unary, 32 callers, spread out", "unary", "spread", 0, UNARY_COUNT)]
    await bench.drained()
    runs.append(await bench.run("one stream, spread out", "stream", "spread", 10_000, STREAM_COUNT))
    await bench.drained()
    runs.append(await bench.run("unary, 32 callers, hub", "unary", "hub", 0, HUB_COUNT))
    await bench.drained()
    profiled = "profiled: one stream, spread out"
    runs.append(await bench.profiled(profiled, "stream", "spread", 100_000, 2 * STREAM_COUNT))
    await bench.drained()
    await installation.start(SERVICE, instance="2")
    runs.append(await bench.run("two workers: 32 callers, hub", "unary", "hub", 100_000, HUB_COUNT))
    await bench.drained()
    return runs


async def latencies(bench: Bench) -> list[Run]:
    """At half of what the whole of it, approvals deciding, can do."""
    most = await bench.run("unary, 32 callers, approvals deciding", "unary", "spread", 200_000, UNARY_COUNT)
    await bench.drained()
    per_s = most.per_s / 2
    at = f"{per_s:.0f}/s"
    runs = [most, await bench.run(f"answer at {at}", "paced", "spread", 0, UNARY_COUNT // 2, per_s=per_s)]
    await bench.drained()
    more = {"per_s": per_s, "wait_s": 10}
    runs.append(await bench.run(f"decision at {at}", "paced", "spread", 100_000, UNARY_COUNT // 2, **more))
    return runs


def table(runs: list[Run]) -> Table:
    """Each run beside the floor."""
    rows = Table(title="Submissions, 18 legs each", title_justify="left")
    for heading in (
        "what",
        "calls/s",
        "of the echo",
        "of the pipeline",
        "CPU µs a call",
        "× the echo",
        "others' µs",
        "p50 ms",
        "p99 ms",
        "outcomes",
        "cores",
    ):
        rows.add_column(heading, justify="left" if heading in ("what", "outcomes", "cores") else "right")
    for run in runs:
        is_stream = "stream" in run.what  # an answer is not timed by itself there
        floor, pipeline = (
            next(one for one in runs if one.what.startswith(name) and ("stream" in one.what) is is_stream)
            for name in ("bare grpc.aio echo", "bare durable pipeline")
        )
        rows.add_row(
            run.what,
            f"{run.per_s:.0f}",
            f"{run.per_s / floor.per_s:.2f}",
            f"{run.per_s / pipeline.per_s:.2f}",
            f"{run.cpu_us:.0f}",
            f"{run.cpu_us / floor.cpu_us:.1f}",
            f"{run.others_us:.0f}",
            "" if is_stream else f"{run.p50_ms:.1f}",
            "" if is_stream else f"{run.p99_ms:.1f}",
            ", ".join(f"{count} {name.removeprefix('STATE_')}" for name, count in run.outcomes.items()),
            ", ".join(f"{name} {share:.2f}" for name, share in run.cores.items()),
        )
    return rows


def profile_table(run: Run) -> Table:
    """Where the worker was."""
    rows = Table(title=f"Where the worker is while busy ({run.what})", title_justify="left")
    rows.add_column("file")
    rows.add_column("% of its time", justify="right")
    for file, share in (run.profile or {"py-spy is not installed: no profile": 0.0}).items():
        rows.add_row(file, f"{100 * share:.1f}")
    return rows


def show(runs: list[Run]) -> None:
    """Prints the tables."""
    console = Console(width=220)
    console.print(table(runs))
    for run in runs:
        if run.what.startswith("profiled"):
            console.print(profile_table(run))


def main() -> None:
    """Measures, prints, and writes RESULTS."""
    load_before = os.getloadavg()
    runs = asyncio.run(measure())
    show(runs)
    RESULTS.parent.mkdir(exist_ok=True)
    document = {
        "time": datetime.now(UTC).isoformat(),
        "cores": os.cpu_count(),
        "load_before": load_before,
        "runs": [run.as_dict() for run in runs],
    }
    RESULTS.write_text(json.dumps(document, indent=2) + "\n")


if __name__ == "__main__":
    main()
