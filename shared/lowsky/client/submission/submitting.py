"""Submits many plans on one call, as a fleet does: a bounded number in flight, each answered once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Iterable
from dataclasses import dataclass
from typing import TypeAlias

import grpc

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.client.calls import Calls, Tries, ended_within, identified
from lowsky.client.errors import (
    TRANSPORT_LOST,
    DeadlineExceeded,
    LowskyApiError,
    Unavailable,
    from_status,
)

IN_FLIGHT_MAX = 256
"""Plans sent and not yet answered: enough to keep a server's batches full, few enough to resend after a disconnect."""

ANSWER_S_MAX = 60.0
"""After this long without any answer while some are due, the stream is abandoned."""

Plans: TypeAlias = (
    Iterable[tuple[str, pb.SubmitFlightPlanRequest]] | AsyncIterable[tuple[str, pb.SubmitFlightPlanRequest]]
)
_Method: TypeAlias = grpc.aio.StreamStreamMultiCallable[pb.SubmitFlightPlansRequest, pb.SubmitFlightPlansResponse]
_Call: TypeAlias = grpc.aio.StreamStreamCall[pb.SubmitFlightPlansRequest, pb.SubmitFlightPlansResponse]


@dataclass(slots=True)
class _Due:
    """A plan whose answer is due."""

    message: pb.SubmitFlightPlansRequest
    tries: Tries
    """Counts how often the server had no room for this plan."""


async def submit_many(
    calls: Calls,
    method: _Method,
    plans: Plans,
    *,
    in_flight_max: int = IN_FLIGHT_MAX,
    answer_s_max: float = ANSWER_S_MAX,
) -> AsyncGenerator[pb.SubmitFlightPlansResponse, None]:
    """Sends (key, request) pairs and yields the answers in the order in which they come.

    Keys identify the answers, so none may be in flight twice. After a lost connection the unanswered plans are sent
    again with the same request ids, which the server executes once; so are plans that it had no room for.

    Raises:
        ValueError: A key is in flight already.
        LowskyApiError: The stream as a whole failed and a retry cannot resolve it. The error of a single plan is in its
            answer (`error_of`).
    """
    submission = _Submission(calls, plans, in_flight_max)
    feeder = asyncio.create_task(submission.feed())
    feeder.add_done_callback(lambda task: task.cancelled() or task.exception())  # raised below, or no longer relevant
    tries = calls.tries()
    try:
        while True:
            call: _Call | None = None
            writer: asyncio.Task[None] | None = None
            failure: LowskyApiError
            try:
                call = method(metadata=await tries.metadata())
                submission.send_all_due_again()
                writer = asyncio.create_task(submission.write(call, tries.patience_s))
                while (response := await submission.read(call, answer_s_max)) is not None:
                    tries.progressed()
                    if submission.settle(response):
                        yield response
                if submission.finished:
                    break
                failure = Unavailable(TRANSPORT_LOST, "the server ended the stream before all plans were answered")
            except (grpc.aio.AioRpcError, LowskyApiError, asyncio.CancelledError) as raw:
                failure = tries.error(raw)
            finally:
                if writer is not None:
                    writer.cancel()
                if call is not None:
                    call.cancel()
            pause_s = tries.pause_s(failure)
            if pause_s is None:
                raise failure
            await asyncio.sleep(pause_s)
        await feeder
    finally:
        feeder.cancel()
        submission.forget_resends()


def error_of(response: pb.SubmitFlightPlansResponse) -> LowskyApiError | None:
    """The error of one plan of many; None if it was accepted."""
    return from_status(response.error) if response.WhichOneof("outcome") == "error" else None


class _Submission:
    """What is due, what is to be sent, and whether there is more; it outlives the streams in use."""

    def __init__(self, calls: Calls, plans: Plans, in_flight_max: int) -> None:
        self._calls = calls
        self._plans = plans
        self._room = asyncio.Semaphore(in_flight_max)
        self._due: dict[str, _Due] = {}
        self._to_send: asyncio.Queue[str | None] = asyncio.Queue()
        """Keys to send; None means that there are no more."""
        self._resends: set[asyncio.TimerHandle] = set()
        self._exhausted = False

    @property
    def finished(self) -> bool:
        return self._exhausted and not self._due

    async def feed(self) -> None:
        """Takes plans from the source while there is room."""
        try:
            async for key, request in _asynchronous(self._plans):
                await self._room.acquire()
                if key in self._due:
                    raise ValueError(f"the key {key!r} is in flight already")
                request, _ = identified(request)
                message = pb.SubmitFlightPlansRequest(key=key, request=request)
                self._due[key] = _Due(message, self._calls.tries())
                self._to_send.put_nowait(key)
        finally:
            self._exhausted = True
            if self.finished:
                self._to_send.put_nowait(None)

    def send_all_due_again(self) -> None:
        """Queues everything that is due, for a new stream."""
        self.forget_resends()
        while not self._to_send.empty():
            self._to_send.get_nowait()
        for key in [*self._due, *([None] if self.finished else [])]:
            self._to_send.put_nowait(key)

    async def write(self, call: _Call, patience_s: float) -> None:
        """Sends until there is nothing more, or until the stream fails, which read reports too."""
        try:
            if await ended_within(call, patience_s):
                return
            while (key := await self._to_send.get()) is not None:
                if (due := self._due.get(key)) is not None:
                    await call.write(due.message)
            await call.done_writing()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError):
            return

    async def read(self, call: _Call, answer_s_max: float) -> pb.SubmitFlightPlansResponse | None:
        """The next answer; None at the end of the stream. No time limit applies while no answer is due."""
        reading = asyncio.ensure_future(call.read())
        try:
            while not (await asyncio.wait({reading}, timeout=answer_s_max))[0]:
                if self._due:
                    raise DeadlineExceeded("DEADLINE_EXCEEDED", f"no answer came for {answer_s_max:g} s")
            response = reading.result()
        finally:
            reading.cancel()
        return response if isinstance(response, pb.SubmitFlightPlansResponse) else None

    def settle(self, response: pb.SubmitFlightPlansResponse) -> bool:
        """Records an answer; False if its plan is sent again instead, or was answered before."""
        due = self._due.get(response.key)
        if due is None:
            return False
        error = error_of(response)
        pause_s = None if error is None else due.tries.pause_s(error)
        if pause_s is not None:
            loop = asyncio.get_running_loop()
            self._resends.add(loop.call_later(pause_s, self._to_send.put_nowait, response.key))
            return False
        del self._due[response.key]
        self._room.release()
        if self.finished:
            self._to_send.put_nowait(None)
        return True

    def forget_resends(self) -> None:
        """Cancels the timers of plans that wait to be sent again."""
        for timer in self._resends:
            timer.cancel()
        self._resends.clear()


async def _asynchronous(plans: Plans) -> AsyncIterator[tuple[str, pb.SubmitFlightPlanRequest]]:
    if isinstance(plans, AsyncIterable):
        async for plan in plans:
            yield plan
    else:
        for plan in plans:
            yield plan
