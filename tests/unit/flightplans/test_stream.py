import asyncio
from collections.abc import AsyncIterator

import pytest

from lowsky.flightplans.rpc import stream as stream_module
from lowsky.flightplans.rpc.stream import answer_each


class Work:
    """Begins what comes, and settles it when it is let."""

    def __init__(self) -> None:
        self.futures: dict[int, asyncio.Future[str]] = {}

    def begin(self, request: int) -> asyncio.Future[str]:
        if request < 0:
            raise ValueError("negative")
        self.futures[request] = asyncio.get_running_loop().create_future()
        return self.futures[request]

    def answer(self, request: int, outcome: str | Exception) -> str:
        return f"{request}: {outcome}"


async def of(*requests: int) -> AsyncIterator[int]:
    for request in requests:
        yield request


async def endless() -> AsyncIterator[int]:
    request = 0
    while True:
        yield request
        request += 1
        await asyncio.sleep(0)


async def turns(count: int = 20) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


async def test_answers_come_in_the_order_in_which_they_are_done() -> None:
    work = Work()
    answers = answer_each(of(1, 2, 3), work.begin, work.answer)
    first = asyncio.ensure_future(anext(answers))
    await turns()
    for request in (2, 3, 1):
        work.futures[request].set_result("done")
    assert [await first, await anext(answers), await anext(answers)] == ["2: done", "3: done", "1: done"]
    with pytest.raises(StopAsyncIteration):
        await anext(answers)


async def test_what_fails_is_the_answer_of_that_request_alone() -> None:
    work = Work()
    answers = answer_each(of(-1, 1, 2), work.begin, work.answer)
    assert await anext(answers) == "-1: negative"
    work.futures[1].set_exception(RuntimeError("broken"))
    work.futures[2].set_result("done")
    assert [answer async for answer in answers] == ["1: broken", "2: done"]


async def test_a_stream_without_requests_ends() -> None:
    work = Work()
    assert [answer async for answer in answer_each(of(), work.begin, work.answer)] == []


async def test_a_stream_whose_reading_fails_ends_with_that_and_leaves_nothing_under_way() -> None:
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise ConnectionError("gone")

    work = Work()
    with pytest.raises(ConnectionError):
        await anext(answer_each(broken(), work.begin, work.answer))
    assert work.futures[1].cancelled()


async def test_no_more_are_read_than_may_be_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "IN_FLIGHT_MAX", 3)
    work = Work()
    answers = answer_each(endless(), work.begin, work.answer)
    first = asyncio.ensure_future(anext(answers))
    await turns()
    assert list(work.futures) == [0, 1, 2]
    work.futures[1].set_result("done")
    assert await first == "1: done"
    await turns()
    assert list(work.futures) == [0, 1, 2]  # its answer is on its way still
    second = asyncio.ensure_future(anext(answers))
    await turns()
    assert list(work.futures) == [0, 1, 2, 3]
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)


async def test_whoever_leaves_in_the_middle_cancels_what_is_under_way() -> None:
    said: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: said.append(context))
    work = Work()
    answers = answer_each(endless(), work.begin, work.answer)
    first = asyncio.ensure_future(anext(answers))
    await turns()
    work.futures[0].set_result("done")
    await first
    begun = len(work.futures)
    await answers.aclose()
    await turns()
    assert all(future.cancelled() for request, future in work.futures.items() if request)
    assert len(work.futures) == begun
    assert not said
