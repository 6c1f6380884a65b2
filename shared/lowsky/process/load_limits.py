"""Limits on how much of a worker one caller, and all callers together, may use at once."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from lowsky.errors import Overloaded

RETRY_AFTER_S: Final = 0.5


class InFlight:
    """The calls in progress in this worker. Nothing is queued: what exceeds a limit is refused, and can be retried."""

    def __init__(
        self,
        what: str,
        *,
        calls_max: int,
        calls_per_caller_max: int,
        bytes_max: int = 0,
        retry_after_s: float = RETRY_AFTER_S,
    ) -> None:
        self._what = what
        self._retry_after_s = retry_after_s
        self._calls_max = calls_max
        self._calls_per_caller_max = calls_per_caller_max
        self._bytes_max = bytes_max
        self._calls = 0
        self._bytes = 0
        self._by_caller: Counter[str] = Counter()

    @contextmanager
    def call(self, caller: str) -> Iterator[None]:
        """Counts a call of a caller (the subject of its token, or its party) for as long as the block lasts.

        Raises:
            Overloaded: This caller, or all callers together, have reached the limit of calls in progress.
        """
        if self._by_caller[caller] >= self._calls_per_caller_max:
            raise Overloaded(
                f"you have {self._calls_per_caller_max} {self._what} under way with this worker, which is the limit: "
                "wait for some to end",
                retry_after_s=self._retry_after_s,
            )
        if self._calls >= self._calls_max:
            raise Overloaded(
                f"this worker has {self._calls_max} {self._what} under way, which is the limit",
                retry_after_s=self._retry_after_s,
            )
        self._calls += 1
        self._by_caller[caller] += 1
        try:
            yield
        finally:
            self._calls -= 1
            self._by_caller[caller] -= 1
            if not self._by_caller[caller]:
                del self._by_caller[caller]

    @contextmanager
    def request(self, size: int) -> Iterator[None]:
        """Counts the bytes of a request for as long as the block lasts.

        Raises:
            Overloaded: The requests in progress would exceed the bytes that this worker holds at once.
        """
        if self._bytes + size > self._bytes_max:
            raise Overloaded(
                f"this worker has requests of {self._bytes} bytes under way, and holds {self._bytes_max} at most",
                retry_after_s=self._retry_after_s,
            )
        self._bytes += size
        try:
            yield
        finally:
            self._bytes -= size


class StreamRoom:
    """A budget of bytes for the stream messages in progress in this worker. A message for which there is no room waits,
    in order of arrival, and flow control makes its sender wait too: nothing is refused that only has to wait."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._left = bytes_max
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, size: int) -> int:
        """Waits until there is room for so many bytes and reserves it; returns how much, to be passed to give.

        A message larger than the whole budget reserves all of it."""
        size = min(size, self._bytes_max)
        if not self._waiting and size <= self._left:
            self._left -= size
            return size
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, turn))
        try:
            await turn
        except asyncio.CancelledError:
            # The room may have been reserved just before the cancellation.
            self.give(size if turn.done() and not turn.cancelled() else 0)
            raise
        return size

    def give(self, size: int) -> None:
        """Releases reserved room."""
        self._left += size
        while self._waiting:
            wanted, turn = self._waiting[0]
            if not turn.cancelled():
                if wanted > self._left:
                    return
                self._left -= wanted
                turn.set_result(None)
            self._waiting.popleft()
