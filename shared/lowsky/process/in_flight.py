"""How much of a worker one caller, and all callers together, may occupy at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from lowsky.errors import Overloaded

RETRY_AFTER_S: Final = 0.5


class InFlight:
    """What is under way in this worker. Nothing waits here: what exceeds a limit is refused, to be sent again."""

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
            Overloaded: This caller, or all together, have as many calls under way as they may have.
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
            Overloaded: The requests under way have as many bytes as this worker holds at once.
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
