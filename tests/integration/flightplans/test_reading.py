"""Get and List: who sees what, filters, pages."""

from __future__ import annotations

import asyncio

import pytest

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from tests.integration.flightplans.world import (
    EAST,
    FOREIGN,
    NORTH,
    OPERATOR,
    PORT,
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
    far = (await world.submit(departure=in_(days=20))).flight_plan.name
    rejected = (await world.submit((113.0, 22.0))).flight_plan.name
    stub = world.stub()
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
