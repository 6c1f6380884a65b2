"""A stream of requests with an answer each, in the order in which they are done, and back-pressure."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TypeVar

Request = TypeVar("Request")
Response = TypeVar("Response")

IN_FLIGHT_MAX = 512
"""Of one stream. More are not read from the wire, so that a fast sender waits instead of filling memory."""


async def answer_each(
    requests: AsyncIterator[Request], answer: Callable[[Request], Awaitable[Response]]
) -> AsyncIterator[Response]:
    """Answers every request of a stream, many at a time. What ``answer`` raises ends the stream."""
    answers: asyncio.Queue[Response | None] = asyncio.Queue()
    slots = asyncio.Semaphore(IN_FLIGHT_MAX)

    async def answer_one(request: Request) -> None:
        answers.put_nowait(await answer(request))

    async def read() -> None:
        async with asyncio.TaskGroup() as under_way:
            async for request in requests:
                await slots.acquire()
                under_way.create_task(answer_one(request))
        answers.put_nowait(None)

    reading = asyncio.create_task(read())
    get: asyncio.Task[Response | None] | None = None
    try:
        while True:
            get = asyncio.create_task(answers.get())
            await asyncio.wait({get, reading}, return_when=asyncio.FIRST_COMPLETED)
            if not get.done():
                await reading  # it ended without an end of the answers: it failed, and this raises why
                return
            response = get.result()
            if response is None:
                return
            slots.release()
            yield response
    finally:
        reading.cancel()
        if get is not None:
            get.cancel()
