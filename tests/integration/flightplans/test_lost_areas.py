"""The topic of authorities is lost and made again: nothing is decided until it states the same areas, then all is."""

from __future__ import annotations

import grpc
import pytest
from aiokafka.admin import AIOKafkaAdminClient

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.events import topics
from lowsky.events.event import Event
from lowsky.local.parts.topics import create_topics
from tests.integration.flightplans.world import NORTH, PORT, SERVICE, SOUTH, TOWER, World, authority
from tests.support.errors import error_of
from tests.support.polling import eventually

NOBODYS_AREA = assessment_pb2.Finding.RULE_NOBODYS_AREA
UPDATES = 20
"""Of an authority before the loss: far more than there are after it."""


def stated(name: str, at: tuple[float, float], degrees: float = 0.1) -> Event:
    west, south, east, north = at[0] - degrees, at[1] - degrees, at[0] + degrees, at[1] + degrees
    return authority(name, "CHN", ground=[(west, south), (east, south), (east, north), (west, north)])


async def lose(world: World, topic: str) -> None:
    kafka = world.installation.kafka
    client = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await client.start()
    try:
        await client.delete_topics([kafka.topic(topic)])

        async def gone() -> bool:
            return kafka.topic(topic) not in await client.list_topics()

        await eventually(gone, what="the topic deleted")
    finally:
        await client.close()
    await create_topics(kafka.bootstrap, kafka.prefix)


async def counted(world: World) -> int:
    async with world.installation.connection() as connection:
        count: int = await connection.fetchval("SELECT areas_begun FROM flightplans.airspace_recheck")
        return count


async def is_rejected(world: World) -> bool:
    """Whether what flies in the south lies in nobody's area."""
    plan = (await world.submit(SOUTH)).flight_plan
    return plan.state == pb.STATE_REJECTED and [finding.rule for finding in plan.findings] == [NOBODYS_AREA]


@pytest.mark.parametrize("starts_anew", [True, False], ids=["a worker that starts", "a worker that runs"])
async def test_areas_count_again_after_their_topic_was_lost(world: World, starts_anew: bool) -> None:
    south, north = stated(TOWER, SOUTH), stated(PORT, NORTH)
    before = await counted(world)
    await world.tell([stated(TOWER, SOUTH, 0.1 + 0.001 * n) for n in range(UPDATES)])
    await world.tell([north, south])
    await eventually(lambda: has_counted(world, before + UPDATES), what="plans checked against the areas")
    plan = (await world.submit(SOUTH)).flight_plan
    assert plan.state == pb.STATE_SUBMITTED

    if starts_anew:
        await world.installation.kill(SERVICE)
    await lose(world, topics.AUTHORITIES)
    if starts_anew:
        await world.installation.restart(SERVICE)
        await world.tell([south])
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await world.submit(SOUTH)
        assert error_of(refused.value).reason == "NOT_CAUGHT_UP"
        await world.tell([north])
    else:
        await world.tell([south, north])

    async def recovers() -> bool:
        return await counted(world) == 2

    await eventually(recovers, within_s=60, what="the areas counted by the new topic")
    assert (await world.submit(SOUTH)).flight_plan.state == pb.STATE_SUBMITTED

    await world.tell([stated(TOWER, NORTH)])
    gone = await world.wait_state(plan.name, "REJECTED")
    assert NOBODYS_AREA in [finding.rule for finding in gone.findings]
    assert await is_rejected(world)


async def has_counted(world: World, count: int) -> bool:
    return await counted(world) >= count
