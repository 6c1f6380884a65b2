"""How a thing is timed, and how a measurement is told."""

from __future__ import annotations

import statistics
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass

WARM_UP = 10


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
