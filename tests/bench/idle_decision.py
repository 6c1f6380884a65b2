"""From submit to automatic decision on an idle stack, beside a bare echo and a bare Kafka round trip in the same run.

The path of one decision: one RPC, one transaction, an event to approvals, a transaction there, an event back, a third
transaction, and the answer; so two hops over Kafka and one RPC are what it stands on.
"""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import Iterator
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from rich.console import Console

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.client.missions import flight_plan_of
from lowsky.local.demo.cast import FLEET, OPERATOR, Cast, cast_for
from lowsky.local.demo.command import AREA
from lowsky.local.demo.story import SAMPLE, publish_airspace, register_operator, sample_profile
from lowsky.local.reporting import ConsoleReporter
from lowsky.local.stack import Stack
from lowsky.missions import read
from tests.bench.echo import METHOD
from tests.bench.measuring import Measurement, one_by_one, size

CALLS = size(200, 5)
PAYLOAD = b"x" * 1_000
TOPIC = "lowsky.approvals.v1.flightplans.dlq"
"""A declared topic of one partition that nothing else uses in this run."""

APART = timedelta(minutes=10)
"""The mission takes eight minutes with its buffers: none is in another's way."""


def measure(state_dir: Path, console: Console) -> list[Measurement]:
    """Starts a stack of its own, measures, and stops it."""
    stack = Stack.start(state_dir, reporter=ConsoleReporter(console), env=AREA)
    try:
        return asyncio.run(_measure(stack, console))
    finally:
        stack.stop()


async def _measure(stack: Stack, console: Console) -> list[Measurement]:
    async with AsyncExitStack() as exits:
        cast = await cast_for(stack, exits)
        await publish_airspace(cast, console)
        await register_operator(cast)
        departures = itertools.count(1)
        return [
            await bare_echo(),
            await bare_kafka(stack),
            await submission(cast, "submit, durable and checked", timedelta(), departures),
            await submission(cast, "submit to automatic decision", timedelta(seconds=10), departures),
        ]


async def bare_echo() -> Measurement:
    """A unary call of 1 kB to a process that gives it back."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.bench.echo", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin
    assert process.stdout
    try:
        port = int(await process.stdout.readline())
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            echo: Any = channel.unary_unary(METHOD)
            return await one_by_one("bare grpc.aio echo", CALLS, lambda _: echo(PAYLOAD))
    finally:
        process.stdin.close()
        await process.wait()


async def bare_kafka(stack: Stack) -> Measurement:
    """A record of 1 kB, acknowledged by the broker and read by a consumer that waits for it."""
    consumer = AIOKafkaConsumer(TOPIC, bootstrap_servers=stack.kafka_bootstrap, auto_offset_reset="latest")
    producer = AIOKafkaProducer(bootstrap_servers=stack.kafka_bootstrap, enable_idempotence=True)
    await consumer.start()
    await producer.start()
    try:
        for partition in consumer.assignment():
            await consumer.position(partition)

        async def round_trip(_: int) -> None:
            await asyncio.gather(producer.send_and_wait(TOPIC, PAYLOAD), consumer.getone())

        return await one_by_one("bare Kafka round trip", CALLS, round_trip)
    finally:
        await producer.stop()
        await consumer.stop()


async def submission(cast: Cast, what: str, wait: timedelta, departures: Iterator[int]) -> Measurement:
    """A parcel flight of a QGroundControl mission in clear air, which departs so many times APART from now."""
    mission = read((SAMPLE / "parcel-lingang.plan").read_bytes(), "parcel-lingang.plan")
    profile = sample_profile()
    wanted = pb.STATE_APPROVED if wait else pb.STATE_SUBMITTED

    async def submit(_: int) -> None:
        departure = datetime.now(UTC) + APART * next(departures)
        plan = flight_plan_of(mission, aircraft=FLEET["parcel-lingang.plan"], departure=departure, profile=profile)
        answer = await cast.operator.submit_flight_plan(OPERATOR, plan, wait_for_decision=wait or None)
        assert answer.state == wanted, answer

    return await one_by_one(what, CALLS, submit)
