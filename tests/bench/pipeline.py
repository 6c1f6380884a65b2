"""`python -m tests.bench.pipeline DATABASE_URL BOOTSTRAP TOPIC`: a bare durable pipeline, a submission's honest floor.

grpc.aio reads a request and parses it; all that wait are one transaction, which inserts plans and outbox rows by
unnest; the relay sends these to Kafka. Nothing is verified, checked or held, and the answer is empty.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import asyncpg
import grpc
import uvloop

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.db.database import Database
from lowsky.db.migrations import migrations_in
from lowsky.events.event import Event
from lowsky.events.kafka import Kafka
from lowsky.events.outbox import append
from lowsky.events.relay import Relay
from lowsky.health import Health
from lowsky.ids import new_id
from lowsky.process.background import end

METHOD = "/bench.Pipeline/Submit"
STREAM_METHOD = "/bench.Pipeline/SubmitEach"
SCHEMA = "bench"
BATCH = 64
"""As a flightplans worker takes them."""

IN_FLIGHT_MAX = 512
"""Of a stream, as of a flightplans worker's."""


class Pipeline(grpc.GenericRpcHandler):
    """Stores what it is sent."""

    def __init__(self, database: Database, relay: Relay, topic: str) -> None:
        self._database = database
        self._relay = relay
        self._topic = topic
        self._waiting: deque[tuple[pb.SubmitFlightPlanRequest, asyncio.Future[bytes]]] = deque()
        self._some = asyncio.Event()

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        if handler_call_details.method == STREAM_METHOD:
            return grpc.stream_stream_rpc_method_handler(self._store_each)
        return grpc.unary_unary_rpc_method_handler(self._store) if handler_call_details.method == METHOD else None

    async def run(self) -> None:
        """Stores what waits, a batch at a time, until cancelled."""
        while True:
            await self._some.wait()
            self._some.clear()
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                await self._insert([request for request, _ in batch])
                for _, answer in batch:
                    answer.set_result(b"")

    async def _insert(self, requests: list[pb.SubmitFlightPlanRequest]) -> None:
        now = datetime.now(UTC)
        ids = [new_id() for _ in requests]
        contents = [request.flight_plan.SerializeToString() for request in requests]
        events = [
            Event(self._topic, f"{request.parent}/flightPlans/{id_}", "lowsky.flightplan.submitted.v1", content, now)
            for request, id_, content in zip(requests, ids, contents, strict=True)
        ]
        async with self._database.transaction() as connection:
            await connection.execute(
                """INSERT INTO plans (id, operator, create_time, content)
                   SELECT id, operator, $3, content FROM unnest($1::uuid[], $2::text[], $4::bytea[])
                     AS p (id, operator, content)""",
                [UUID(id_) for id_ in ids],
                [request.parent for request in requests],
                now,
                contents,
            )
            await append(connection, events)
        self._relay.wake()

    def _begin(self, request: pb.SubmitFlightPlanRequest) -> asyncio.Future[bytes]:
        answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, answer))
        self._some.set()
        return answer

    async def _store(self, request: bytes, _context: Any) -> bytes:
        return await self._begin(pb.SubmitFlightPlanRequest.FromString(request))

    async def _store_each(self, requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
        answers: asyncio.Queue[asyncio.Future[bytes] | None] = asyncio.Queue(IN_FLIGHT_MAX)

        async def read() -> None:
            async for request in requests:
                await answers.put(self._begin(pb.SubmitFlightPlansRequest.FromString(request).request))
            await answers.put(None)

        reading = asyncio.create_task(read())
        try:
            while (answer := await answers.get()) is not None:
                yield await answer
        finally:
            await end([reading])


async def prepare(url: str) -> None:
    """The tables that every service has, and one for plans."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}; SET search_path = {SCHEMA}"
        )
        for migration in migrations_in("lowsky.db.sql"):
            await connection.execute(migration.sql)
        await connection.execute(
            """CREATE TABLE plans (id uuid PRIMARY KEY, operator text NOT NULL, create_time timestamptz NOT NULL,
                                   content bytea NOT NULL);
               CREATE INDEX ON plans (operator, id)"""
        )
    finally:
        await connection.close()


async def serve(url: str, bootstrap: str, topic: str) -> None:
    """Serves on a free port, which it prints; until its standard input ends."""
    await prepare(url)
    async with Database.open(url, schema=SCHEMA) as database:
        relay = Relay(database, Kafka(bootstrap), Health())
        pipeline = Pipeline(database, relay, topic)
        running = [asyncio.create_task(relay.run()), asyncio.create_task(pipeline.run())]
        server = grpc.aio.server()
        server.add_generic_rpc_handlers((pipeline,))
        print(server.add_insecure_port("127.0.0.1:0"), flush=True)
        await server.start()
        await asyncio.to_thread(sys.stdin.read)
        await server.stop(None)
        await end(running)


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:]))
