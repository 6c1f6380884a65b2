"""Flights that the law asks an application for, where an authority's area is open to others."""

from __future__ import annotations

from lowsky.api.assessment.v1 import assessment_pb2
from tests.integration.airspace.restricting import square
from tests.integration.flightplans.world import SOUTH, World, authority, state
from tests.support.polling import eventually

NAME = "authorities/open"
SWARM = ["SPECIAL_ACTIVITY_SWARM"]


async def test_what_must_be_applied_for_is_asked_of_the_authority_whose_area_is_open(world: World) -> None:
    west, south = SOUTH[0] - 0.5, SOUTH[1] - 0.5
    await world.tell([authority(NAME, "CHN", ground=square(west, south, west + 1, south + 1))])

    async def is_asked() -> bool:
        plan = (await world.submit(validate_only=True, special_activities=SWARM)).flight_plan
        return [one.rule for one in plan.findings] == [assessment_pb2.Finding.RULE_APPLICATION_REQUIRED]

    await eventually(is_asked, within_s=30, what="the area in force")
    assert list((await world.submit(validate_only=True)).flight_plan.findings) == []
    swarm = (await world.submit(special_activities=SWARM)).flight_plan
    assert state(swarm) == "SUBMITTED"
    assert [list(one.deciding_authorities) for one in swarm.findings] == [[NAME]]
