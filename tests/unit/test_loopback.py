"""What is on this machine, and that no proxy of the environment comes between."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from lowsky.api.flightplans.v1 import flight_plans_pb2 as pb
from lowsky.auth.tokens import TokenVerifier
from lowsky.client import Client, Endpoints, LowskyApiError, Unavailable
from lowsky.health import Health
from lowsky.local.running import health
from lowsky.loopback import is_loopback, is_loopback_target
from lowsky.rpc.pipeline import Pipeline
from lowsky.rpc.server import build_server
from tests.support.tokens import AUDIENCE, serving_issuer

VARIABLES = [
    name for lower in ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy") for name in (lower, lower.upper())
]
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""


@pytest.fixture(params=VARIABLES)
def proxy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Each variable in turn names a proxy that is not there; nothing is exempted."""
    for name in (*VARIABLES, "no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(request.param, NOWHERE)
    return request.param


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("::1", True),
        ("[::1]", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("LOCALHOST.", True),
        ("localhost.example.org", False),
        ("128.0.0.1", False),
        ("10.0.0.1", False),
        ("", False),
    ],
)
def test_loopback_hosts_are_known(host: str, expected: bool) -> None:
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("127.0.0.1:50051", True),
        ("localhost:50051", True),
        ("localhost", True),
        ("[::1]:50051", True),
        ("::1", True),
        ("dns:///localhost:50051", True),
        ("dns:localhost:50051", True),
        ("ipv4:127.0.0.1:50051", True),
        ("ipv6:[::1]:50051", True),
        ("unix:/run/lowsky.sock", True),
        ("lowsky.example.org:443", False),
        ("dns:///lowsky.example.org:443", False),
        ("ipv4:10.0.0.1:443", False),
        ("[2001:db8::1]:443", False),
    ],
)
def test_loopback_targets_are_known(target: str, expected: bool) -> None:
    assert is_loopback_target(target) is expected


@pytest.mark.usefixtures("proxy")
async def test_keys_on_this_machine_are_fetched_past_a_proxy() -> None:
    with serving_issuer() as issuer:
        verifier = TokenVerifier(jwks_url=issuer.jwks_url, issuer=issuer.url, audience=AUDIENCE)
        assert (await verifier.verify(issuer.token(subject="somebody"))).subject == "somebody"


async def test_a_proxy_of_a_kind_that_is_not_supported_does_not_matter_for_this_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("all_proxy", "socks5://127.0.0.1:9")
    TokenVerifier(jwks_url="http://localhost:1/jwks.json", issuer="i", audience="a")


@pytest.mark.usefixtures("proxy")
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_calls_to_this_machine_go_past_a_proxy(host: str) -> None:
    with serving_issuer() as issuer:
        verifier = TokenVerifier(jwks_url=issuer.jwks_url, issuer=issuer.url, audience=AUDIENCE)
        state = Health()
        server = build_server(Pipeline(verifier=verifier, health=state), state, services=[], reflect=False)
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        try:
            async with Client(Endpoints.everything_at(f"{host}:{port}"), issuer.token(), tls=False) as client:
                # It is not served here, which no proxy could have known.
                with pytest.raises(LowskyApiError, match=r"(?i)method not found"):
                    await client.call(client.flight_plans.GetFlightPlan, pb.GetFlightPlanRequest(name="x"), timeout_s=5)
        finally:
            await server.stop(0)


async def test_calls_elsewhere_go_through_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = asyncio.Event()
    said = b""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal said
        said = await reader.readline()
        asked.set()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    async with server, Client(Endpoints.everything_at("192.0.2.1:443"), "token", tls=False) as client:
        with pytest.raises(Unavailable):
            await client.call(client.flight_plans.GetFlightPlan, pb.GetFlightPlanRequest(name="x"), timeout_s=2)
        async with asyncio.timeout(10):
            await asked.wait()
    assert said.startswith(b"CONNECT 192.0.2.1:443")


@pytest.mark.usefixtures("proxy")
def test_the_health_of_what_runs_here_is_asked_past_a_proxy() -> None:
    with serving_issuer() as issuer:
        assert health.serves(issuer.url.removeprefix("http://"), "http")


@pytest.mark.usefixtures("proxy")
async def test_the_health_of_a_service_that_runs_here_is_asked_past_a_proxy() -> None:
    with serving_issuer() as issuer:
        verifier = TokenVerifier(jwks_url=issuer.jwks_url, issuer=issuer.url, audience=AUDIENCE)
    state = Health()
    await state.expect("part")
    await state.report("part", None)
    server = build_server(Pipeline(verifier=verifier, health=state), state, services=[], reflect=False)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        assert await asyncio.to_thread(health.serves, f"127.0.0.1:{port}", "grpc")
    finally:
        await server.stop(0)
