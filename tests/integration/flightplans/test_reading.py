"""Get and List: who sees what, filters, pages."""

from __future__ import annotations

import asyncio
import base64
import json

import pytest
from google.protobuf.timestamp_pb2 import Timestamp

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from tests.integration.flightplans.world import (
    EAST,
    FOREIGN,
    NORTH,
    OPERATOR,
    PORT,
    SOUTH,
    TOWER,
    Stub,
    World,
    a_drone,
    in_,
    submission,
    timestamp,
)
from tests.support.errors import refusal

EVERYBODY = "operators/-"


async def names(stub: Stub, parent: str = OPERATOR, page_size: int = 1_000, **fields: object) -> list[str]:
    """Of all pages."""
    found: list[str] = []
    token = ""
    while True:
        request = pb.ListFlightPlansRequest(parent=parent, page_size=page_size, page_token=token, **fields)  # type: ignore[arg-type]
        answer = await stub.ListFlightPlans(request)
        assert answer.ByteSize() < 4 * 1024 * 1024, "what a gRPC client receives"
        found += [plan.name for plan in answer.flight_plans]
        token = answer.next_page_token
        if not token:
            return found


async def foreign(world: World, at: tuple[float, float]) -> str:
    request = submission(at, parent=FOREIGN, aircraft=a_drone(FOREIGN))
    return (await world.stub(operator=FOREIGN).SubmitFlightPlan(request)).flight_plan.name


async def test_officers_read_what_touches_their_authority_and_nothing_else(world: World) -> None:
    mine = (await world.submit(EAST)).flight_plan.name
    clear = (await world.submit()).flight_plan.name
    north = (await world.submit(NORTH)).flight_plan.name
    theirs = await foreign(world, EAST)
    seen = await names(world.officer(TOWER), EVERYBODY)
    assert {mine, theirs} <= set(seen)
    assert not {clear, north} & set(seen)
    assert north in await names(world.officer(PORT), EVERYBODY)
    assert theirs not in await names(world.officer(TOWER), OPERATOR)
    get = pb.GetFlightPlanRequest
    assert (await world.officer(TOWER).GetFlightPlan(get(name=mine))).flight_plan.name == mine
    assert (await refusal(world.officer(TOWER).GetFlightPlan(get(name=clear)))).code.name == "NOT_FOUND"


async def test_who_is_both_operator_and_officer_reads_the_union(world: World) -> None:
    clear = (await world.submit()).flight_plan.name
    theirs, hidden = await foreign(world, EAST), await foreign(world, NORTH)
    both = world.stub(roles=["operator", "officer"], authority=TOWER)
    seen = await names(both, EVERYBODY)
    assert {clear, theirs} <= set(seen)
    assert hidden not in seen


async def test_operators_list_their_own_only(world: World) -> None:
    theirs = await foreign(world, EAST)
    assert theirs not in await names(world.stub())
    for parent in (FOREIGN, EVERYBODY):
        failure = await refusal(world.stub().ListFlightPlans(pb.ListFlightPlansRequest(parent=parent)))
        assert failure.code.name == "NOT_FOUND"


async def test_pages_have_no_gap_and_no_duplicate_while_plans_are_added(world: World) -> None:
    before = [(await world.submit()).flight_plan.name for _ in range(12)]
    reading = asyncio.create_task(names(world.stub(), page_size=3))
    await asyncio.gather(*(world.submit() for _ in range(10)))
    seen = await reading
    assert len(seen) == len(set(seen))
    assert set(before) <= set(seen)
    assert seen == sorted(seen, reverse=True)


async def test_filters_narrow(world: World) -> None:
    plan = (await world.submit(departure=in_(days=20))).flight_plan
    far = plan.name
    rejected = (await world.submit((113.0, 22.0))).flight_plan.name
    stub = world.stub()
    # A nanosecond of it: a filter is rounded outwards, as what it is compared with.
    begun, ending = Timestamp(), Timestamp()
    begun.FromNanoseconds(plan.time_start.ToNanoseconds() + 1)
    ending.FromNanoseconds(plan.time_end.ToNanoseconds() - 1)
    assert far in await names(stub, time_end=begun)
    assert far in await names(stub, time_start=ending)
    assert await names(stub, time_start=timestamp(in_(days=19))) == [far]
    assert far not in await names(stub, time_end=timestamp(in_(days=19)))
    assert rejected in await names(stub, states=[pb.STATE_REJECTED])
    assert far not in await names(stub, states=[pb.STATE_REJECTED])
    assert await names(stub, aircraft=f"{OPERATOR}/aircraft/none") == []
    request = pb.ListFlightPlansRequest(parent=OPERATOR, time_start=timestamp(in_(days=2)), time_end=timestamp(in_()))
    assert (await refusal(stub.ListFlightPlans(request))).reason == "INTERVAL_REVERSED"


async def test_a_page_token_belongs_to_its_filter_and_its_reader(world: World) -> None:
    for _ in range(3):
        await world.submit(EAST)
    page = pb.ListFlightPlansRequest(parent=OPERATOR, page_size=1)
    token = (await world.stub().ListFlightPlans(page)).next_page_token
    other_filter = pb.ListFlightPlansRequest(parent=OPERATOR, page_token=token, states=[pb.STATE_REJECTED])
    same_filter = pb.ListFlightPlansRequest(parent=OPERATOR, page_token=token)
    for call in (world.stub().ListFlightPlans(other_filter), world.officer().ListFlightPlans(same_filter)):
        failure = await refusal(call)
        assert (failure.code.name, failure.reason) == ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")


@pytest.mark.parametrize("token", ["x", "é", "bnVsbA", "W10", "e30"])
async def test_a_token_that_is_none_of_ours_is_refused(world: World, token: str) -> None:
    failure = await refusal(world.stub().ListFlightPlans(pb.ListFlightPlansRequest(parent=OPERATOR, page_token=token)))
    assert failure.reason == "INVALID_PAGE_TOKEN"


@pytest.mark.parametrize(
    "name", ["", "operators/acme", "operators/ACME/flightPlans/p", "operators/acme/flightPlans/" + "p" * 64]
)
async def test_malformed_names_are_invalid(world: World, name: str) -> None:
    failure = await refusal(world.stub().GetFlightPlan(pb.GetFlightPlanRequest(name=name)))
    assert (failure.code.name, list(failure.fields)) == ("INVALID_ARGUMENT", ["name"])


def large_content(waypoints: int) -> bytes:
    """Of a legal plan; each waypoint takes some 50 bytes."""
    content = submission().flight_plan
    content.trajectory.ClearField("waypoints")
    content.trajectory.waypoints.extend(
        assessment_pb2.Waypoint(
            longitude=113.5 + n * 1e-5,
            latitude=21.5,
            altitude_m=100.5,
            altitude_datum=geo_pb2.ALTITUDE_DATUM_AGL,
            offset_s=n + 0.1,
        )
        for n in range(waypoints)
    )
    return content.SerializeToString()


async def test_lists_of_large_plans_end_early_and_are_received_by_any_client(world: World) -> None:
    plans = [(await foreign(world, SOUTH)).rpartition("/")[2] for _ in range(25)]
    content = large_content(6_000)
    assert 25 * len(content) > 4 * 1024 * 1024 > len(content) * 10
    async with world.installation.connection() as connection:
        await connection.execute("UPDATE flightplans.flight_plans SET content = $1 WHERE id = ANY($2)", content, plans)
        larger = large_content(60_000)
        assert 4 * 1024 * 1024 > len(larger) > 2 * 1024 * 1024
        for plan in plans[10:13]:
            await connection.execute("UPDATE flightplans.flight_plans SET content = $1 WHERE id = $2", larger, plan)
    stub = world.stub(operator=FOREIGN)
    assert set(await names(stub, FOREIGN)) >= {f"{FOREIGN}/flightPlans/{plan}" for plan in plans}
    found = await names(stub, FOREIGN)
    assert found == sorted(found, reverse=True)
    assert len(found) == len(set(found))
    first = await stub.ListFlightPlans(pb.ListFlightPlansRequest(parent=FOREIGN))
    assert first.ByteSize() <= 2 * 1024 * 1024 + 2_000
    assert 1 < len(first.flight_plans) < 25
    assert first.next_page_token


async def test_a_summary_leaves_out_what_is_large(world: World) -> None:
    plan = (await world.submit(EAST)).flight_plan
    request = pb.ListFlightPlansRequest(parent=OPERATOR, page_size=1, view=pb.VIEW_SUMMARY)
    (summary,) = (await world.stub().ListFlightPlans(request)).flight_plans
    assert summary.name == plan.name
    assert (summary.state, summary.time_start, summary.aircraft) == (plan.state, plan.time_start, plan.aircraft)
    assert summary.WhichOneof("airspace") is None
    (finding,) = summary.findings
    assert finding == assessment_pb2.Finding(
        rule=plan.findings[0].rule, severity=plan.findings[0].severity, subject=plan.findings[0].subject
    )


@pytest.mark.parametrize("key", [[], [0], [None], [1e308], ["x", 1], [True]])
async def test_a_forged_page_token_is_refused(world: World, key: list[object]) -> None:
    await asyncio.gather(world.submit(), world.submit())
    request = pb.ListFlightPlansRequest(parent=OPERATOR, page_size=1)
    token = (await world.stub().ListFlightPlans(request)).next_page_token
    digest = json.loads(base64.urlsafe_b64decode(token + "=="))[0]
    request.page_token = base64.urlsafe_b64encode(json.dumps([digest, *key]).encode()).decode().rstrip("=")
    failure = await refusal(world.stub().ListFlightPlans(request))
    assert (failure.code.name, failure.reason) == ("INVALID_ARGUMENT", "INVALID_PAGE_TOKEN")
