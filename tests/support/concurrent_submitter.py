"""One client of many that aim at the same airspace and aircraft: `python -m tests.support.concurrent_submitter`, in a
process of its own.

It sends so many plans to all workers in turn, each again under the same request id until somebody answers, asks once
more for some that were answered, and writes down what it heard, one JSON object to a line.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import grpc

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.flightplans.v1 import flight_plans_pb2_grpc
from lowsky.api.geo.v1 import geo_pb2
from tests.support.channels import WithToken, open_channel
from tests.support.plan_contents import contents

HUBS = ((113.50, 21.00), (113.52, 21.01), (113.60, 21.05))
ALTITUDES_M = (60, 90, 120, 150)
SPAN_S = 6 * 3_600
"""Departures of all clients lie in so much time: many flights of the same hub want the same minutes."""

IN_FLIGHT = 32
AGAIN = 0.05
"""Of the plans that were answered are asked for once more."""

PASSING = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED, grpc.StatusCode.DEADLINE_EXCEEDED}
PASSING |= {grpc.StatusCode.RESOURCE_EXHAUSTED}
TRIES_MAX = 400
PAUSE_S = 0.1


def plan_of(draw: random.Random, said: argparse.Namespace, earliest: datetime) -> pb.FlightPlan:
    """By one of the fleet: out of a hub for half a kilometre or so and back by another way, at one of a few heights."""
    longitude, latitude = draw.choice(HUBS)
    bearing, reach = draw.uniform(0, 2 * math.pi), draw.uniform(0.002, 0.008)
    altitude = draw.choice(ALTITUDES_M)
    places = [(0.0, 0.0), (bearing, reach), (bearing + 0.3, reach), (0.0, 0.0)]
    departure = earliest + timedelta(seconds=draw.randrange(0, SPAN_S, 5))
    trajectory = assessment_pb2.Trajectory(
        waypoints=[
            assessment_pb2.Waypoint(
                longitude=longitude + far * math.sin(angle),
                latitude=latitude + far * math.cos(angle),
                altitude_m=altitude,
                altitude_datum=geo_pb2.ALTITUDE_DATUM_AGL,
                offset_s=60 * n,
            )
            for n, (angle, far) in enumerate(places)
        ],
        horizontal_buffer_m=10,
        vertical_buffer_m=10,
    )
    trajectory.departure_time.FromDatetime(departure)
    return pb.FlightPlan(
        aircraft=f"{said.aircraft}{draw.randrange(said.fleet)}",
        **contents(),
        trajectory=trajectory,
    )


async def hammer(said: argparse.Namespace) -> str:
    """Sends; gives what was heard."""
    draw = random.Random(said.seed)
    earliest = datetime.fromisoformat(said.earliest).astimezone(UTC)
    requests = [
        pb.SubmitFlightPlanRequest(
            request_id=str(UUID(int=draw.getrandbits(128), version=4)),
            parent=said.operator,
            flight_plan=plan_of(draw, said, earliest),
        )
        for _ in range(said.plans)
    ]
    channels = [open_channel(address) for address in said.addresses.split(",")]
    stubs = [flight_plans_pb2_grpc.FlightPlansServiceStub(_with_token(channel)) for channel in channels]
    waiting = iter(enumerate(requests))
    heard: list[str] = []

    async def sender() -> None:
        for n, request in waiting:
            answer = await _answer(stubs, n, request)
            again = await _answer(stubs, n + 1, request) if draw.random() < AGAIN else answer
            plan = answer.flight_plan
            line = {
                "request_id": request.request_id,
                "name": plan.name,
                "state": pb.State.Name(plan.state).removeprefix("STATE_"),
                "rules": sorted(
                    {assessment_pb2.Finding.Rule.Name(one.rule).removeprefix("RULE_") for one in plan.findings}
                ),
                "alike": again == answer,
            }
            heard.append(json.dumps(line) + "\n")

    await asyncio.gather(*(sender() for _ in range(IN_FLIGHT)))
    for channel in channels:
        await channel.close()
    return "".join(heard)


def _with_token(channel: grpc.aio.Channel) -> Any:
    return WithToken(channel, _TOKEN)


async def _answer(stubs: list[Any], n: int, request: pb.SubmitFlightPlanRequest) -> pb.SubmitFlightPlanResponse:
    """From whichever worker answers."""
    for attempt in range(TRIES_MAX):
        try:
            response: pb.SubmitFlightPlanResponse = await stubs[(n + attempt) % len(stubs)].SubmitFlightPlan(request)
        except grpc.aio.AioRpcError as error:
            if error.code() not in PASSING:
                raise
            await asyncio.sleep(PAUSE_S)
        else:
            return response
    raise TimeoutError(f"nobody answered {request.request_id}")


_TOKEN = ""


def main() -> None:
    """The token comes on standard input: arguments are seen by everybody on the machine."""
    global _TOKEN  # one process, one token
    parser = argparse.ArgumentParser()
    for name in ("addresses", "operator", "aircraft", "earliest", "output"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("seed", "plans", "fleet"):
        parser.add_argument(f"--{name}", type=int, required=True)
    said = parser.parse_args()
    _TOKEN = sys.stdin.read().strip()
    Path(said.output).write_text(asyncio.run(hammer(said)), encoding="utf-8")


if __name__ == "__main__":
    main()
