"""A stream of requests with an answer each, in the order in which they are done, and back-pressure."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from typing import TypeVar

from lowsky.process.in_flight import StreamRoom

Request = TypeVar("Request")
Result = TypeVar("Result")
Response = TypeVar("Response")

IN_FLIGHT_MAX = 512
"""Of one stream. More are not read from the wire, so that a fast sender waits instead of filling memory."""


async def answer_each(
    requests: AsyncIterator[Request],
    begin: Callable[[Request], asyncio.Future[Result]],
    answer: Callable[[Request, Result | Exception], Response],
    *,
    room: StreamRoom,
    size_of: Callable[[Request], int],
) -> AsyncGenerator[Response, None]:
    """Answers every request of a stream, many at a time; no task for each, which would cost as much as the work.

    Args:
        begin: Begins work on a request, without waiting. It is cancelled when nobody waits for the answer any more.
        answer: The response to a request, from its result or from what ``begin`` or its future raised. What it raises
            itself ends the stream.
        room: For the requests under way of all streams. It is given back when the work on one is done, whether or not
            its answer is fetched: until then a request keeps no more than its answer needs.
        size_of: Bytes of a request.
    """
    settled: deque[tuple[Request, Result | Exception]] = deque()
    under_way: set[asyncio.Future[Result]] = set()
    changed = asyncio.Event()
    slots = asyncio.Semaphore(IN_FLIGHT_MAX)

    def settle(request: Request, outcome: Result | Exception) -> None:
        settled.append((request, outcome))
        changed.set()

    def settle_from(request: Request, taken: int, future: asyncio.Future[Result]) -> None:
        room.give(taken)
        under_way.discard(future)
        if future.cancelled():  # below: nobody waits for the answer any more
            return
        try:
            settle(request, future.result())
        except Exception as error:
            settle(request, error)

    async def read() -> None:
        async for request in requests:
            await slots.acquire()
            taken = await room.take(size_of(request))
            try:
                future = begin(request)
            except Exception as error:
                room.give(taken)
                settle(request, error)
            else:
                under_way.add(future)
                future.add_done_callback(partial(settle_from, request, taken))

    reading = asyncio.create_task(read())
    reading.add_done_callback(lambda _: changed.set())
    try:
        while True:
            while settled:
                yield answer(*settled.popleft())
                slots.release()
            if reading.done() and (not under_way or reading.exception()):
                reading.result()  # raises why, if it failed
                return
            await changed.wait()
            changed.clear()
    finally:
        reading.cancel()
        for future in under_way:
            future.cancel()
