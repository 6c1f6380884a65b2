"""Watches go on where they were; streams of plans answer each plan once, over lost connections too."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import grpc
import pytest
from google.rpc import status_pb2

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.client import Client, Endpoints, OutOfRange, PermissionDenied, ResourceExhausted, Unavailable, error_of
from lowsky.client.calls import Calls
from lowsky.client.watching import watch_flight_plans

from .conftest import QUICK, ScriptedPlans, refusal, retry_info

OPERATOR = "operators/acme"


@pytest.fixture
async def client(target: str) -> AsyncIterator[Client]:
    async with Client(Endpoints.everything_at(target), "secret", tls=False, retry=QUICK) as made:
        yield made


def update(number: int) -> pb.WatchFlightPlansResponse:
    return pb.WatchFlightPlansResponse(flight_plan=pb.FlightPlan(name=f"p{number}"), resume_token=f"after-{number}")


def telling(*numbers: int, then: Any = None) -> Any:
    """A watch that tells of these plans, and then ends, hangs or breaks."""

    async def answer(_: Any, context: Any) -> Any:
        async def tell() -> AsyncIterator[pb.WatchFlightPlansResponse]:
            for number in numbers:
                yield update(number)
            if then is not None:
                await context.abort(then, "gone")

        return tell()

    return answer


async def test_a_watch_goes_on_after_its_last_token_over_losses_and_ends(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [
        telling(1, 2, then=grpc.StatusCode.UNAVAILABLE),
        telling(3),
        refusal(grpc.StatusCode.UNAVAILABLE, "NOT_CAUGHT_UP"),
        telling(4, then=grpc.StatusCode.CANCELLED),
        telling(5),
    ]
    heard = []
    async with aclosing(client.watch_flight_plans(OPERATOR, "start")) as watch:
        async for response in watch:
            heard.append(response.flight_plan.name)
            if len(heard) == 5:
                break
    assert heard == ["p1", "p2", "p3", "p4", "p5"]
    assert [r.resume_token for r in plans.requests] == ["start", "after-2", "after-3", "after-3", "after-4"]


async def test_a_token_that_is_no_longer_kept_is_told(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [refusal(grpc.StatusCode.OUT_OF_RANGE, "RESUME_TOKEN_EXPIRED")]
    with pytest.raises(OutOfRange):
        await anext(client.watch_flight_plans(OPERATOR, "old"))


async def test_a_slow_watcher_resumes(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [
        refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", "too slow", retry_info(0.01)),
        telling(1),
    ]
    assert (await anext(client.watch_flight_plans(OPERATOR, "t"))).flight_plan.name == "p1"


async def test_a_watch_gives_up_when_no_try_helps(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [refusal(grpc.StatusCode.UNAVAILABLE, "EVENTS_UNAVAILABLE")] * 20
    with pytest.raises(Unavailable):
        await anext(client.watch_flight_plans(OPERATOR))
    assert len(plans.requests) == QUICK.tries_max


async def test_a_silent_watch_is_opened_anew(client: Client, plans: ScriptedPlans) -> None:
    async def silent(_: Any, __: Any) -> Any:
        async def wait() -> AsyncIterator[pb.WatchFlightPlansResponse]:
            await asyncio.Event().wait()
            yield update(0)

        return wait()

    plans.script = [silent, telling(1)]
    calls = Calls(None, QUICK)
    watch = watch_flight_plans(calls, client.flight_plans.WatchFlightPlans, OPERATOR, silence_s_max=0.2)
    assert (await anext(watch)).flight_plan.name == "p1"


async def test_a_watch_that_is_closed_ends_its_call(client: Client, plans: ScriptedPlans) -> None:
    ended = asyncio.Event()

    async def endless(_: Any, context: Any) -> Any:
        context.add_done_callback(lambda _: ended.set())

        async def tell() -> AsyncIterator[pb.WatchFlightPlansResponse]:
            yield update(1)
            await asyncio.Event().wait()

        return tell()

    plans.script = [endless]
    async with aclosing(client.watch_flight_plans(OPERATOR)) as watch:
        await anext(watch)
    await asyncio.wait_for(ended.wait(), 5)


def answering(seen: list[pb.SubmitFlightPlansRequest], *, break_after: int | None = None, full_first: int = 0) -> Any:
    """A stream that approves each plan; may break after some answers, or have no room for the first ones."""

    async def answer(requests: Any, context: Any) -> Any:
        async def answers() -> AsyncIterator[pb.SubmitFlightPlansResponse]:
            answered = 0
            async for message in requests:
                seen.append(message)
                if answered == break_after:
                    await context.abort(grpc.StatusCode.UNAVAILABLE, "broken")
                answered += 1
                if answered <= full_first:
                    status = refusal(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", "full", retry_info(0.01))
                    error = status_pb2.Status.FromString(status.trailing_metadata[0][1])
                    yield pb.SubmitFlightPlansResponse(key=message.key, error=error)
                else:
                    yield pb.SubmitFlightPlansResponse(key=message.key, flight_plan=pb.FlightPlan(name=message.key))

        return answers()

    return answer


def some(count: int) -> list[tuple[str, pb.SubmitFlightPlanRequest]]:
    return [(f"k{n}", pb.SubmitFlightPlanRequest(parent=OPERATOR)) for n in range(count)]


async def test_many_plans_are_each_answered(client: Client, plans: ScriptedPlans) -> None:
    seen: list[pb.SubmitFlightPlansRequest] = []
    plans.script = [answering(seen)]
    answers = [answer.key async for answer in client.submit_many(some(600), in_flight_max=16)]
    assert sorted(answers) == sorted(key for key, _ in some(600))
    assert len({message.request.request_id for message in seen}) == 600


async def test_no_more_plans_are_under_way_than_allowed(client: Client, plans: ScriptedPlans) -> None:
    taken = 0

    async def source() -> AsyncIterator[tuple[str, pb.SubmitFlightPlanRequest]]:
        nonlocal taken
        for plan in some(50):
            taken += 1
            yield plan

    plans.script = [answering([])]
    answered = 0
    async for _ in client.submit_many(source(), in_flight_max=4):
        assert taken <= answered + 6  # those under way, the one just answered, and the one that waits for room
        answered += 1
    assert answered == 50


async def test_after_a_loss_unanswered_plans_are_sent_again_with_their_ids(
    client: Client, plans: ScriptedPlans
) -> None:
    first: list[pb.SubmitFlightPlansRequest] = []
    second: list[pb.SubmitFlightPlansRequest] = []
    plans.script = [answering(first, break_after=3), answering(second)]
    answers = [answer.key async for answer in client.submit_many(some(20), in_flight_max=8)]
    assert sorted(answers) == sorted(key for key, _ in some(20))
    ids = {message.key: message.request.request_id for message in first}
    again = [message for message in second if message.key in ids]
    assert again
    assert all(message.request.request_id == ids[message.key] for message in again)


async def test_a_plan_without_room_is_sent_again_later(client: Client, plans: ScriptedPlans) -> None:
    seen: list[pb.SubmitFlightPlansRequest] = []
    plans.script = [answering(seen, full_first=2)]
    answers = [answer async for answer in client.submit_many(some(5))]
    assert sorted(answer.key for answer in answers) == ["k0", "k1", "k2", "k3", "k4"]
    assert all(error_of(answer) is None for answer in answers)
    assert len(seen) == 7


async def test_a_plan_that_never_finds_room_ends_in_its_error(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [answering([], full_first=100)]
    answers = [answer async for answer in client.submit_many(some(1))]
    assert isinstance(error_of(answers[0]), ResourceExhausted)


async def test_a_refused_stream_raises(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [refusal(grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING")] * 5
    with pytest.raises(PermissionDenied):
        await anext(client.submit_many(some(3)))


async def test_a_key_under_way_twice_is_refused(client: Client, plans: ScriptedPlans) -> None:
    async def silent(requests: Any, _: Any) -> Any:
        async def answers() -> AsyncIterator[pb.SubmitFlightPlansResponse]:
            async for message in requests:
                yield pb.SubmitFlightPlansResponse(key=message.key, flight_plan=pb.FlightPlan())

        return answers()

    plans.script = [silent]
    with pytest.raises(ValueError, match="in flight already"):
        async for _ in client.submit_many([*some(1), *some(1)]):
            pass


async def test_no_plans_need_no_answer(client: Client, plans: ScriptedPlans) -> None:
    plans.script = [answering([])]
    assert [answer async for answer in client.submit_many([])] == []


async def test_an_error_of_the_source_arrives(client: Client, plans: ScriptedPlans) -> None:
    async def source() -> AsyncIterator[tuple[str, pb.SubmitFlightPlanRequest]]:
        yield some(1)[0]
        raise RuntimeError("the fleet's database is away")

    plans.script = [answering([])]
    answers = client.submit_many(source())
    assert (await anext(answers)).key == "k0"
    with pytest.raises(RuntimeError, match="the fleet's database is away"):
        await anext(answers)
