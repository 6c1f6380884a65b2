"""A service as small as one can be: it migrates, speaks grpc.health.v1 and leaves on SIGTERM."""

import asyncio
import json
import os
import signal
import sys
from pathlib import Path

import asyncpg
import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc


async def migrate() -> None:
    if os.environ.get("FAKE_MIGRATION_FAILS"):
        sys.exit("the fake migration fails as asked")
    connection = await asyncpg.connect(os.environ["LOWSKY_DATABASE_URL"])
    await connection.execute("CREATE TABLE IF NOT EXISTS fake_rows (name text PRIMARY KEY)")
    await connection.close()


def leave_environment() -> None:
    """Writes down what this service was told, for the tests to read."""
    environment = {name: value for name, value in os.environ.items() if name.startswith("LOWSKY_")}
    Path(os.environ["LOWSKY_STATE_DIR"], "log", "fake-environment.json").write_text(json.dumps(environment))


async def serve() -> None:
    server = grpc.aio.server()
    servicer = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    await servicer.set("", health_pb2.HealthCheckResponse.SERVING)
    if server.add_insecure_port(os.environ["LOWSKY_LISTEN"]) == 0:
        sys.exit("cannot listen")
    leave_environment()
    await server.start()
    print("the fake service serves", flush=True)
    leave = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, leave.set)
    await leave.wait()
    await server.stop(0.2)
    print("the fake service left when asked", flush=True)


if __name__ == "__main__":
    asyncio.run(migrate() if sys.argv[1:] == ["migrate"] else serve())
