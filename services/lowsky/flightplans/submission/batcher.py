"""Micro-batching: calls are collected while the previous batch is in progress, and are processed together.

A batch has one item when idle and many under load, without a timer: a call waits only for calls that have reached this
process and are being read, never for calls that may not come. This is group commit for the whole submission path, and
a single caller is served as fast as many. A batch begins when none is in progress, or when it is full: a second batch
of a few items would compete with the first for the processor, and costs as much as a large one.

Tenants take turns with one item each (round robin): a single item waits for at most one item of every other tenant,
however many thousands they have sent. A tenant whose next item does not fit into a batch is among the first of the next
batch, and its later items wait with it: order is kept within a tenant, no item starves, and taking an item takes
constant time.
"""

from __future__ import annotations

import asyncio
from collections import Counter, OrderedDict, deque
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import structlog

from lowsky.errors import LowskyError, Overloaded
from lowsky.process.background import side_by_side

log = structlog.get_logger()

Item = TypeVar("Item")
Result = TypeVar("Result")

BATCH_MAX = 64
"""Items of a batch: a larger one gains little, and its first caller waits for its last item."""

BATCH_WEIGHT_MAX = 4_000
"""Legs and volumes of a batch: two plans of the largest size. 64 of these would be 128 000 legs, which take seconds to
convert, check and store, while all calls in the batch and behind it wait. A single item is processed whatever its
weight."""

QUEUE_MAX = 4_096
"""Queued items, about a second of work. Beyond it a call is refused at once rather than answered too late."""

GATHER_S = 0.002
"""How long a batch waits for another item when items arrive quickly. A call needs several iterations of the event loop
and switches to gRPC's own threads before it becomes an item: a busy loop would begin batches of seven items while
twenty calls are being read, and a batch of seven costs half as much as one of thirty."""

GATHER_S_MAX = 0.02
"""The total of these waits, as long as a batch takes: some ten waits, each of which has brought an item."""

LANES = 2
"""Concurrent batches, if there are enough items to fill them: one computes while the other waits for its commit."""


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Item, Result]):
    item: Item
    future: asyncio.Future[Result] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


_Queue = deque[_Waiting[Item, Result]]


class Batcher(Generic[Item, Result]):
    """Gathers single items into batches.

    Args:
        process: Takes a batch and returns a result or an error for each item, in the same order.
        tenant: The tenant of an item. Tenants take turns, and none can fill the queue.
        key: Two items with the same key never share a batch, so that the second sees the effect of the first.
        weight: The weight of an item, see BATCH_WEIGHT_MAX.
    """

    def __init__(
        self,
        process: Callable[[Sequence[Item]], Awaitable[Sequence[Result | LowskyError]]],
        *,
        tenant: Callable[[Item], Hashable],
        key: Callable[[Item], Hashable],
        weight: Callable[[Item], int],
    ) -> None:
        self._process = process
        self._tenant = tenant
        self._key = key
        self._weight = weight
        self._turns: OrderedDict[Hashable, _Queue[Item, Result]] = OrderedDict()
        """Non-empty queues by tenant; the first tenant is next."""
        self._queued = 0
        self._postponed: Counter[Hashable] = Counter()
        """Number of items that wait to be queued, by tenant."""
        self._under_way = 0
        """Number of batches in progress."""
        self._gathering = False
        """Whether a batch is about to begin."""
        self._last = 0
        """Number of items of the batch that began last."""
        self._ready = asyncio.Event()

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """A future of the result for one item, or of its LowskyError. If it is cancelled before its batch begins, the
        item is not processed.

        Raises:
            Overloaded: The tenant has as many items queued as there is room left for all others: half of the queue for
                a single tenant, a third each for two. So there is always room for another tenant.
        """
        self._require_room(self._tenant(item))
        return self._queue(item)

    def submit_after(self, ready: Coroutine[Any, Any, None], item: Item) -> asyncio.Future[Result]:
        """As submit, but the item is queued only when `ready` has completed. It counts as queued meanwhile, so that the
        number of waiting items is bounded.

        Raises:
            Overloaded: As submit.
        """
        tenant = self._tenant(item)
        try:
            self._require_room(tenant)
        except Overloaded:
            ready.close()
            raise
        self._postponed[tenant] += 1
        waiting = asyncio.ensure_future(ready)
        waiting.add_done_callback(lambda _: self._no_longer_postponed(tenant))
        return asyncio.ensure_future(self._when_ready(waiting, item))

    async def _when_ready(self, waiting: asyncio.Future[None], item: Item) -> Result:
        await waiting
        return await self._queue(item)

    def _no_longer_postponed(self, tenant: Hashable) -> None:
        self._postponed[tenant] -= 1
        if not self._postponed[tenant]:
            del self._postponed[tenant]

    def _require_room(self, tenant: Hashable) -> None:
        its = len(self._turns.get(tenant, ())) + self._postponed[tenant]
        if its >= QUEUE_MAX - self._queued - self._postponed.total():
            raise Overloaded(
                f"{its} submissions of this operator are queued, the most that this worker accepts now",
                retry_after_s=0.5,
            )

    def _queue(self, item: Item) -> asyncio.Future[Result]:
        tenant = self._tenant(item)
        queue = self._turns.get(tenant)
        if queue is None:
            queue = self._turns[tenant] = deque()
        waiting: _Waiting[Item, Result] = _Waiting(item)
        queue.append(waiting)
        self._queued += 1
        self._update_ready()
        return waiting.future

    async def run(self) -> None:
        """Runs until cancelled."""
        await side_by_side(*(self._lane() for _ in range(LANES)))

    async def _lane(self) -> None:
        while True:
            await self._ready.wait()
            if not self._ready.is_set():
                continue  # the other lane was first
            await self._gathered()
            self._under_way += 1
            batch = self._take()
            self._last = len(batch)
            self._update_ready()
            try:
                if batch:
                    await self._run_batch(batch)
            finally:
                self._under_way -= 1
                self._update_ready()

    async def _gathered(self) -> None:
        """Returns when no more items arrive; at once for a single item, if the last batch had only one, too."""
        self._gathering = True
        self._update_ready()
        await asyncio.sleep(0)
        before = 0 if self._last > 1 else 1
        until = asyncio.get_running_loop().time() + GATHER_S_MAX
        while before < self._queued < BATCH_MAX and asyncio.get_running_loop().time() < until:
            before = self._queued
            await asyncio.sleep(GATHER_S)
        self._gathering = False

    def _update_ready(self) -> None:
        """Signals whether a batch should begin."""
        begin = self._queued >= BATCH_MAX or (self._queued and not self._under_way)
        if begin and not self._gathering:
            self._ready.set()
        else:
            self._ready.clear()

    def _take(self) -> list[_Waiting[Item, Result]]:
        batch: list[_Waiting[Item, Result]] = []
        keys: set[Hashable] = set()
        weight = 0
        postponed: list[tuple[Hashable, _Queue[Item, Result]]] = []
        while self._turns and len(batch) < BATCH_MAX and weight < BATCH_WEIGHT_MAX:
            tenant, queue = self._turns.popitem(last=False)
            while queue and queue[0].future.done():  # its caller cancelled it before its batch began
                queue.popleft()
                self._queued -= 1
            if not queue:
                continue
            item = queue[0].item
            key, heavier = self._key(item), weight + self._weight(item)
            if batch and (key in keys or heavier > BATCH_WEIGHT_MAX):
                postponed.append((tenant, queue))
                continue
            batch.append(queue.popleft())
            self._queued -= 1
            keys.add(key)
            weight = heavier
            if queue:
                self._turns[tenant] = queue
        for tenant, queue in reversed(postponed):
            self._turns[tenant] = queue
            self._turns.move_to_end(tenant, last=False)
        return batch

    async def _run_batch(self, batch: list[_Waiting[Item, Result]]) -> None:
        try:
            results = await self._process([waiting.item for waiting in batch])
        except asyncio.CancelledError:
            _settle(batch, [Overloaded("this worker is shutting down")] * len(batch))
            raise
        except Exception as error:
            if len(batch) > 1 and not isinstance(error, LowskyError):
                # An internal error that one item causes must not fail the others: each is retried on its own.
                log.warning("a batch failed: its items are retried one by one", items=len(batch), exc_info=error)
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
