import asyncio
from collections.abc import AsyncGenerator, AsyncIterator

import pytest

from lowsky.flightplans.rpc import stream as stream_module
from lowsky.flightplans.rpc.stream import answer_each
from lowsky.process.load_limits import StreamRoom


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


def answering(requests: AsyncIterator[int], work: Work, room: StreamRoom | None = None) -> AsyncGenerator[str, None]:
    return answer_each(requests, work.begin, work.answer, room=room or StreamRoom(4 << 20), size_of=lambda _: 1)


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
    answers = answering(of(1, 2, 3), work)
    first = asyncio.ensure_future(anext(answers))
    await turns()
    for request in (2, 3, 1):
        work.futures[request].set_result("done")
    assert [await first, await anext(answers), await anext(answers)] == ["2: done", "3: done", "1: done"]
    with pytest.raises(StopAsyncIteration):
        await anext(answers)


async def test_what_fails_is_the_answer_of_that_request_alone() -> None:
    work = Work()
    answers = answering(of(-1, 1, 2), work)
    assert await anext(answers) == "-1: negative"
    work.futures[1].set_exception(RuntimeError("broken"))
    work.futures[2].set_result("done")
    assert [answer async for answer in answers] == ["1: broken", "2: done"]


async def test_a_stream_without_requests_ends() -> None:
    work = Work()
    assert [answer async for answer in answering(of(), work)] == []


async def test_a_stream_whose_reading_fails_ends_with_that_and_leaves_nothing_under_way() -> None:
    async def broken() -> AsyncIterator[int]:
        yield 1
        raise ConnectionError("gone")

    work = Work()
    with pytest.raises(ConnectionError):
        await anext(answering(broken(), work))
    assert work.futures[1].cancelled()


async def test_no_more_are_read_than_may_be_in_flight(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "IN_FLIGHT_MAX", 3)
    work = Work()
    answers = answering(endless(), work)
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
    answers = answering(endless(), work)
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


async def test_streams_share_the_room_for_what_is_under_way_and_wait_their_turn() -> None:
    one, other, room = Work(), Work(), StreamRoom(3)
    first, second = answering(of(1, 2, 3), one, room), answering(of(4, 5), other, room)
    answers = [asyncio.ensure_future(anext(first))]
    await turns()
    answers.append(asyncio.ensure_future(anext(second)))
    await turns()
    assert (list(one.futures), list(other.futures)) == ([1, 2, 3], [])
    one.futures[2].set_result("done")
    one.futures[3].set_result("done")  # its answer is not fetched, and holds nobody up
    await turns()
    assert list(other.futures) == [4, 5]
    await first.aclose()
    other.futures[4].set_result("done")
    assert [await answer for answer in answers] == ["2: done", "4: done"]
    await second.aclose()
    await turns()
    assert await asyncio.wait_for(room.take(3), 10) == 3, "all of it was given back"


async def test_a_request_that_is_refused_gives_its_room_back() -> None:
    room = StreamRoom(1)
    assert [answer async for answer in answering(of(-1, -2), Work(), room)] == ["-1: negative", "-2: negative"]
    assert await asyncio.wait_for(room.take(1), 10) == 1


async def test_who_waits_for_room_and_leaves_holds_nobody_up() -> None:
    room = StreamRoom(2)
    assert await room.take(5) == 2, "what is larger than the room takes all of it"
    leaving, staying = asyncio.ensure_future(room.take(2)), asyncio.ensure_future(room.take(1))
    given = asyncio.ensure_future(room.take(1))
    await turns()
    leaving.cancel()
    await turns()
    room.give(2)
    given.cancel()  # it has been given room, and does not know yet
    assert await staying == 1
    await asyncio.gather(leaving, given, return_exceptions=True)
    assert await asyncio.wait_for(room.take(1), 10) == 1
