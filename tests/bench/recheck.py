"""`python -m tests.bench.recheck`: 10 000 future plans, and a restriction that comes over a city.

Measured from the last record of the restriction on the topic until every plan that it touches has moved, and what the
worker itself says of its parts: finding the plans touched, and taking in what the geofence finds of them. Plans are
spread over 10° by 10° and a tenth of them fly in the city; then all of them.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path

import shapely

from lowsky.api.airspace.v1 import geozones_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.local.stack import infrastructure
from tests.bench.measuring import size
from tests.integration.flightplans.world import SERVICE, World, imported, in_, submission, waypoints, zone, zone_event
from tests.support.installation import new_installation
from tests.support.tokens import serving_issuer

PLANS = size(10_000, 200)
LEGS = 18
CITY = (105.0, 35.0)
PLACES = 100
APART = timedelta(minutes=35)
"""From one departure at a place to the next: the last flights leave within three days."""


def request(number: int, in_city: int, departure: datetime) -> pb.SubmitFlightPlanRequest:
    """A flight of half an hour over 1.5 km by 1 km, one of so many places, one departure after the other: none is in
    another's way. The first places are in the city, the others far around it."""
    slot, place = divmod(number, PLACES)
    row, column = divmod(place, 10)
    near = (CITY[0] - 0.08 + 0.016 * column, CITY[1] - 0.05 + 0.0095 * row)
    far = (100.0 + column + 0.5, 30.0 + row + 0.5)
    at = near if place < in_city else far
    legs = [point for step in range(5) for point in waypoints((at[0], at[1] + 0.002 * step))][: LEGS + 1]
    for n, point in enumerate(legs):
        point.offset_s = 100.0 * n
    return submission(waypoints=legs, departure=departure + slot * APART)


async def submit(world: World, in_city: int) -> None:
    """All plans, and waits until their events are on Kafka."""
    departure = in_(hours=1)

    async def requests() -> AsyncIterator[pb.SubmitFlightPlansRequest]:
        for n in range(PLANS):
            yield pb.SubmitFlightPlansRequest(key=str(n), request=request(n, in_city, departure))

    async for answer in world.stub().SubmitFlightPlans(requests()):
        assert answer.flight_plan.state == pb.STATE_SUBMITTED, answer
    async with world.installation.connection() as connection:
        while await connection.fetchval("SELECT EXISTS (SELECT FROM flightplans.outbox)"):
            await asyncio.sleep(0.1)
        await connection.execute("VACUUM ANALYZE")
        assert await connection.fetchval("SELECT count(*) FROM flightplans.reservations") == PLANS


async def restrict(world: World, name: str) -> None:
    world.revision += 1
    restriction = zone(f"geozones/{name}.r", CITY, geozones_pb2.RESTRICTION_PROHIBITED)
    restriction.layers[0].outline_wkb = shapely.to_wkb(shapely.Point(CITY).buffer(0.1, quad_segs=64))
    await world.tell([zone_event(restriction), imported(f"datasets/{name}", world.revision, 1)])
    begun = time.perf_counter()
    async with world.installation.connection() as connection:
        while await connection.fetchval("SELECT done FROM flightplans.airspace_recheck") != world.revision:
            await asyncio.sleep(0.01)
    took_s = time.perf_counter() - begun
    log = world.installation.log_of(SERVICE, lines=1_000).splitlines()
    entries = [json.loads(line) for line in log]
    *_, said = [entry for entry in entries if entry["event"] == "plans checked again" and entry["near"]]
    taken_in_ms = said["took_ms"] - said["found_ms"]
    print(
        {
            "took_s": round(took_s, 3),
            **{key: said[key] for key in ("zones", "near", "touched", "changed", "found_ms")},
            "taken_in_ms": taken_in_ms,
            "found_us_a_plan_near": round(1e3 * said["found_ms"] / said["near"]),
            "taken_in_us_a_plan_touched": round(1e3 * taken_in_ms / said["touched"]),
        },
        flush=True,
    )


async def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="lowsky-bench-") as folder,
        serving_issuer() as issuer,
        infrastructure(Path(folder) / "state") as stack,
    ):
        for in_city in (PLACES // 10, PLACES):
            async with new_installation(stack, issuer, Path(folder)) as installation:
                world = World(installation)
                await installation.start(SERVICE)
                await world.inhabit()
                await submit(world, in_city)
                await restrict(world, "match")


if __name__ == "__main__":
    asyncio.run(main())
