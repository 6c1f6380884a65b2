"""`python -m tests.bench.watches`: a fleet whose watches all reconnect, and what others notice of it.

One flightplans worker. Submissions come at a steady rate, first by themselves, then while 60 watches of one operator
resume from before some thousand events. Said as ratios of the second to the first: p50 and p99 of the submissions; and
how long the watches took until all had caught up, and how much memory the worker took for it.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import grpc
import psutil

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.local.stack import infrastructure
from tests.bench.city import fleet
from tests.bench.measuring import size
from tests.bench.submissions import Bench, Run
from tests.integration.flightplans.world import SERVICE, Stub
from tests.support.installation import Installation, new_installation
from tests.support.tokens import serving_issuer

WATCHES = 60
MISSED = size(6_000, 400)
"""Events between the token and now, of which an eighth is the watched fleet's."""

PER_S, LASTS_S = 20.0, size(20.0, 3.0)
SAMPLED_S = 0.02


@dataclass(frozen=True)
class Reconnection:
    """What became of it."""

    watches: int
    missed_each: int
    caught_up_s: float
    more_memory_mib: float
    p50_ratio: float
    p99_ratio: float
    alone: Run
    meanwhile: Run


async def measure() -> Reconnection:
    """On a stack of its own."""
    with (
        tempfile.TemporaryDirectory(prefix="lowsky-bench-") as name,
        serving_issuer() as issuer,
        infrastructure(Path(name) / "state") as stack,
    ):
        async with new_installation(stack, issuer, Path(name)) as installation:
            await installation.start(SERVICE)
            bench = Bench(stack, installation, Path(name))
            await bench.settle()
            return await _measured(installation, bench)


async def _measured(installation: Installation, bench: Bench) -> Reconnection:
    token = installation.token(roles=["operator"], operator=fleet(0), subject="watcher")
    stub = installation.stub(Stub, SERVICE, token)
    first = stub.WatchFlightPlans(pb.WatchFlightPlansRequest(parent=fleet(0)))
    begun_with = await first.read()
    assert isinstance(begun_with, pb.WatchFlightPlansResponse)  # it has begun
    resume_token = begun_with.resume_token
    first.cancel()
    await bench.run("what is missed", "unary", "spread", 0, MISSED, lasts_s=120.0)
    await bench.drained()
    paced = {"per_s": PER_S, "lasts_s": LASTS_S}
    count = round(PER_S * LASTS_S)
    alone = await bench.run("alone", "paced", "spread", 100_000, count, **paced)
    await bench.drained()
    async with installation.connection() as connection:
        missed = await connection.fetchval(
            "SELECT count(*) FROM flightplans.flight_plans WHERE operator = $1", fleet(0)
        )
    worker = psutil.Process(installation.workers[SERVICE, "1"].identity.pid)
    before = worker.memory_info().rss
    bench.begun.clear()
    running = asyncio.create_task(bench.run("meanwhile", "paced", "spread", 200_000, count, **paced))
    await bench.begun.wait()
    begun = time.perf_counter()
    fleets = [asyncio.create_task(_caught_up(installation, token, resume_token, missed)) for _ in range(WATCHES)]
    most = before
    while not all(task.done() for task in fleets):
        most = max(most, worker.memory_info().rss)
        await asyncio.sleep(SAMPLED_S)
    caught_up_s = time.perf_counter() - begun
    await asyncio.gather(*fleets)
    meanwhile = await running
    return Reconnection(
        WATCHES,
        missed,
        round(caught_up_s, 2),
        round((most - before) / 2**20, 1),
        round(meanwhile.p50_ms / alone.p50_ms, 2),
        round(meanwhile.p99_ms / alone.p99_ms, 2),
        alone,
        meanwhile,
    )


async def _caught_up(installation: Installation, token: str, resume_token: str, missed: int) -> None:
    """One watch, on a connection of its own, until it has all that it missed; it comes again when it is told to."""
    async with grpc.aio.insecure_channel(installation.address(SERVICE)) as channel:
        watch: Any = channel.unary_stream("/lowsky.api.flightplans.v1.FlightPlansService/WatchFlightPlans")
        got = 0
        while got < missed:
            request = pb.WatchFlightPlansRequest(parent=fleet(0), resume_token=resume_token).SerializeToString()
            try:
                async for raw in watch(request, metadata=(("authorization", f"Bearer {token}"),)):
                    response = pb.WatchFlightPlansResponse.FromString(raw)
                    resume_token = response.resume_token
                    got += response.HasField("flight_plan")
                    if got == missed:
                        return
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED:
                    raise
                await asyncio.sleep(1.0)


def show(found: Reconnection) -> None:
    """Prints it."""
    print(
        f"{found.watches} watches that missed {found.missed_each} changes each caught up in {found.caught_up_s} s "
        f"and took {found.more_memory_mib} MiB; meanwhile submissions: p50 × {found.p50_ratio}, p99 × {found.p99_ratio}"
    )


def main() -> None:
    """Measures and prints."""
    found = asyncio.run(measure())
    show(found)
    print(json.dumps(asdict(found)))


if __name__ == "__main__":
    main()
