"""A stream of requests with a response each, in the order of completion, and with back-pressure."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from functools import partial
from typing import TypeVar

from lowsky.process.load_limits import StreamRoom

Request = TypeVar("Request")
Result = TypeVar("Result")
Response = TypeVar("Response")

IN_FLIGHT_MAX = 512
"""Requests in progress per stream. No more are read from the wire, so that a fast sender waits instead of filling
memory."""


async def answer_each(
    requests: AsyncIterator[Request],
    begin: Callable[[Request], asyncio.Future[Result]],
    answer: Callable[[Request, Result | Exception], Response],
    *,
    room: StreamRoom,
    size_of: Callable[[Request], int],
) -> AsyncGenerator[Response, None]:
    """Answers every request of a stream, many at a time; without a task for each, which would cost as much as the work.

    Args:
        begin: Begins work on a request, without waiting. Its future is cancelled when the stream ends.
        answer: The response to a request, from its result or from the exception of ``begin`` or its future. An
            exception of ``answer`` itself ends the stream.
        room: Bounds the bytes of the requests in progress of all streams. It is given back when the work on a request
            is done, even if its response has not been fetched: from then on only what the response needs is kept.
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
        if future.cancelled():  # by the end of the stream, below
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
                reading.result()  # raises the exception, if it failed
                return
            await changed.wait()
            changed.clear()
    finally:
        reading.cancel()
        for future in under_way:
            future.cancel()
