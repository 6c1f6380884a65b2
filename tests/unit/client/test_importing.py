"""Zone files arrive whole, and a refusal arrives with its report."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import grpc
import pytest

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.api.airspace.v1 import geozones_pb2_grpc
from lowsky.client import Client, Endpoints, FailedPrecondition, InvalidArgument, PermissionDenied

from .conftest import QUICK, Serve, refusal


class Importing(geozones_pb2_grpc.GeozonesServiceServicer):
    def __init__(self) -> None:
        self.script: list[Any] = []
        self.headers: list[pb.ImportHeader] = []
        self.received = b""

    async def ImportGeozones(self, requests: Any, context: Any) -> Any:
        line = self.script.pop(0)
        if line == "at once":
            await context.abort_with_status(refusal(grpc.StatusCode.PERMISSION_DENIED, "ROLE_MISSING"))
        data = b""
        async for message in requests:
            if message.WhichOneof("part") == "header":
                self.headers.append(message.header)
                if line == "at the header":
                    await context.abort_with_status(
                        refusal(grpc.StatusCode.FAILED_PRECONDITION, "AUTHORITY_UNKNOWN", "unknown")
                    )
            else:
                data += message.chunk
        self.received = data
        if isinstance(line, pb.ImportGeozonesResponse):
            return line
        return await context.abort_with_status(line)


@pytest.fixture
def zones() -> Importing:
    return Importing()


@pytest.fixture
async def client(serve: Serve, zones: Importing) -> AsyncIterator[Client]:
    target = await serve(lambda server: geozones_pb2_grpc.add_GeozonesServiceServicer_to_server(zones, server))
    async with Client(Endpoints(airspace=target), "t", tls=False, retry=QUICK) as made:
        yield made


LARGE = bytes(range(256)) * 12_000
"""3 MB: more than the flow control's window, so that writes wait for the server."""

TO: dict[str, Any] = {"dataset": "datasets/at-austrocontrol", "authority": "authorities/austrocontrol"}


async def test_a_file_arrives_whole_and_in_order(client: Client, zones: Importing, tmp_path: Path) -> None:
    zones.script = [pb.ImportGeozonesResponse(report=pb.ImportReport(taken=3))]
    file = tmp_path / "zones.json"
    file.write_bytes(LARGE)
    heard: list[tuple[int, int]] = []
    response = await client.import_geozones(
        file,
        **TO,
        authority_names={"LFPG": "authorities/y"},
        on_error=pb.ON_ERROR_ACCEPT_VALID,
        on_progress=lambda *p: heard.append(p),
    )
    assert response.report.taken == 3
    assert zones.received == LARGE
    header = zones.headers[0]
    assert (header.dataset, header.on_error, dict(header.authority_names)) == (
        TO["dataset"],
        pb.ON_ERROR_ACCEPT_VALID,
        {"LFPG": "authorities/y"},
    )
    assert heard[-1] == (len(LARGE), len(LARGE))
    assert heard == sorted(heard)


async def test_an_import_is_sent_again_with_its_request_id(client: Client, zones: Importing) -> None:
    zones.script = [refusal(grpc.StatusCode.UNAVAILABLE, "DATABASE_UNAVAILABLE"), pb.ImportGeozonesResponse()]
    await client.import_geozones(b"{}", **TO)
    first, second = zones.headers
    assert first == second


async def test_a_refused_import_brings_its_report(client: Client, zones: Importing) -> None:
    report = pb.ImportReport(refused=1)
    zones.script = [refusal(grpc.StatusCode.FAILED_PRECONDITION, "ZONES_REFUSED", "1 zone", report)]
    with pytest.raises(FailedPrecondition) as raised:
        await client.import_geozones(b"{}", **TO)
    assert raised.value.detail(pb.ImportReport) == report


@pytest.mark.parametrize(("when", "error"), [("at once", PermissionDenied), ("at the header", FailedPrecondition)])
async def test_an_early_refusal_is_not_lost_in_the_writing(
    client: Client, zones: Importing, when: str, error: type[Exception]
) -> None:
    zones.script = [when] * 5
    with pytest.raises(error):
        await client.import_geozones(LARGE, **TO)


@pytest.mark.parametrize(("data", "reason"), [(b"", "UNREADABLE_FILE"), (bytes(128 * 2**20 + 1), "TOO_LARGE")])
async def test_what_the_service_would_not_take_is_not_sent(client: Client, data: bytes, reason: str) -> None:
    with pytest.raises(InvalidArgument, match=reason):
        await client.import_geozones(data, **TO)
