"""What the loss of a part is to a call, and to who asks whether the worker serves."""

import pytest
import structlog
from grpc_health.v1 import health_pb2

from lowsky.errors import Unavailable
from lowsky.health import Health

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


async def status(health: Health, part: str) -> int:
    return int((await health.servicer.Check(health_pb2.HealthCheckRequest(service=part), None)).status)


async def test_a_part_that_is_lost_stops_calls_and_one_for_writes_alone_lets_reading_go_on() -> None:
    health = Health()
    await health.expect("log", only_writes=True)
    with pytest.raises(Unavailable):
        health.require(writes=True)
    health.require(writes=False)
    await health.expect("view")
    with pytest.raises(Unavailable):
        health.require(writes=False)
    assert await status(health, "") == NOT_SERVING


async def test_a_part_that_is_only_told_of_stops_nothing_and_is_seen_under_its_own_name() -> None:
    health = Health()
    await health.expect("behind", only_told=True)
    await health.report("behind", None)
    await health.report("behind", "an hour")
    health.require(writes=True)
    assert health.problems == {"behind": "an hour"}
    assert (await status(health, ""), await status(health, "behind")) == (SERVING, NOT_SERVING)
    await health.report("behind", None)
    assert await status(health, "behind") == SERVING


async def test_a_healthy_start_warns_of_nothing_and_a_part_that_is_lost_and_returns_does() -> None:
    health = Health()
    await health.expect("database")
    with structlog.testing.capture_logs() as logged:
        await health.report("database", None)
        await health.report("database", "gone")
        await health.report("database", None)
    assert [line["log_level"] for line in logged] == ["info", "warning", "warning"]
