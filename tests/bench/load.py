"""Load, from a process of its own that takes as little of the machine as it can: requests are serialised before the
clock starts, answers are read after it has stopped.

`python -m tests.bench.load` reads a Job as JSON from its standard input, prints `begin` when the clock starts and an
Outcome as JSON when it has stopped.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from typing import Any

import grpc
import uvloop

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from tests.bench import echo, pipeline
from tests.bench.city import FLEETS, requests
from tests.bench.measuring import size

SERVICE = "/lowsky.api.flightplans.v1.FlightPlansService/"
WARM_UP = size(200, 20)
"""Requests before the clock starts: connections, plans of statements, caches."""

Call = Callable[[int], Awaitable[bytes]]
"""Sends the request of that number and gives the answer."""


@dataclass(frozen=True)
class Job:
    """What is sent where.

    `kind`: "echo", "pipeline" and "unary" are `callers` at once, each with one call after the other; "paced" begins
    `per_s` calls a second, whatever becomes of them; "stream" and "…-stream" are one stream of one fleet.
    """

    kind: str
    addresses: list[str]
    """Callers are dealt out to them."""
    tokens: list[str]
    """Of each fleet."""
    scene: str
    first: int
    """Number of the first request: no two jobs on one database share any."""
    count: int
    """Requests at most."""
    departs_s: int
    lasts_s: float = 10.0
    callers: int = 32
    per_s: float = 0.0
    wait_s: int = 0
    """wait_for_decision."""


@dataclass(frozen=True)
class Outcome:
    """What came of it. Latencies are from when a call was due, not from when there was time for it."""

    calls: int
    seconds: float
    per_s: float
    p50_ms: float
    p99_ms: float
    client_cpu_s: float
    outcomes: dict[str, int]
    """How many answers were of which state, or which error."""


async def run(job: Job) -> Outcome:
    """Sends it all."""
    # WARM_UP flights lie after those that count, and are no more in their way than these are in each other's.
    warm = list(_serialised(job, job.first + job.count, WARM_UP))
    bodies = list(_serialised(job, job.first, job.count))
    async with AsyncExitStack() as exits:
        channels = [await exits.enter_async_context(grpc.aio.insecure_channel(a)) for a in job.addresses]
        metadata = [(("authorization", f"Bearer {token}"),) for token in job.tokens]
        if job.kind in STREAMS:
            method, state_of = STREAMS[job.kind]
            stream: Any = channels[0].stream_stream(method)
            await _streamed(stream, metadata[0], warm)
            return await _timed(lambda: _streamed(stream, metadata[0], bodies), state_of)
        if job.kind in BARE:
            method, outcome = BARE[job.kind]
            bare: Any = channels[0].unary_unary(method)
            await _many(lambda n: bare(warm[n]), WARM_UP, job)
            return await _timed(lambda: _many(lambda n: bare(bodies[n]), job.count, job), lambda _: outcome)
        submit: list[Any] = [channel.unary_unary(SERVICE + "SubmitFlightPlan") for channel in channels]

        def call_of(sent: Sequence[bytes]) -> Call:
            return lambda n: submit[n // FLEETS % len(submit)](sent[n], metadata=metadata[n % FLEETS])

        await _many(call_of(warm), WARM_UP, job)
        send = _paced if job.kind == "paced" else _many
        return await _timed(lambda: send(call_of(bodies), job.count, job), _unary_state)


def _serialised(job: Job, first: int, count: int) -> Iterator[bytes]:
    step = FLEETS if job.kind in STREAMS else 1  # a stream is of one fleet
    numbers = range(first * step, (first + count) * step, step)
    for n, request in enumerate(requests(job.scene, numbers, job.departs_s)):
        request.wait_for_decision.seconds = job.wait_s
        if job.kind in STREAMS:
            yield pb.SubmitFlightPlansRequest(key=str(n), request=request).SerializeToString()
        else:
            yield request.SerializeToString()


async def _many(call: Call, count: int, job: Job) -> list[tuple[float, bytes]]:
    numbers = iter(range(count))
    done: list[tuple[float, bytes]] = []
    until = time.perf_counter() + job.lasts_s

    async def caller() -> None:
        for n in numbers:
            begun = time.perf_counter()
            if begun > until:
                return
            answer = await _answer(call(n))
            done.append((time.perf_counter() - begun, answer))

    await asyncio.gather(*(caller() for _ in range(job.callers)))
    return done


async def _paced(call: Call, count: int, job: Job) -> list[tuple[float, bytes]]:
    begun = time.perf_counter()

    async def one(n: int, due: float) -> tuple[float, bytes]:
        answer = await _answer(call(n))
        return time.perf_counter() - due, answer

    tasks = []
    for n in range(min(count, round(job.per_s * job.lasts_s))):
        due = begun + n / job.per_s
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        tasks.append(asyncio.create_task(one(n, due)))
    return await asyncio.gather(*tasks)


async def _answer(call: Awaitable[bytes]) -> bytes:
    try:
        return await call
    except grpc.aio.AioRpcError as error:
        return f"!{error.code().name}".encode()  # no message begins with this byte


async def _streamed(stream: Any, metadata: Any, bodies: Sequence[bytes]) -> list[tuple[float, bytes]]:
    call = stream(_each(bodies), metadata=metadata)
    begun = time.perf_counter()
    return [(time.perf_counter() - begun, answer) async for answer in call]


async def _each(bodies: Sequence[bytes]) -> AsyncIterator[bytes]:
    for body in bodies:
        yield body


async def _timed(send: Callable[[], Awaitable[list[tuple[float, bytes]]]], state_of: Callable[[bytes], str]) -> Outcome:
    print("begin", flush=True)
    begun, cpu = time.perf_counter(), time.process_time()
    done = await send()
    seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    hundredths = statistics.quantiles([took for took, _ in done], n=100)
    return Outcome(
        calls=len(done),
        seconds=round(seconds, 2),
        per_s=round(len(done) / seconds, 1),
        p50_ms=round(1e3 * hundredths[49], 2),
        p99_ms=round(1e3 * hundredths[98], 2),
        client_cpu_s=round(cpu_s, 2),
        outcomes=dict(Counter(state_of(answer) for _, answer in done)),
    )


def _unary_state(answer: bytes) -> str:
    if answer.startswith(b"!"):
        return answer[1:].decode()
    return pb.State.Name(pb.SubmitFlightPlanResponse.FromString(answer).flight_plan.state)


def _streamed_state(answer: bytes) -> str:
    message = pb.SubmitFlightPlansResponse.FromString(answer)
    return message.error.message if message.HasField("error") else pb.State.Name(message.flight_plan.state)


BARE = {"echo": (echo.METHOD, "echoed"), "pipeline": (pipeline.METHOD, "stored")}
"""Kinds of jobs of calls that are no submissions: what is called, and what an answer is counted as."""

STREAMS: dict[str, tuple[str, Callable[[bytes], str]]] = {
    "stream": (SERVICE + "SubmitFlightPlans", _streamed_state),
    "echo-stream": (echo.STREAM_METHOD, lambda _: "echoed"),
    "pipeline-stream": (pipeline.STREAM_METHOD, lambda _: "stored"),
}
"""Kinds of jobs that are streams: what is called, and what an answer is counted as."""


if __name__ == "__main__":
    print(json.dumps(asdict(uvloop.run(run(Job(**json.loads(sys.stdin.read())))))), flush=True)
