"""What a thread holds is held until it has ended."""

from __future__ import annotations

import asyncio
import threading

import pytest

from lowsky.airspace.threads import in_thread


async def test_a_result_comes_back() -> None:
    assert await in_thread(divmod, 7, 2) == (3, 1)


async def test_a_cancelled_caller_leaves_when_the_thread_has_ended_and_not_before() -> None:
    begun, end = threading.Event(), threading.Event()
    lock = asyncio.Lock()

    def work() -> None:
        begun.set()
        end.wait(10)

    async def call() -> None:
        async with lock:
            await in_thread(work)

    task = asyncio.create_task(call())
    await asyncio.to_thread(begun.wait, 10)
    task.cancel()
    for _ in range(10):
        await asyncio.sleep(0)
    assert lock.locked(), "the lock is free while the thread still works"
    end.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not lock.locked()
