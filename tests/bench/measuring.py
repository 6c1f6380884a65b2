"""How a thing is timed, and how a measurement is told."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass
from typing import TypeVar

QUICK = "LOWSKY_BENCH_QUICK"
"""The variable by which sections only show that they work."""

T = TypeVar("T")


def size(full: T, quick: T) -> T:
    """What is measured, or the least that a section works with: figures of that are not comparable."""
    return quick if os.environ.get(QUICK) else full


WARM_UP = size(10, 2)


@dataclass(frozen=True)
class Measurement:
    """Of one thing, in milliseconds."""

    what: str
    calls: int
    p50_ms: float
    p95_ms: float

    def as_dict(self) -> dict[str, object]:
        return asdict(self)


async def one_by_one(what: str, calls: int, do: Callable[[int], Awaitable[object]]) -> Measurement:
    """Times calls one after the other, on an otherwise idle system, after some that do not count."""
    for n in range(WARM_UP):
        await do(n)
    times_ms = []
    for n in range(calls):
        begun = time.perf_counter()
        await do(WARM_UP + n)
        times_ms.append((time.perf_counter() - begun) * 1000)
    return Measurement(what, calls, statistics.median(times_ms), statistics.quantiles(times_ms, n=20)[-1])
