"""The airspace as it comes over Kafka: whole imports only, and nothing is decided without."""

from __future__ import annotations

from lowsky.api.airspace.v1 import geozones_pb2
from tests.integration.flightplans.world import (
    CLOSED,
    OPERATOR,
    SERVICE,
    SOUTH,
    TOWERS,
    World,
    imported,
    registered,
    state,
    submission,
    zone,
    zone_event,
    zone_removed,
)
from tests.support.errors import refusal
from tests.support.installation import Installation
from tests.support.polling import eventually

PROHIBITED = geozones_pb2.RESTRICTION_PROHIBITED


async def test_an_installation_without_any_airspace_decides_nothing_and_an_import_mends_it(
    installation: Installation,
) -> None:
    world = World(installation)
    await installation.start(SERVICE)
    await world.tell(registered(OPERATOR))
    failure = await refusal(world.submit())
    assert (failure.code.name, failure.reason) == ("FAILED_PRECONDITION", "NO_AIRSPACE")

    closing = zone(CLOSED, SOUTH, PROHIBITED)
    await world.tell([zone_event(closing)])
    assert (await refusal(world.submit())).reason == "NO_AIRSPACE"  # the import has not ended
    await world.tell([imported("datasets/city", 1, 1)])
    world.revision = 1
    await world.wait_for_revision()
    assert state((await world.submit()).flight_plan) == "REJECTED"

    # A zone got lost on the way: nothing is decided any more.
    await world.tell([imported("datasets/city", 2, 2)])

    async def lost() -> bool:
        return await installation.health(SERVICE) == "NOT_SERVING"

    await eventually(lost)
    failure = await refusal(world.submit())
    assert (failure.code.name, failure.reason) == ("UNAVAILABLE", "NOT_CAUGHT_UP")
    assert failure.retry_delay_s is not None

    # The next import removes the old zone and brings another one elsewhere.
    await world.tell([zone_removed(CLOSED), zone_event(zone(TOWERS, (114.0, 22.0), PROHIBITED))])
    await world.tell([imported("datasets/city", 3, 1)])
    await installation.wait_serving(SERVICE)
    world.revision = 3
    await world.wait_for_revision()
    assert state((await world.submit()).flight_plan) == "SUBMITTED"


async def test_a_worker_that_starts_decides_by_all_that_is_published(installation: Installation) -> None:
    world = World(installation)
    events = []
    for number in range(1, 41):
        name = f"geozones/set{number}.z"
        events += [zone_event(zone(name, SOUTH, PROHIBITED)), imported(f"datasets/set{number}", 3 + number, 1)]
    await world.tell(events)
    await installation.start(SERVICE, instance="2")
    plan = (await world.stub(instance="2").SubmitFlightPlan(submission())).flight_plan
    assert len(plan.findings) == 40
    assert plan.airspace_revision == 43
