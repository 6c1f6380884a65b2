"""Micro-batching: calls gather while the batch before them is under way, and go through together.

One when idle, many under load, with no timer: a call never waits for others that may not come. This is group commit for
the whole submission path, and it serves one caller as fast as many.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from lowsky.errors import LowskyError, Overloaded

log = structlog.get_logger()

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH_MAX = 64
"""Beyond this a batch gains little more, and its first caller waits for its last."""

QUEUE_MAX = 4_096
"""About a second of work. Beyond it a call is refused at once rather than answered too late."""

LANES = 2
"""Batches under way: one computes while the other waits for its commit."""


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Item, Result]):
    item: Item
    future: asyncio.Future[Result] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Batcher(Generic[Item, Result]):
    """Gathers single items into batches.

    Args:
        process: Takes a batch and gives a result or an error for each item, in the same order.
        key: Two items with one key never share a batch (the second sees what the first one did).
    """

    def __init__(
        self,
        process: Callable[[Sequence[Item]], Awaitable[Sequence[Result | LowskyError]]],
        key: Callable[[Item], Hashable],
    ) -> None:
        self._process = process
        self._key = key
        self._queue: deque[_Waiting[Item, Result]] = deque()
        self._filled = asyncio.Event()

    async def submit(self, item: Item) -> Result:
        """The result for one item.

        Raises:
            Overloaded: Too much is queued.
            LowskyError: Whatever the batch says of this item.
        """
        if len(self._queue) >= QUEUE_MAX:
            raise Overloaded("more submissions than this worker queues", retry_after_s=0.5)
        waiting: _Waiting[Item, Result] = _Waiting(item)
        self._queue.append(waiting)
        self._filled.set()
        return await waiting.future

    async def run(self) -> None:
        """Runs until cancelled."""
        async with asyncio.TaskGroup() as lanes:
            for _ in range(LANES):
                lanes.create_task(self._lane())

    async def _lane(self) -> None:
        while True:
            await self._filled.wait()
            batch = self._take()
            if batch:
                await self._run_batch(batch)

    def _take(self) -> list[_Waiting[Item, Result]]:
        batch: list[_Waiting[Item, Result]] = []
        postponed: list[_Waiting[Item, Result]] = []
        keys: set[Hashable] = set()
        while self._queue and len(batch) < BATCH_MAX:
            waiting = self._queue.popleft()
            if waiting.future.done():  # its caller went away before anything was begun
                continue
            key = self._key(waiting.item)
            (postponed if key in keys else batch).append(waiting)
            keys.add(key)
        self._queue.extendleft(reversed(postponed))
        if not self._queue:
            self._filled.clear()
        return batch

    async def _run_batch(self, batch: list[_Waiting[Item, Result]]) -> None:
        try:
            results = await self._process([waiting.item for waiting in batch])
        except asyncio.CancelledError:
            _settle(batch, [Overloaded("this worker is shutting down")] * len(batch))
            raise
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, LowskyError):
                # A fault of ours that one item brings out must not be everybody's: each on its own.
                log.warning("a batch failed: each item on its own", items=len(batch), exc_info=error)
                for waiting in batch:
                    await self._run_batch([waiting])
                return
            for waiting in batch:
                if not waiting.future.done():
                    waiting.future.set_exception(error)
            return
        _settle(batch, results)


def _settle(batch: Sequence[_Waiting[Item, Result]], results: Sequence[Result | LowskyError]) -> None:
    for waiting, result in zip(batch, results, strict=True):
        if waiting.future.done():
            continue
        if isinstance(result, LowskyError):
            waiting.future.set_exception(result)
        else:
            waiting.future.set_result(result)
