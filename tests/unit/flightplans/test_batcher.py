import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from lowsky.errors import Invalid, LowskyError, Overloaded, Unavailable
from lowsky.flightplans import batcher as batcher_module
from lowsky.flightplans.batcher import BATCH_MAX, LANES, Batcher

Item = tuple[str, int]
"""A key, and a number."""


class Work:
    """Takes batches, one at a time on each lane, when it is let."""

    def __init__(self) -> None:
        self.batches: list[list[Item]] = []
        self.open = asyncio.Event()
        self.open.set()
        self.answer: Callable[[Item], str | LowskyError] = lambda item: f"done {item[1]}"
        self.fault: Exception | None = None
        self.fault_on: set[Item] = set()

    async def __call__(self, items: Sequence[Item]) -> Sequence[str | LowskyError]:
        self.batches.append(list(items))
        await self.open.wait()
        if self.fault is not None and (not self.fault_on or self.fault_on & set(items)):
            raise self.fault
        return [self.answer(item) for item in items]


@asynccontextmanager
async def running(work: Work) -> AsyncIterator[Batcher[Item, str]]:
    batcher: Batcher[Item, str] = Batcher(work, key=lambda item: item[0])
    task = asyncio.create_task(batcher.run())
    yield batcher
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def occupy(batcher: Batcher[Item, str], work: Work) -> list[asyncio.Task[str]]:
    """Gives every lane something to wait for, so that what comes now gathers."""
    work.open.clear()
    tasks = []
    for lane in range(LANES):
        tasks.append(asyncio.create_task(batcher.submit((f"busy {lane}", -lane))))
        await until(lambda lane=lane: len(work.batches) > lane)  # type: ignore[misc]  # a loop variable kept
    return tasks


async def test_an_idle_batcher_takes_one_at_once() -> None:
    work = Work()
    async with running(work) as batcher:
        assert await batcher.submit(("a", 1)) == "done 1"
        assert await batcher.submit(("a", 2)) == "done 2"
    assert work.batches == [[("a", 1)], [("a", 2)]]


async def test_calls_gather_while_the_lanes_are_busy_and_keep_their_order() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        tasks = [asyncio.create_task(batcher.submit((f"k{n}", n))) for n in range(BATCH_MAX + 10)]
        await asyncio.sleep(0)
        work.open.set()
        assert await asyncio.gather(*tasks) == [f"done {n}" for n in range(BATCH_MAX + 10)]
        await asyncio.gather(*busy)
    gathered = work.batches[LANES:]
    assert [len(batch) for batch in gathered] == [BATCH_MAX, 10]
    assert [item[1] for batch in gathered for item in batch] == list(range(BATCH_MAX + 10))


async def test_items_with_one_key_never_share_a_batch_and_keep_their_order() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        items = [("a", 1), ("b", 2), ("a", 3), ("c", 4), ("a", 5), ("b", 6)]
        tasks = [asyncio.create_task(batcher.submit(item)) for item in items]
        await asyncio.sleep(0)
        work.open.set()
        await asyncio.gather(*tasks, *busy)
    gathered = work.batches[LANES:]
    assert all(len({key for key, _ in batch}) == len(batch) for batch in gathered)
    for key in "abc":
        assert [item for batch in gathered for item in batch if item[0] == key] == [i for i in items if i[0] == key]


async def test_more_than_is_queued_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batcher_module, "QUEUE_MAX", 3)
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        tasks = [asyncio.create_task(batcher.submit(("k", n))) for n in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await batcher.submit(("k", 4))
        work.open.set()
        assert await asyncio.gather(*tasks) == ["done 0", "done 1", "done 2"]
        await asyncio.gather(*busy)


async def test_an_error_of_one_item_is_its_own() -> None:
    work = Work()
    work.answer = lambda item: Invalid("INVALID_FIELD", "no") if item[1] == 2 else "fine"
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        tasks = [asyncio.create_task(batcher.submit((f"k{n}", n))) for n in range(1, 4)]
        await asyncio.sleep(0)
        work.open.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*busy)
    assert [results[0], results[2]] == ["fine", "fine"]
    assert isinstance(results[1], Invalid)


async def test_a_caller_that_went_away_is_not_worked_for() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        gone = asyncio.create_task(batcher.submit(("gone", 1)))
        stays = asyncio.create_task(batcher.submit(("stays", 2)))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.sleep(0)
        work.open.set()
        assert await stays == "done 2"
        await asyncio.gather(*busy)
    assert ("gone", 1) not in [item for batch in work.batches for item in batch]


async def test_a_caller_that_goes_away_in_the_middle_disturbs_nobody() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        busy[0].cancel()
        await asyncio.sleep(0)
        work.open.set()
        assert await busy[1] == "done -1"
        assert await batcher.submit(("a", 3)) == "done 3"


async def test_when_a_part_is_away_all_of_the_batch_hear_it_and_the_next_batch_goes_on() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        tasks = [asyncio.create_task(batcher.submit((f"k{n}", n))) for n in range(3)]
        await asyncio.sleep(0)
        work.fault = Unavailable("DATABASE_UNAVAILABLE", "away")
        work.open.set()
        results = await asyncio.gather(*tasks, *busy, return_exceptions=True)
        assert all(isinstance(result, Unavailable) for result in results)
        assert len(work.batches) == LANES + 1
        work.fault = None
        assert await batcher.submit(("a", 9)) == "done 9"


async def test_a_fault_of_ours_that_one_item_brings_out_is_not_everybodys() -> None:
    work = Work()
    work.fault, work.fault_on = RuntimeError("poison"), {("k1", 1)}
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        tasks = [asyncio.create_task(batcher.submit((f"k{n}", n))) for n in range(3)]
        await asyncio.sleep(0)
        work.open.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*busy)
    assert [results[0], results[2]] == ["done 0", "done 2"]
    assert isinstance(results[1], RuntimeError)


async def test_who_waits_when_the_worker_stops_is_told_to_come_back() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
    results = await asyncio.gather(*busy, return_exceptions=True)
    assert all(isinstance(result, Overloaded) for result in results)
