"""A changed zone and the plans it touches: what becomes of them, once, whatever else happens meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc

from lowsky.api.airspace.v1 import geozones_pb2
from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.events import topics
from tests.integration.flightplans.world import (
    EAST,
    PORT,
    SERVICE,
    TOWER,
    World,
    imported,
    in_,
    state,
    submission,
    zone,
    zone_event,
    zone_removed,
)
from tests.support.errors import error_of
from tests.support.polling import eventually

PROHIBITED = geozones_pb2.RESTRICTION_PROHIBITED
AUTHORIZATION = geozones_pb2.RESTRICTION_REQ_AUTHORIZATION
PLANS = topics.FLIGHT_PLANS
NONE = geozones_pb2.RESTRICTION_NO_RESTRICTION


async def approved(world: World, at: tuple[float, float], **fields: Any) -> pb.FlightPlan:
    plan = (await world.submit(at, **fields)).flight_plan
    await world.verdict(plan, "granted", automatic=not plan.deciding_authorities)
    return await world.wait_state(plan.name, "APPROVED")


async def rechecked(world: World) -> None:
    """Until all plans have been checked again for the present revision."""

    async def done() -> bool:
        async with world.installation.connection() as connection:
            return bool(await connection.fetchval("SELECT done FROM flightplans.airspace_recheck") == world.revision)

    await eventually(done, what=f"plans checked again for revision {world.revision}")


async def plan_now(world: World, plan: pb.FlightPlan) -> pb.FlightPlan:
    return (await world.stub().GetFlightPlan(pb.GetFlightPlanRequest(name=plan.name))).flight_plan


async def test_a_new_prohibited_zone_rescinds_approved_plans_and_rejects_those_that_wait(world: World) -> None:
    at = (112.0, 20.0)
    granted = await approved(world, at)
    waiting = (await world.submit(at)).flight_plan
    reviewed = (await world.submit(at)).flight_plan
    await world.verdict(reviewed, "opened")
    await world.wait_state(reviewed.name, "UNDER_REVIEW")

    await world.publish_zones(zone("geozones/stadium.match", at, PROHIBITED), dataset="datasets/stadium")
    rescinded = await world.wait_state(granted.name, "RESCINDED")
    (finding,) = rescinded.findings
    assert finding.rule == assessment_pb2.Finding.RULE_GEOZONE_PROHIBITED
    assert finding.subject == "geozones/stadium.match"
    assert f"revision {world.revision}, geozones/stadium.match" in rescinded.state_reason
    assert rescinded.airspace_revision == world.revision
    for plan in (waiting, reviewed):
        rejected = await world.wait_state(plan.name, "REJECTED")
        assert "geozones/stadium.match" in rejected.state_reason
    await world.wait_told(granted.name, "submitted", "approved", "rescinded")
    await world.wait_told(reviewed.name, "submitted", "put-under-review", "rejected")

    # What was decided before anybody heard of the zone comes too late.
    await world.verdict(waiting, "granted", automatic=True)
    marker = await approved(world, (112.0, 19.0))
    assert await world.state_of(waiting.name) == "REJECTED"
    assert await world.state_of(marker.name) == "APPROVED"


async def test_a_flight_under_way_is_rescinded_too_and_one_that_is_over_is_left(world: World) -> None:
    at = (112.0, 18.0)
    flying = await approved(world, at, departure=in_(seconds=20))
    # Volumes begin half a minute before the flight.
    await world.stub().ActivateFlightPlan(pb.ActivateFlightPlanRequest(name=flying.name, request_id=new_request()))
    withdrawn = (await world.submit(at)).flight_plan
    await world.stub().WithdrawFlightPlan(
        pb.WithdrawFlightPlanRequest(name=withdrawn.name, request_id=new_request(), reason="rain")
    )
    await world.publish_zones(zone("geozones/fire.f", at, PROHIBITED), dataset="datasets/fire")
    assert "geozones/fire.f" in (await world.wait_state(flying.name, "RESCINDED")).state_reason
    await rechecked(world)
    assert await world.told_of(withdrawn.name) == ["submitted", "withdrawn"]


async def test_zones_elsewhere_at_other_times_or_heights_leave_plans_as_they_are(world: World) -> None:
    at = (112.0, 17.0)
    plan = await approved(world, at, departure=in_(hours=1))
    elsewhen = zone("geozones/calm.elsewhen", at, PROHIBITED)
    period = elsewhen.applicability.periods.add()
    period.start_time.FromDatetime(in_(hours=3))
    period.end_time.FromDatetime(in_(hours=4))
    zones = [
        elsewhen,
        zone("geozones/calm.elsewhere", (112.0, 16.0), PROHIBITED),
        zone("geozones/calm.above", at, PROHIBITED, lower_m=110, upper_m=500),
        zone("geozones/calm.below", at, PROHIBITED, lower_m=0, upper_m=90),
    ]
    await world.publish_zones(*zones, dataset="datasets/calm")
    await rechecked(world)
    assert await plan_now(world, plan) == plan
    assert await world.told_of(plan.name) == ["submitted", "approved"]

    # A removed zone harms nobody, and the same zone once more is no change.
    world.revision += 1
    await world.tell([zone_removed("geozones/calm.above"), *map(zone_event, (elsewhen, zones[1], zones[3]))])
    await world.tell([imported("datasets/calm", world.revision, 3)])
    await rechecked(world)
    assert await plan_now(world, plan) == plan


async def test_a_zone_that_needs_another_word_reopens_the_review_until_that_word_is_there(world: World) -> None:
    at = (112.0, 15.0)
    plan = await approved(world, at)
    waiting = (await world.submit(at)).flight_plan
    await world.publish_zones(
        zone("geozones/harbour.h", at, AUTHORIZATION, deciding=[TOWER]), dataset="datasets/harbour"
    )
    reopened = await world.wait_state(plan.name, "UNDER_REVIEW")
    assert list(reopened.deciding_authorities) == [TOWER]
    assert "geozones/harbour.h" in reopened.state_reason
    assert reopened.approval == plan.approval != ""
    await world.wait_state(waiting.name, "UNDER_REVIEW")
    await world.wait_told(plan.name, "submitted", "approved", "reopened")
    # The officers of the authority see it from now on.
    assert (await world.officer().GetFlightPlan(pb.GetFlightPlanRequest(name=plan.name))).flight_plan == reopened

    # The grant by rule that was on its way does not count any more; the tower's does.
    await world.verdict(waiting, "granted", automatic=True)
    await world.verdict(reopened, "opened")
    await world.verdict(reopened, "granted", reason="fine")
    assert (await world.wait_state(plan.name, "APPROVED")).state_reason == "fine"
    assert await world.state_of(waiting.name) == "UNDER_REVIEW"
    await world.verdict(await plan_now(world, waiting), "granted", reason="fine too")
    await world.wait_state(waiting.name, "APPROVED")
    await world.wait_told(plan.name, "submitted", "approved", "reopened", "approved")


async def test_a_zone_of_an_authority_that_has_granted_is_asked_for_once_and_a_grant_of_before_does_not_count(
    world: World,
) -> None:
    plan = await approved(world, EAST)
    assert list(plan.deciding_authorities) == [TOWER]
    second = zone("geozones/tower2.t", EAST, AUTHORIZATION, deciding=[TOWER], notified=[PORT])
    await world.publish_zones(second, dataset="datasets/tower2")
    reopened = await world.wait_state(plan.name, "UNDER_REVIEW")
    assert len(reopened.findings) == 2
    assert "geozones/tower2.t" in reopened.state_reason
    assert list(reopened.notified_authorities) == [PORT]
    events = await world.installation.events_so_far(PLANS)
    (asks,) = [list(value.asks) for event, value in events if event.key == plan.name and value.asks]
    assert asks == [TOWER]

    # The same zone once more, and one of nobody's business: nothing is asked twice.
    quiet = zone("geozones/tower2.n", EAST, NONE, notified=[PORT])
    for zones in ([second], [second, quiet]):
        await world.publish_zones(*zones, dataset="datasets/tower2")
        await rechecked(world)
    await world.verdict(plan, "granted", reason="of before")  # as the tower saw it before the second zone
    await world.wait_told(plan.name, "submitted", "approved", "reopened", "reassessed")
    now = await plan_now(world, plan)
    assert state(now) == "UNDER_REVIEW"
    await world.verdict(now, "granted", reason="both")
    assert (await world.wait_state(plan.name, "APPROVED")).state_reason == "both"

    # What the plan meets of the zone is the same: so is what the tower granted. Then it asks for something else.
    second.titles[0].text = "Called otherwise"
    second.authorities[0].email = "tower@example.org"
    await world.publish_zones(second, quiet, dataset="datasets/tower2")
    await rechecked(world)
    assert await world.state_of(plan.name) == "APPROVED"
    second.conditions = "below 50 m"
    await world.publish_zones(second, quiet, dataset="datasets/tower2")
    assert "geozones/tower2.t" in (await world.wait_state(plan.name, "UNDER_REVIEW")).state_reason


async def test_a_zone_that_goes_or_is_loosened_takes_its_findings_and_authorities_with_it(world: World) -> None:
    at = (112.0, 14.0)
    tower = zone("geozones/fair.t", at, AUTHORIZATION, deciding=[TOWER])
    port = zone("geozones/fair.p", at, AUTHORIZATION, deciding=[PORT])
    await world.publish_zones(tower, port, dataset="datasets/fair")
    plan = (await world.submit(at)).flight_plan
    await world.verdict(plan, "opened")
    reviewed = await world.wait_state(plan.name, "UNDER_REVIEW")
    assert sorted(reviewed.deciding_authorities) == [PORT, TOWER]

    # The port's is loosened and lies elsewhere by now; then the tower's goes.
    world.revision += 1
    elsewhere = zone("geozones/fair.p", (112.5, 14.5), AUTHORIZATION, deciding=[PORT])
    await world.tell([zone_event(tower), zone_event(elsewhere), imported("datasets/fair", world.revision, 2)])
    await rechecked(world)
    lighter = await plan_now(world, plan)
    assert (state(lighter), list(lighter.deciding_authorities)) == ("UNDER_REVIEW", [TOWER])
    world.revision += 1
    await world.tell([zone_removed("geozones/fair.t"), imported("datasets/fair", world.revision, 1)])
    await rechecked(world)
    free = await plan_now(world, plan)
    assert (state(free), list(free.deciding_authorities), list(free.findings)) == ("UNDER_REVIEW", [], [])
    # Its case hears of it, needs nobody any more, and is granted.
    await world.wait_told(plan.name, "submitted", "put-under-review", "reassessed", "reassessed")
    await world.verdict(free, "granted", automatic=True)
    await world.wait_state(plan.name, "APPROVED")


async def test_a_worker_killed_in_the_middle_moves_each_plan_once(world: World) -> None:
    at = (112.0, 13.0)
    count = 600
    names = await submitted(world, at, count)
    await start_second(world)
    await world.installation.kill(SERVICE, instance="2")
    world.revision += 1
    await world.tell(
        [
            zone_event(zone("geozones/kill.k", at, PROHIBITED)),
            imported("datasets/kill", world.revision, 1),
        ]
    )

    async with world.installation.connection() as connection:

        async def begun() -> int:
            return int(
                await connection.fetchval(
                    "SELECT count(*) FROM flightplans.flight_plans WHERE state = 'REJECTED' AND id = ANY($1::text[])",
                    [name.rpartition("/")[2] for name in names],
                )
            )

        while not (moved := await begun()):
            await asyncio.sleep(0)
        await world.installation.kill(SERVICE)
        moved = await begun()
        assert 0 < moved < count
        # Another worker does the rest, also the one that only now hears of the zone.
        await world.installation.restart(SERVICE, instance="2")
        await rechecked(world)
        assert await begun() == count
    await world.installation.restart(SERVICE)
    await rechecked(world)
    # By id: what the killed worker had sent and not yet deleted from the outbox was sent again.
    emitted = {event.id: event for event, _ in await world.installation.events(PLANS) if event.key in names}
    assert len(emitted) == 2 * count
    assert sum(event.type == "lowsky.flightplan.rejected.v1" for event in emitted.values()) == count
    await world.installation.stop(SERVICE, instance="2")


async def test_a_worker_that_is_behind_stores_nothing_until_it_has_caught_up(world: World) -> None:
    at = (112.0, 9.0)
    world.revision += 1
    async with world.installation.connection() as connection:
        # Another worker has the next revision already, and begins.
        await connection.execute("UPDATE flightplans.airspace_recheck SET begun = $1", world.revision)
    asked = asyncio.ensure_future(world.submit(at))
    done, _ = await asyncio.wait([asked], timeout=0.5)
    assert not done
    await world.tell(
        [zone_event(zone("geozones/ahead.a", at, PROHIBITED)), imported("datasets/ahead", world.revision, 1)]
    )
    plan = (await asked).flight_plan
    assert (state(plan), plan.airspace_revision) == ("REJECTED", world.revision)
    await world.wait_told(plan.name, "rejected")
    await rechecked(world)


async def test_no_plan_slips_through_a_zone_that_comes_into_force_while_it_is_submitted(world: World) -> None:
    """Two workers take submissions as fast as they can, and everything is granted at once, while the zone comes."""
    at = (112.0, 11.0)
    await start_second(world)
    stop = asyncio.Event()
    answered: list[pb.FlightPlan] = []

    async def hammer(instance: str) -> None:
        stub = world.stub(instance=instance)
        while not stop.is_set():
            try:
                plan = (await stub.SubmitFlightPlan(submission(at))).flight_plan
            except grpc.aio.AioRpcError as error:
                assert error_of(error).reason == "NOT_CAUGHT_UP"
                continue
            answered.append(plan)
            if state(plan) == "SUBMITTED":
                await world.verdict(plan, "granted", automatic=True)

    async with asyncio.TaskGroup() as tasks:
        for number in range(8):
            tasks.create_task(hammer(str(1 + number % 2)))

        async def busy() -> bool:
            return len(answered) >= 50

        await eventually(busy)
        await world.publish_zones(zone("geozones/race.r", at, PROHIBITED), dataset="datasets/race")
        await rechecked(world)
        stop.set()
    before = [plan for plan in answered if state(plan) == "SUBMITTED"]
    after = [plan for plan in answered if state(plan) == "REJECTED"]
    assert before
    assert after
    for plan in before:

        async def ended(plan: pb.FlightPlan = plan) -> bool:
            return await world.state_of(plan.name) in {"REJECTED", "RESCINDED"}

        await eventually(ended, what=f"{plan.name} ended")
    async with world.installation.connection() as connection:
        left = await connection.fetchval(
            "SELECT count(*) FROM flightplans.flight_plans WHERE state = 'APPROVED' AND min_lat BETWEEN 10.9 AND 11.1"
        )
    assert left == 0
    await world.installation.stop(SERVICE, instance="2")


async def start_second(world: World) -> None:
    """A second worker, whichever tests ran before."""
    known = (SERVICE, "2") in world.installation.workers
    await (world.installation.restart if known else world.installation.start)(SERVICE, instance="2")


def new_request() -> str:
    return submission().request_id


async def submitted(world: World, at: tuple[float, float], count: int) -> set[str]:
    """So many plans around a place, by the stream."""

    async def requests() -> AsyncIterator[pb.SubmitFlightPlansRequest]:
        for number in range(count):
            yield pb.SubmitFlightPlansRequest(key=str(number), request=submission(at))

    names = set()
    async for answer in world.stub().SubmitFlightPlans(requests()):
        names.add(answer.flight_plan.name)
    assert len(names) == count
    return names
