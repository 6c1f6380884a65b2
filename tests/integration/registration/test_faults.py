"""What happens when parts are lost: nothing that was acknowledged is, and callers are told when to come back."""

from __future__ import annotations

import asyncio

import grpc

from lowsky.api.registration.v1 import operators_pb2 as pb
from lowsky.events import topics
from tests.integration.registration.calls import Registration, an_operator, create_request
from tests.support.errors import Failure, outcome, refusal
from tests.support.polling import eventually

TOPIC = topics.OPERATORS
WRITERS = 4


async def test_a_crash_loses_nothing_that_was_acknowledged(registration: Registration) -> None:
    """Writers stream mutations while the worker is killed; each repeats what was not answered, with the same id."""
    installation = registration.installation
    acknowledged: list[str] = []
    killed = asyncio.Event()

    async def write(writer: int) -> None:
        last = False
        while not last:
            last = killed.is_set()
            request = create_request(an_operator(display_name=f"writer {writer}"))

            async def created(request: pb.CreateOperatorRequest = request) -> str:
                answer = await outcome(registration.for_registrar.CreateOperator(request))
                if isinstance(answer, Failure):
                    assert answer.code is grpc.StatusCode.UNAVAILABLE, answer
                    return ""
                return answer.operator.name

            acknowledged.append(await eventually(created, within_s=60))

    async def crash() -> None:
        async def under_way() -> bool:
            return len(acknowledged) >= 20

        await eventually(under_way)
        await installation.kill("registration")
        await installation.restart("registration")
        killed.set()

    await asyncio.gather(crash(), *(write(number) for number in range(WRITERS)))

    async with installation.connection() as connection:
        stored = {row["name"] for row in await connection.fetch("SELECT name FROM registration.operators")}
    assert len(set(acknowledged)) == len(acknowledged), "a repeated request is not done twice"
    assert stored == set(acknowledged), "and what is stored was answered in the end"

    async def all_told() -> list[tuple[str, str]]:
        told = [(event.key, event.id) for event, _ in await installation.events(TOPIC)]
        assert {key for key, _ in told} == stored
        return told

    told = await eventually(all_told, what="every operator's event")
    # A crash between sending and noting it sends an event again, under the same id.
    assert len(set(told)) == len(stored)


async def test_without_its_database_a_worker_says_so_and_comes_back(registration: Registration) -> None:
    installation = registration.installation
    operator = await registration.new_operator()
    get = pb.GetOperatorRequest(name=operator.name)
    request = create_request(an_operator())
    async with installation.database_away():

        async def lost() -> bool:
            return await installation.health("registration") == "NOT_SERVING"

        await eventually(lost)
        assert await installation.health("registration", part="database") == "NOT_SERVING"
        for call in (registration.for_registrar.GetOperator(get), registration.for_registrar.CreateOperator(request)):
            error = await refusal(call)
            assert (error.code, error.reason) == (grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE")
            assert error.retry_delay_s == 1.0
            assert installation.database_url not in error.message
    await installation.wait_serving("registration")
    assert (await registration.for_registrar.GetOperator(get)).operator == operator
    created = (await registration.for_registrar.CreateOperator(request)).operator

    async def told() -> bool:
        return any(event.key == created.name for event, _ in await installation.events(TOPIC))

    await eventually(told, what="the event of what was created after the loss")


async def test_calls_that_the_loss_of_the_database_hits_are_unavailable_not_internal(
    registration: Registration,
) -> None:
    installation = registration.installation
    stop = asyncio.Event()
    codes: set[str] = set()

    async def read() -> None:
        while not stop.is_set():
            answer = await outcome(registration.for_registrar.ListOperators(pb.ListOperatorsRequest(page_size=1)))
            codes.add(answer.reason if isinstance(answer, Failure) else "")

    async def lose() -> None:
        async with installation.database_away():

            async def hit() -> bool:
                return "DATABASE_UNAVAILABLE" in codes

            await eventually(hit)
        stop.set()

    await asyncio.gather(lose(), *(read() for _ in range(4)))
    assert codes == {"", "DATABASE_UNAVAILABLE"}
    await installation.wait_serving("registration")


async def test_a_worker_that_is_asked_to_leave_finishes_and_leaves(registration: Registration) -> None:
    installation = registration.installation
    answer = asyncio.ensure_future(outcome(registration.for_registrar.CreateOperator(create_request(an_operator()))))
    await installation.stop("registration")
    result = await answer
    # gRPC cancels a call that reaches a server which has just begun to leave; the client tells both alike and repeats.
    assert not isinstance(result, Failure) or result.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
    log = installation.log_of("registration")
    assert '"event": "stopping"' in log
    assert "Traceback" not in log
    await installation.restart("registration")
