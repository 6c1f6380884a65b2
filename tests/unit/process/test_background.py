"""Loops that end when they are told to, whatever swallows a cancellation, and work that outlives its failures."""

from __future__ import annotations

import asyncio

import pytest

from lowsky.errors import Unavailable
from lowsky.process import background
from lowsky.process.background import end, persistently, repeatedly, side_by_side
from tests.support.polling import eventually

WITHIN_S = 10


class Deaf:
    """A loop that swallows some cancellations, as a wait_for before Python 3.12 may."""

    def __init__(self, swallows: int) -> None:
        self.swallows = swallows
        self.ended = False
        self.runs = asyncio.Event()

    async def run(self) -> None:
        try:
            while True:
                self.runs.set()
                try:
                    await asyncio.sleep(3_600)
                except asyncio.CancelledError:
                    if not self.swallows:
                        raise
                    self.swallows -= 1
        finally:
            self.ended = True


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "CANCEL_AGAIN_S", 0.01)
    monkeypatch.setattr(background, "FAULT_RETRY_S", 0.0)


async def test_loops_side_by_side_end_with_their_parent_however_many_cancellations_get_lost() -> None:
    loops = Deaf(5), Deaf(0), Deaf(2)
    parent = asyncio.create_task(side_by_side(*(loop.run() for loop in loops)))
    for loop in loops:
        await loop.runs.wait()
    parent.cancel()
    async with asyncio.timeout(WITHIN_S):
        with pytest.raises(asyncio.CancelledError):
            await parent
    assert all(loop.ended for loop in loops)


async def test_a_parent_that_is_cancelled_again_while_it_ends_still_waits_for_all() -> None:
    loop = Deaf(20)
    parent = asyncio.create_task(side_by_side(loop.run()))
    await loop.runs.wait()
    async with asyncio.timeout(WITHIN_S):
        await end([parent])  # cancels it again and again, as a process does that stops
    assert parent.cancelled()
    assert loop.ended


async def test_what_one_of_them_raises_ends_the_others_and_is_raised() -> None:
    loop = Deaf(1)

    async def fails() -> None:
        await loop.runs.wait()
        raise KeyError("a fault")

    with pytest.raises(KeyError):
        await side_by_side(loop.run(), fails())
    assert loop.ended


@pytest.mark.parametrize("failure", [Unavailable("DATABASE_UNAVAILABLE", "away"), KeyError("a fault"), OSError("x")])
async def test_work_that_fails_is_repeated(failure: Exception) -> None:
    done = 0

    async def work() -> bool:
        nonlocal done
        done += 1
        if done < 4:
            raise failure
        return False

    repeating = asyncio.create_task(repeatedly(work, every_s=0.0, what="nothing is done"))

    async def repeated() -> bool:
        return done >= 5

    await eventually(repeated)
    assert not repeating.done()
    await end([repeating])


async def test_more_work_is_done_at_once() -> None:
    left = 3

    async def work() -> bool:
        nonlocal left
        left -= 1
        return left > 0

    repeating = asyncio.create_task(repeatedly(work, every_s=3_600, what="nothing is done"))

    async def all_done() -> bool:
        return left == 0

    await eventually(all_done)
    await end([repeating])


async def test_a_loop_that_fails_is_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "FAULT_RETRY_S", 0.0)
    started = 0

    async def loop() -> None:
        nonlocal started
        started += 1
        if started < 3:
            raise KeyError("a fault")

    async with asyncio.timeout(WITHIN_S):
        await persistently(loop)  # ends with a loop that ends by itself
    assert started == 3
