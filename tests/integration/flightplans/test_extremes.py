"""Whatever a field of a request says, it is answered or refused: it never makes the service fail."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import pytest

from lowsky.api.assessment.v1 import assessment_pb2
from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.api.geo.v1 import geo_pb2
from lowsky.ids import new_id
from tests.integration.flightplans.world import OPERATOR, SOUTH, Stub, World, in_, submission, timestamp
from tests.support.errors import error_of
from tests.support.extremes import extremes

AT_ONCE = 16
NAME = f"{OPERATOR}/flightPlans/{new_id()}"


def volumes() -> assessment_pb2.Volumes:
    longitude, latitude = SOUTH
    ring = [(0.0, 0.0), (0.01, 0.0), (0.01, 0.01), (0.0, 0.01)]
    volume = geo_pb2.Volume4D(time_start=timestamp(in_(hours=2)), time_end=timestamp(in_(hours=3)))
    agl = geo_pb2.ALTITUDE_DATUM_AGL
    volume.altitude.CopyFrom(geo_pb2.AltitudeBand(lower_m=0, lower_datum=agl, upper_m=100, upper_datum=agl))
    volume.outline_polygon.vertices.extend(
        geo_pb2.LatLng(longitude=longitude + x, latitude=latitude + y) for x, y in ring
    )
    return assessment_pb2.Volumes(volumes=[volume])


def dry(request: pb.SubmitFlightPlanRequest) -> pb.SubmitFlightPlanRequest:
    request.validate_only = True
    return request


def listing() -> pb.ListFlightPlansRequest:
    return pb.ListFlightPlansRequest(
        parent=OPERATOR, time_start=timestamp(in_(hours=1)), time_end=timestamp(in_(hours=2)), page_token="x"
    )


REQUESTS: dict[str, Callable[[], Any]] = {
    "SubmitFlightPlan": lambda: dry(submission(SOUTH)),
    "SubmitFlightPlan volumes": lambda: dry(submission(SOUTH, volumes=volumes())),
    "GetFlightPlan": lambda: pb.GetFlightPlanRequest(name=NAME),
    "ListFlightPlans": listing,
    "WithdrawFlightPlan": lambda: pb.WithdrawFlightPlanRequest(request_id=new_id(), name=NAME, etag="1"),
    "ActivateFlightPlan": lambda: pb.ActivateFlightPlanRequest(request_id=new_id(), name=NAME, etag="1"),
    "EndFlightPlan": lambda: pb.EndFlightPlanRequest(request_id=new_id(), name=NAME, etag="1"),
    "ReportFlightPlanState": lambda: pb.ReportFlightPlanStateRequest(
        request_id=new_id(), name=NAME, etag="1", state=pb.STATE_NONCONFORMING, off_nominal_volumes=volumes()
    ),
    "QueryAirspace": lambda: pb.QueryAirspaceRequest(volumes=volumes(), layer_height_m=10),
}


async def code_of(call: Any) -> grpc.StatusCode:
    try:
        await call
    except grpc.aio.AioRpcError as error:
        return error_of(error).code
    return grpc.StatusCode.OK


@pytest.mark.parametrize("what", REQUESTS)
async def test_no_extreme_of_a_field_makes_the_service_fail(world: World, what: str) -> None:
    stub: Stub = world.stub()
    method = getattr(stub, what.split()[0])
    assert await code_of(method(REQUESTS[what]())) in (
        grpc.StatusCode.OK,
        grpc.StatusCode.NOT_FOUND,
        *((grpc.StatusCode.INVALID_ARGUMENT,) if what == "ListFlightPlans" else ()),
    )
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(name: str, request: Any) -> tuple[str, grpc.StatusCode]:
        async with slots:
            return name, await code_of(method(request, timeout=30))

    async with asyncio.timeout(120):
        answers = await asyncio.gather(*(one(name, request) for name, request in extremes(REQUESTS[what]())))
    assert answers
    failed = (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.DEADLINE_EXCEEDED)
    assert [(name, code.name) for name, code in answers if code in failed] == []
