"""Turns: so many at a time, and work keeps its turn when nobody waits for it any more."""

from __future__ import annotations

import asyncio

import pytest

from lowsky.flightplans.openings.concurrency_limit import Turns


async def test_what_somebody_left_keeps_its_turn_until_it_has_ended() -> None:
    turns, gate = Turns(1), asyncio.Event()

    async def work() -> str:
        await gate.wait()
        return "done"

    async def quick() -> str:
        return "quick"

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await turns.take(work, 1)
    with pytest.raises(TimeoutError):
        await turns.take(quick, 0.01)
    gate.set()
    assert await turns.take(quick, 1) == "quick"
    assert await turns.take(work, 1) == "done"


async def test_what_fails_gives_its_turn_back() -> None:
    turns = Turns(1)

    async def fail() -> None:
        raise LookupError

    for _ in range(3):
        with pytest.raises(LookupError):
            await turns.take(fail, 0.1)
