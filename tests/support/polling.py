"""Waiting for a condition: tests never sleep for a time that seems long enough."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.05


async def eventually(condition: Callable[[], Awaitable[T]], *, within_s: float = 15.0, what: str = "it") -> T:
    """Asks again and again until the answer is truthy, and returns it.

    An AssertionError raised by the condition counts as not yet; any other error ends the wait.

    Raises:
        AssertionError: It did not come true in time; says what was last seen.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + within_s
    while True:
        try:
            last: object = await condition()
        except AssertionError as error:
            last = error
        else:
            if last:
                return last  # type: ignore[return-value]  # it came from the condition
        if loop.time() > deadline:
            raise AssertionError(f"{what} did not come true within {within_s:.0f} s; last seen: {last!r}")
        await asyncio.sleep(POLL_S)
