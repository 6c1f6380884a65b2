import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest

from lowsky.errors import Invalid, LowskyError, Overloaded, Unavailable
from lowsky.flightplans.submission import batcher as batcher_module
from lowsky.flightplans.submission.batcher import (
    BATCH_MAX,
    BATCH_WEIGHT_MAX,
    GATHER_S,
    GATHER_S_MAX,
    LANES,
    QUEUE_MAX,
    Batcher,
)

Item = tuple[str, int]
"""A key, and a number. Where tenants matter, a key is "tenant:…"; where weights do, the number is one."""


BUSY = 1
"""Batches before those that a test is about."""


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
async def running(work: Work, weight: Callable[[Item], int] = lambda item: 1) -> AsyncIterator[Batcher[Item, str]]:
    batcher: Batcher[Item, str] = Batcher(
        work, tenant=lambda item: item[0].partition(":")[0], key=lambda item: item[0], weight=weight
    )
    task = asyncio.create_task(batcher.run())
    yield batcher
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0)


async def occupy(batcher: Batcher[Item, str], work: Work) -> list[asyncio.Future[str]]:
    """Gives the batcher a batch to wait for, so that what comes now gathers."""
    work.open.clear()
    first, second = batcher.submit(("busy 0", 0)), batcher.submit(("busy 1", -1))
    await until(lambda: len(work.batches) == BUSY)
    return [first, second]


async def test_an_idle_batcher_takes_one_at_once() -> None:
    work = Work()
    async with running(work) as batcher:
        assert await batcher.submit(("a", 1)) == "done 1"
        assert await batcher.submit(("a", 2)) == "done 2"
    assert work.batches == [[("a", 1)], [("a", 2)]]


async def test_calls_that_are_still_being_read_join_a_batch_of_several(monkeypatch: pytest.MonkeyPatch) -> None:
    # Long enough for a machine that is busy with something else.
    monkeypatch.setattr(batcher_module, "GATHER_S", 1.0)
    monkeypatch.setattr(batcher_module, "GATHER_S_MAX", 10.0)
    work = Work()
    async with running(work) as batcher:
        tasks = [batcher.submit(("k0", 0)), batcher.submit(("k1", 1))]
        for n in range(2, 6):
            await asyncio.sleep(0.01)
            tasks.append(batcher.submit((f"k{n}", n)))
        await asyncio.gather(*tasks)
    assert [len(batch) for batch in work.batches] == [6]


async def test_a_batch_waits_for_no_more_than_its_time_however_steadily_calls_come() -> None:
    work = Work()
    async with running(work) as batcher:
        tasks = [batcher.submit(("k0", 0)), batcher.submit(("k1", 1))]
        begun = asyncio.get_running_loop().time()
        while not work.batches:
            assert asyncio.get_running_loop().time() - begun < 50 * GATHER_S_MAX, "it never begins"
            await asyncio.sleep(GATHER_S / 2)
            tasks.append(batcher.submit((f"k{len(tasks)}", len(tasks))))
        await asyncio.gather(*tasks)
    assert len(work.batches[0]) < BATCH_MAX


async def test_calls_gather_while_the_lanes_are_busy_and_keep_their_order() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        tasks = [batcher.submit((f"k{n}", n)) for n in range(BATCH_MAX + 10)]
        work.open.set()
        assert await asyncio.gather(*tasks) == [f"done {n}" for n in range(BATCH_MAX + 10)]
        await asyncio.gather(*busy)
    gathered = work.batches[BUSY:]
    assert [len(batch) for batch in gathered] == [BATCH_MAX, 10]
    assert [item[1] for batch in gathered for item in batch] == list(range(BATCH_MAX + 10))


async def test_a_few_items_wait_for_the_batch_under_way_and_a_full_batch_does_not() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        tasks = [batcher.submit((f"k{n}", n)) for n in range(BATCH_MAX - 1)]
        await asyncio.sleep(0.01)
        assert len(work.batches) == BUSY
        tasks.append(batcher.submit(("last", BATCH_MAX)))
        await until(lambda: len(work.batches) == BUSY + 1)
        tasks += [batcher.submit((f"more {n}", n)) for n in range(BATCH_MAX)]
        await asyncio.sleep(0.01)
        assert len(work.batches) == LANES
        work.open.set()
        await asyncio.gather(*tasks, *busy)
    assert [len(batch) for batch in work.batches[BUSY:]] == [BATCH_MAX, BATCH_MAX]


async def test_items_with_one_key_never_share_a_batch_and_keep_their_order() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        items = [("a", 1), ("b", 2), ("a", 3), ("c", 4), ("a", 5), ("b", 6)]
        tasks = [batcher.submit(item) for item in items]
        work.open.set()
        await asyncio.gather(*tasks, *busy)
    gathered = work.batches[BUSY:]
    assert all(len({key for key, _ in batch}) == len(batch) for batch in gathered)
    for key in "abc":
        assert [item for batch in gathered for item in batch if item[0] == key] == [i for i in items if i[0] == key]


async def test_more_than_is_queued_is_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batcher_module, "QUEUE_MAX", 6)
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        tasks = [batcher.submit(("k", n)) for n in range(3)]
        with pytest.raises(Overloaded):
            batcher.submit(("k", 4))
        work.open.set()
        assert await asyncio.gather(*tasks) == ["done 0", "done 1", "done 2"]
        assert await batcher.submit(("k", 4)) == "done 4"
        await asyncio.gather(*busy)


async def test_a_single_call_does_not_wait_for_the_thousands_of_another_tenant() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        fleet = [batcher.submit((f"fleet:{n}", n)) for n in range(QUEUE_MAX // 2)]
        single = batcher.submit(("single:1", -1))
        work.open.set()
        assert await single == "done -1"
        assert ("single:1", -1) in work.batches[BUSY]
        await asyncio.gather(*fleet, *busy)
    assert [item for batch in work.batches[BUSY:] for item in batch if item[1] >= 0] == [
        (f"fleet:{n}", n) for n in range(QUEUE_MAX // 2)
    ]


async def test_tenants_take_turns_within_a_batch_in_the_order_in_which_they_came() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        items = [("a:1", 1), ("a:2", 2), ("a:3", 3), ("b:1", 4), ("b:2", 5), ("c:1", 6)]
        tasks = [batcher.submit(item) for item in items]
        work.open.set()
        await asyncio.gather(*tasks, *busy)
    assert [key for key, _ in work.batches[BUSY]] == ["a:1", "b:1", "c:1", "a:2", "b:2", "a:3"]


async def test_a_tenant_that_floods_is_refused_and_others_are_not() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        accepted = []
        with pytest.raises(Overloaded):
            for n in range(QUEUE_MAX):
                accepted.append(batcher.submit((f"flood:{n}", n)))
        assert len(accepted) == QUEUE_MAX // 2
        others = [batcher.submit((f"other {n}:1", n)) for n in range(100)]
        with pytest.raises(Overloaded):
            batcher.submit(("flood:again", 0))
        work.open.set()
        await asyncio.gather(*accepted, *others, *busy)


async def test_however_many_tenants_flood_there_is_room_for_a_new_one() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        accepted = []
        for tenant in range(10):
            with pytest.raises(Overloaded):
                for n in range(QUEUE_MAX):
                    accepted.append(batcher.submit((f"flood {tenant}:{n}", n)))
            assert len(accepted) < QUEUE_MAX
        accepted.append(batcher.submit(("new:1", 1)))
        work.open.set()
        await asyncio.gather(*accepted, *busy)


async def test_one_request_sent_over_and_over_holds_up_nobody_else() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        same = [batcher.submit(("stuck", n)) for n in range(10)]
        others = [batcher.submit((f"other:{n}", n)) for n in range(BATCH_MAX - 1)]
        work.open.set()
        await asyncio.gather(*same, *others, *busy)
    assert len(work.batches[BUSY]) == BATCH_MAX
    assert [len(batch) for batch in work.batches[BUSY + 1 :]] == [1] * 9


@pytest.mark.parametrize(("last", "together"), [(10, True), (11, False)])
async def test_a_batch_holds_exactly_as_much_as_it_may_weigh(last: int, together: bool) -> None:
    work = Work()
    async with running(work, weight=lambda item: item[1]) as batcher:
        busy = await occupy(batcher, work)
        tasks = [batcher.submit(item) for item in [("a", BATCH_WEIGHT_MAX - 10), ("b", last)]]
        work.open.set()
        await asyncio.gather(*tasks, *busy)
    assert (len(work.batches[BUSY]) == 2) is together


async def test_an_item_that_is_too_heavy_for_any_batch_goes_alone() -> None:
    work = Work()
    async with running(work, weight=lambda item: item[1]) as batcher:
        busy = await occupy(batcher, work)
        tasks = [batcher.submit(item) for item in [("light", 1), ("heavy", 2 * BATCH_WEIGHT_MAX), ("feather", 2)]]
        work.open.set()
        await asyncio.gather(*tasks, *busy)
    assert work.batches[BUSY:] == [[("light", 1), ("feather", 2)], [("heavy", 2 * BATCH_WEIGHT_MAX)]]


async def test_heavy_items_are_neither_starved_by_light_ones_nor_starve_them() -> None:
    work = Work()
    async with running(work, weight=lambda item: item[1]) as batcher:
        busy = await occupy(batcher, work)
        heavy = [batcher.submit((f"heavy:{n}", BATCH_WEIGHT_MAX // 2)) for n in range(6)]
        light = [batcher.submit((f"light:{n}", 1)) for n in range(3 * BATCH_MAX)]
        work.open.set()
        await asyncio.gather(*heavy, *light, *busy)
    batches = work.batches[BUSY:]
    assert all(sum(weight for _, weight in batch) <= BATCH_WEIGHT_MAX for batch in batches)
    assert all(any(key.startswith("heavy") for key, _ in batch) for batch in batches[:4])
    assert [len(batch) for batch in batches[:3]] == [BATCH_MAX] * 3


async def test_an_error_of_one_item_is_its_own() -> None:
    work = Work()
    work.answer = lambda item: Invalid("INVALID_FIELD", "no") if item[1] == 2 else "fine"
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        tasks = [batcher.submit((f"k{n}", n)) for n in range(1, 4)]
        work.open.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*busy)
    assert [results[0], results[2]] == ["fine", "fine"]
    assert isinstance(results[1], Invalid)


async def test_a_caller_that_went_away_is_not_worked_for() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        gone = batcher.submit(("gone", 1))
        stays = batcher.submit(("stays", 2))
        await asyncio.sleep(0)
        gone.cancel()
        work.open.set()
        assert await stays == "done 2"
        await asyncio.gather(*busy)
    assert ("gone", 1) not in [item for batch in work.batches for item in batch]


async def test_a_caller_that_goes_away_in_the_middle_disturbs_nobody() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        busy[0].cancel()
        work.open.set()
        assert await busy[1] == "done -1"
        assert await batcher.submit(("a", 3)) == "done 3"


async def test_when_a_part_is_away_all_of_the_batch_hear_it_and_the_next_batch_goes_on() -> None:
    work = Work()
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        tasks = [batcher.submit((f"k{n}", n)) for n in range(3)]
        await asyncio.sleep(0)
        work.fault = Unavailable("DATABASE_UNAVAILABLE", "away")
        work.open.set()
        results = await asyncio.gather(*tasks, *busy, return_exceptions=True)
        assert all(isinstance(result, Unavailable) for result in results)
        assert len(work.batches) == BUSY + 1
        work.fault = None
        assert await batcher.submit(("a", 9)) == "done 9"


async def test_a_fault_of_ours_that_one_item_brings_out_is_not_everybodys() -> None:
    work = Work()
    work.fault, work.fault_on = RuntimeError("poison"), {("k1", 1)}
    async with running(work) as batcher:
        busy = await occupy(batcher, work)
        tasks = [batcher.submit((f"k{n}", n)) for n in range(3)]
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


async def test_items_that_wait_to_be_queued_count_as_queued(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batcher_module, "QUEUE_MAX", 6)
    news = asyncio.Event()

    async def wait() -> None:
        await news.wait()

    async with running(Work()) as batcher:
        waiting = [batcher.submit_after(wait(), ("unfit", n)) for n in range(3)]
        for _ in range(100):
            with pytest.raises(Overloaded):
                batcher.submit_after(wait(), ("unfit", 3))
        with pytest.raises(Overloaded):
            batcher.submit(("unfit", 3))
        assert await batcher.submit(("another", 4)) == "done 4", "there is room for others"
        news.set()
        assert await asyncio.gather(*waiting) == ["done 0", "done 1", "done 2"]
        assert await batcher.submit_after(wait(), ("unfit", 5)) == "done 5"


async def test_who_goes_away_while_it_waits_leaves_its_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batcher_module, "QUEUE_MAX", 2)
    work = Work()
    async with running(work) as batcher:
        at_once = batcher.submit_after(asyncio.sleep(0), ("k", 0))
        at_once.cancel()  # before anything of it ran
        await until(lambda: not batcher._postponed)
        later = batcher.submit_after(asyncio.sleep(60), ("k", 1))
        await asyncio.sleep(0)
        later.cancel()
        await until(lambda: not batcher._postponed)
        assert await batcher.submit(("k", 2)) == "done 2"
    assert work.batches == [[("k", 2)]]
