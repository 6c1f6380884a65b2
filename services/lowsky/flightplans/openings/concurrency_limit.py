"""Limits concurrent work that must not crowd out submissions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class Turns:
    """A bounded number of concurrent tasks. Threads cannot be cancelled, so a task keeps its slot until it has ended,
    even if its caller no longer waits for it."""

    def __init__(self, at_once: int) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._under_way: set[asyncio.Task[Any]] = set()

    async def take(self, work: Callable[[], Coroutine[Any, Any, _Result]], wait_s: float) -> _Result:
        """Runs the work when a slot is free; returns its result, or raises its exception.

        Raises:
            TimeoutError: No slot was free within ``wait_s``.
        """
        async with asyncio.timeout(wait_s):
            await self._slots.acquire()
        task = asyncio.create_task(work())
        self._under_way.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._under_way.discard(task)
        self._slots.release()
        if not task.cancelled():
            task.exception()  # retrieved, so that asyncio does not log it if the caller no longer waits
