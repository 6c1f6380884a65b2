"""`python -m tests.bench.airspace_scale`: a flightplans worker's view of 100 000 zones, in one process, without Kafka.

From the bytes of the events to the index, and then one restriction more. Zones are those of the geofence benchmark.
On two cores that much else ran on: 6.5 s of processor time (some 65 µs a zone, 8 of them for the index), 364 MiB, and
60 ms for the restriction.
"""

from __future__ import annotations

import asyncio
import resource
import time
from datetime import UTC, datetime

from lowsky.api.airspace.v1 import geozones_pb2
from lowsky.api.events.v1 import events_pb2
from lowsky.events import topics
from lowsky.events.event import Event
from lowsky.events.watching.tail import APPLY_SLICE
from lowsky.flightplans.events.geozones import OnGeozones
from lowsky.flightplans.projections.airspace import Airspace
from lowsky.geo.codec.zones import geozone_to_message
from lowsky.health import Health
from tests.bench.geofence import zones_of
from tests.bench.measuring import size

ZONES = size(100_000, 500)
TOPIC = topics.GEOZONES


def published(count: int) -> list[Event]:
    """Zones of one dataset, with a published text of a kilobyte each."""
    return [
        Event(
            TOPIC,
            zone.name,
            "lowsky.geozone.published.v1",
            events_pb2.GeozoneEvent(
                geozone=geozone_to_message(
                    zone.geozone,
                    name=zone.name,
                    dataset="datasets/city",
                    dataset_version=1,
                    published_json="x" * 1_000,
                )
            ).SerializeToString(),
            datetime.now(UTC),
        )
        for zone in zones_of(count)
    ]


def imported(revision: int, count: int) -> Event:
    dataset = geozones_pb2.Dataset(name="datasets/city", airspace_revision=revision, geozone_count=count)
    value = events_pb2.DatasetEvent(dataset=dataset).SerializeToString()
    return Event(TOPIC, "datasets/city", "lowsky.dataset.imported.v1", value, datetime.now(UTC))


async def told(airspace: Airspace, events: list[Event], revision: int) -> float:
    """Tells the events as the tail does; the seconds until the airspace of that revision is in force."""
    hear = OnGeozones(airspace)
    begun = time.perf_counter()
    for first in range(0, len(events), APPLY_SLICE):
        for event in events[first : first + APPLY_SLICE]:
            hear(event, {})
        await asyncio.sleep(0)
    await airspace.newer_than(revision - 1)
    return time.perf_counter() - begun


async def main() -> None:
    events = published(ZONES + 1)
    airspace = Airspace(Health())
    keeping = asyncio.create_task(airspace.keep_index())
    before_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    busy_s = time.process_time()
    start_s = await told(airspace, [*events[:-1], imported(1, ZONES)], 1)
    busy_s = time.process_time() - busy_s
    resident_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kb
    change_s = await told(airspace, [events[-1], imported(2, ZONES + 1)], 2)
    while not keeping.done():
        keeping.cancel()
        await asyncio.sleep(0.001)
    taken = f"{start_s:.1f} s, of which {busy_s:.1f} s busy"
    print(f"{ZONES} zones in force after {taken}, {resident_kb / 1024:.0f} MiB more at the peak")
    print(f"one restriction more after {change_s * 1000:.0f} ms")


if __name__ == "__main__":
    asyncio.run(main())
