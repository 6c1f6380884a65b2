"""`python -m tests.bench.imports`: 10 000 ED-269 zones, from the first byte sent until every worker decides with them.

End to end: upload, reading, storage and events through the airspace service, and two flightplans workers that take the
zones in. Zones are rings of 60 points, as national files have them; the file has some 20 MB.
"""

from __future__ import annotations

import asyncio
import json
import math
import random
import tempfile
import time
from pathlib import Path

import psutil

from lowsky.local.stack import infrastructure
from tests.bench.measuring import size
from tests.integration.airspace.publishing import new_dataset, new_publisher
from tests.support.installation import Installation, new_installation
from tests.support.polling import eventually
from tests.support.tokens import serving_issuer
from tests.support.zone_files import Point, ed269_zone, file_of

ZONES = size(10_000, 200)
POINTS = 60
WORKERS = ("1", "2")


def rings(count: int, points: int, degrees: float, seed: int = 1) -> list[list[Point]]:
    """Round outlines of that radius, spread over a country; the same of a seed in every run."""
    chance = random.Random(seed)
    turns = [math.tau * step / points for step in range(points)]
    found = []
    for _ in range(count):
        x, y = chance.uniform(8, 16), chance.uniform(46, 49)
        ring = [(round(x + degrees * math.cos(turn), 7), round(y + degrees * math.sin(turn), 7)) for turn in turns]
        found.append([*ring, ring[0]])
    return found


async def in_force(installation: Installation, instance: str, revision: int) -> None:
    """Waits until a worker says that it decides with that revision."""

    async def said() -> bool:
        entries = [json.loads(line) for line in installation.log_of("flightplans", instance=instance).splitlines()]
        return any(e["event"] == "airspace in force" and e["revision"] >= revision for e in entries)

    await eventually(said, within_s=120, what=f"revision {revision} at flightplans {instance}")


def peak_bytes(pid: int) -> int:
    """The most that a process has had in memory."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:"))


async def measure() -> dict[str, float]:
    """Seconds of the import and until all workers decide with it, zones a second, what the airspace worker takes."""
    data = file_of([ed269_zone(f"Z{number}", ring) for number, ring in enumerate(rings(ZONES, POINTS, 0.02))])
    with (
        tempfile.TemporaryDirectory(prefix="lowsky-bench-") as folder,
        serving_issuer() as issuer,
        infrastructure(Path(folder) / "state") as stack,
    ):
        async with new_installation(stack, issuer, Path(folder)) as installation:
            await installation.start("airspace")
            for instance in WORKERS:
                await installation.start("flightplans", instance=instance)
            publisher = await new_publisher(installation)
            worker = psutil.Process(installation.workers["airspace", "1"].identity.pid)
            idle, peak = worker.memory_info().rss, 0
            cpu_s = sum(worker.cpu_times()[:2])
            begun = time.perf_counter()
            answer = await publisher.publish(new_dataset(), data)
            imported_s = time.perf_counter() - begun
            cpu_s, peak = sum(worker.cpu_times()[:2]) - cpu_s, peak_bytes(worker.pid)
            assert answer.dataset.geozone_count == ZONES, answer.report
            for instance in WORKERS:
                await in_force(installation, instance, answer.dataset.airspace_revision)
            decided_s = time.perf_counter() - begun
    return {
        "zones": ZONES,
        "mb": round(len(data) / 1e6, 1),
        "import_s": round(imported_s, 2),
        "zones_per_s": round(ZONES / imported_s),
        "airspace_cpu_s": round(cpu_s, 2),
        "airspace_grows_by_mb": round((peak - idle) / 1e6),
        "every_worker_decides_s": round(decided_s, 2),
    }


def main() -> None:
    print(asyncio.run(measure()))


if __name__ == "__main__":
    main()
