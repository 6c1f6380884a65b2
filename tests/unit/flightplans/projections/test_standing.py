import asyncio
from dataclasses import replace

from lowsky.flightplans.checks.validity import AircraftStanding, OperatorStanding
from lowsky.flightplans.projections.standing import Standing
from lowsky.priority import Priority
from tests.unit.flightplans.flights import DRONE, OPERATOR

LONG_S = 600.0
WITHIN_S = 30.0
"""Far less than that, and enough for any machine."""
VERIFIED, SUSPENDED = OperatorStanding("VERIFIED", None), OperatorStanding("SUSPENDED", None)
ACTIVE = AircraftStanding(True, 20, None)


async def test_who_is_fit_does_not_wait() -> None:
    standing = Standing()
    standing.learn_operator(OPERATOR, VERIFIED)
    standing.learn_aircraft(DRONE, ACTIVE)
    async with asyncio.timeout(WITHIN_S):
        await standing.await_fit(OPERATOR, DRONE, LONG_S)


async def test_news_ends_the_wait_of_who_has_just_become_fit() -> None:
    standing = Standing()
    standing.learn_operator(OPERATOR, SUSPENDED)
    waiting = [asyncio.create_task(standing.await_fit(OPERATOR, DRONE, LONG_S)) for _ in range(3)]
    await asyncio.sleep(0)
    standing.learn_aircraft(DRONE, ACTIVE)
    await asyncio.sleep(0)
    standing.learn_operator(OPERATOR, VERIFIED)
    async with asyncio.timeout(WITHIN_S):
        await asyncio.gather(*waiting)
    assert standing.operator(OPERATOR) == VERIFIED


async def test_news_ends_the_wait_of_who_has_just_been_entitled() -> None:
    standing = Standing()
    standing.learn_aircraft(DRONE, ACTIVE)
    standing.learn_operator(OPERATOR, VERIFIED)
    waiting = asyncio.create_task(standing.await_fit(OPERATOR, DRONE, LONG_S, Priority.MEDICAL))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    standing.learn_operator(OPERATOR, replace(VERIFIED, priority_max=Priority.EMERGENCY))
    async with asyncio.timeout(WITHIN_S):
        await waiting


async def test_the_wait_for_news_ends_by_itself() -> None:
    async with asyncio.timeout(WITHIN_S):
        await Standing().await_fit(OPERATOR, DRONE, 0.01)


async def test_the_wait_can_be_cancelled() -> None:
    waiting = asyncio.create_task(Standing().await_fit(OPERATOR, DRONE, LONG_S))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    assert waiting.cancelled()


async def test_what_is_forgotten_is_unknown() -> None:
    standing = Standing()
    standing.learn_operator(OPERATOR, VERIFIED)
    standing.forget(OPERATOR)
    assert standing.operator(OPERATOR) is None
