"""A restriction drawn in airspace stops plans on every worker of flightplans at once."""

from __future__ import annotations

import time

import grpc
import pytest

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from tests.integration.airspace.restricting import Officer, new_officer, square, volume
from tests.integration.flightplans.world import (
    OPERATOR,
    SOUTH,
    Stub,
    World,
    in_,
    registered,
    submission,
)
from tests.support.errors import error_of
from tests.support.installation import Installation
from tests.support.polling import eventually

WORKERS = ("1", "2")
HERE = square(SOUTH[0] - 0.1, SOUTH[1] - 0.1, SOUTH[0] + 0.1, SOUTH[1] + 0.1)
ELSEWHERE = square(100, 20, 100.1, 20.1)


async def zones_found(stub: Stub) -> list[str]:
    """The zones that a dry run is told of."""
    try:
        plan = (await stub.SubmitFlightPlan(submission(departure=in_(hours=1), validate_only=True))).flight_plan
    except grpc.aio.AioRpcError as error:
        assert error_of(error).reason in ("NO_AIRSPACE", "OPERATOR_UNKNOWN", "AIRCRAFT_UNKNOWN"), error
        return ["nothing is known yet"]
    assert plan.airspace_revision
    return [finding.subject for finding in plan.findings if finding.subject.startswith("geozones/")]


async def test_a_fresh_restriction_is_found_by_every_worker_and_a_lifted_one_no_more(
    installation: Installation, capsys: pytest.CaptureFixture[str]
) -> None:
    world = World(installation)
    await installation.start("airspace")
    for instance in WORKERS:
        await installation.start("flightplans", instance=instance)
    await world.tell(registered(OPERATOR))
    officer = await new_officer(installation, HERE, ELSEWHERE)
    await officer.restrict(volume=volume(ELSEWHERE))
    stubs = [world.stub(instance) for instance in WORKERS]
    for stub in stubs:
        await until(stub, [], officer)
    zone = await officer.restrict(volume=volume(HERE))
    began = time.perf_counter()
    for stub in stubs:
        await until(stub, [zone.name], officer)
    in_force_s = time.perf_counter() - began
    refused = (await stubs[0].SubmitFlightPlan(submission(departure=in_(hours=1)))).flight_plan
    assert refused.state == pb.STATE_REJECTED
    await officer.lift(zone.name)
    began = time.perf_counter()
    for stub in stubs:
        await until(stub, [], officer)
    lifted_s = time.perf_counter() - began
    with capsys.disabled():
        print(
            f"\nin force on {len(stubs)} workers {in_force_s:.3f} s after the answer, lifted {lifted_s:.3f} s after it"
        )


async def until(stub: Stub, names: list[str], officer: Officer) -> None:
    async def found() -> bool:
        assert await zones_found(stub) == names
        return True

    await eventually(found, within_s=30, what=f"{names} of {officer.dataset} found")
