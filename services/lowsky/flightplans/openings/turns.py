"""Work that must not crowd out submissions: so many pieces at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_Result = TypeVar("_Result")


class Turns:
    """Gives turns. Some of the work runs in threads that nobody can stop, so a piece keeps its turn until it has ended,
    even if nobody waits for it any more."""

    def __init__(self, at_once: int) -> None:
        self._slots = asyncio.Semaphore(at_once)
        self._under_way: set[asyncio.Task[Any]] = set()

    async def take(self, work: Callable[[], Coroutine[Any, Any, _Result]], wait_s: float) -> _Result:
        """What the work gives, or raises.

        Raises:
            TimeoutError: Its turn did not come within so many seconds.
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
            task.exception()  # else it would be reported as missed where nobody waits any more
