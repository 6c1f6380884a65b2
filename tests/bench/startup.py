"""`python -m tests.bench.startup`: services over 100 000 zones on real parts: start, memory, and one restriction more.

Ten datasets of 10 000 zones each, of eight corners, are imported. Then a flightplans worker is killed and started: the
seconds from the start of its process until it says that it serves are what an installation waits, and its resident
memory is what it needs. Last an officer restricts a square, and the worker's log tells when it decides with it.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from pathlib import Path

import psutil

from lowsky.local.stack import infrastructure
from tests.bench.imports import in_force, rings
from tests.bench.measuring import size
from tests.integration.airspace.publishing import new_dataset, new_publisher
from tests.integration.airspace.restricting import CITY, new_officer
from tests.support.installation import Installation, new_installation
from tests.support.tokens import serving_issuer
from tests.support.zone_files import ed269_zone, file_of

DATASETS = size(10, 2)
ZONES = size(10_000, 200)
"""Of each dataset."""
CORNERS = 8


async def measure() -> dict[str, float]:
    """Seconds and MiB of a flightplans worker that starts, and seconds until a restriction is in force."""
    with (
        tempfile.TemporaryDirectory(prefix="lowsky-bench-") as folder,
        serving_issuer() as issuer,
        infrastructure(Path(folder) / "state") as stack,
    ):
        async with new_installation(stack, issuer, Path(folder)) as installation:
            await installation.start("airspace")
            publisher = await new_publisher(installation)
            revision = 0
            for dataset in range(DATASETS):
                data = file_of(
                    [ed269_zone(f"Z{number}", ring) for number, ring in enumerate(rings(ZONES, CORNERS, 0.01, dataset))]
                )
                revision = (await publisher.publish(new_dataset(), data)).dataset.airspace_revision
            await installation.start("flightplans")
            await in_force(installation, "1", revision)
            await installation.kill("flightplans")
            begun = time.perf_counter()
            await installation.restart("flightplans")
            started_s = time.perf_counter() - begun
            memory = {service: resident_mib(installation, service) for service in ("flightplans", "airspace")}
            officer = await new_officer(installation, CITY)
            begun = time.perf_counter()
            await officer.restrict()
            answered_s = time.perf_counter() - begun
            await in_force(installation, "1", revision + 1)
            restricted_s = time.perf_counter() - begun
    return {
        "zones": DATASETS * ZONES,
        "start_s": round(started_s, 1),
        **{f"{service}_mib": mib for service, mib in memory.items()},
        "restriction_answered_s": round(answered_s, 2),
        "restriction_in_force_s": round(restricted_s, 2),
    }


def resident_mib(installation: Installation, service: str) -> int:
    """Of the service's process."""
    return int(psutil.Process(installation.workers[service, "1"].identity.pid).memory_info().rss / 2**20)


def main() -> None:
    print(json.dumps(asyncio.run(measure())))


if __name__ == "__main__":
    main()
