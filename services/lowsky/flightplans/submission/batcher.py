"""Micro-batching: calls gather while the batch before them is under way, and go through together.

One when idle, many under load, with no timer: a call never waits for others that may not come, but for those that have
reached this process and are being read. This is group commit for the whole submission path, and it serves one caller as
fast as many. A batch begins when none is under way, or when it is full: a second one of a few items would take the
processor from the first, and costs as much as a large one.

Tenants take turns, an item each: whoever sends one waits for at most one of every other tenant's, however many
thousands they have sent. A tenant whose next item does not fit into a batch is among the first of the next one, and
what it sent after that waits with it: order holds within a tenant, nothing is passed over for ever, and taking an item
costs the same however many wait.
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
"""Beyond this a batch gains little more, and its first caller waits for its last."""

BATCH_WEIGHT_MAX = 4_000
"""Legs and volumes of a batch: two plans of the largest size. 64 of these would be 128 000 legs, which take seconds to
draw, check and store, while everybody in the batch and behind it waits. One item goes however heavy it is."""

QUEUE_MAX = 4_096
"""About a second of work. Beyond it a call is refused at once rather than answered too late."""

GATHER_S = 0.002
"""How long a batch waits for one more, once items come by the dozen. A call takes some passes of the loop and turns of
gRPC's own threads from its arrival to its item: a busy loop would begin batches of seven while twenty calls are on that
way, and a batch of seven costs half of what one of thirty does."""

GATHER_S_MAX = 0.02
"""As long as a batch takes; some ten of these waits, of which each has brought something."""

LANES = 2
"""Batches under way, where there are enough items to fill them: one computes while the other waits for its commit."""


@dataclass(slots=True, eq=False)
class _Waiting(Generic[Item, Result]):
    item: Item
    future: asyncio.Future[Result] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


_Queue = deque[_Waiting[Item, Result]]


class Batcher(Generic[Item, Result]):
    """Gathers single items into batches.

    Args:
        process: Takes a batch and gives a result or an error for each item, in the same order.
        tenant: Whose an item is. Tenants take turns, and none can fill the queue.
        key: Two items with one key never share a batch (the second sees what the first one did).
        weight: What an item adds to its batch, see BATCH_WEIGHT_MAX.
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
        """What waits, by tenant; the first has its turn. None is empty."""
        self._queued = 0
        self._postponed: Counter[Hashable] = Counter()
        """Items that wait to be queued, by tenant."""
        self._under_way = 0
        self._gathering = False
        """Whether a batch is about to begin."""
        self._last = 0
        """Items of the batch that began last."""
        self._ready = asyncio.Event()

    def submit(self, item: Item) -> asyncio.Future[Result]:
        """The result for one item, to come; or the LowskyError that its batch says of it. Cancelled before its batch
        begins, nothing is done for it.

        Raises:
            Overloaded: Too much of its tenant's is queued. That is as much as there is room left for others: half of
                the queue for one tenant alone, a third each for two. So there is always room for one more.
        """
        self._require_room(self._tenant(item))
        return self._queue(item)

    def submit_after(self, ready: Coroutine[Any, Any, None], item: Item) -> asyncio.Future[Result]:
        """As submit, when something has come about that the item waits for. It counts as queued meanwhile: else those
        that wait for what never comes would be bounded by nothing.

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
                f"{its} submissions of this operator wait, as many as this worker queues for one now", retry_after_s=0.5
            )

    def _queue(self, item: Item) -> asyncio.Future[Result]:
        tenant = self._tenant(item)
        queue = self._turns.get(tenant)
        if queue is None:
            queue = self._turns[tenant] = deque()
        waiting: _Waiting[Item, Result] = _Waiting(item)
        queue.append(waiting)
        self._queued += 1
        self._look()
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
            self._look()
            try:
                if batch:
                    await self._run_batch(batch)
            finally:
                self._under_way -= 1
                self._look()

    async def _gathered(self) -> None:
        """Returns when no more items are on their way; at once for one that is alone, where the last one was too."""
        self._gathering = True
        self._look()
        await asyncio.sleep(0)
        before = 0 if self._last > 1 else 1
        until = asyncio.get_running_loop().time() + GATHER_S_MAX
        while before < self._queued < BATCH_MAX and asyncio.get_running_loop().time() < until:
            before = self._queued
            await asyncio.sleep(GATHER_S)
        self._gathering = False

    def _look(self) -> None:
        """Whether a batch is to begin."""
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
            while queue and queue[0].future.done():  # its caller went away before anything was begun
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
