"""Tokens are fetched once, kept, replaced before they expire, and their secrets do not travel in the clear."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from lowsky.client import ClientCredentials, DevelopmentToken, FileToken, Unauthenticated, Unavailable


class Issuer(ThreadingHTTPServer):
    """Answers with what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str, dict[str, list[str]]]] = []
        self.status = 200
        self.lifetime_s: float = 3_600
        self.location = ""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Issuer

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.server.asked.append((self.path, self.headers["Authorization"], form))
        body = json.dumps(
            {"access_token": f"t{len(self.server.asked)}", "expires_in": self.server.lifetime_s}
            if self.server.status == 200
            else {"error": "invalid_client"}
        ).encode()
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


async def test_concurrent_calls_share_one_token(issuer: Issuer) -> None:
    source = ClientCredentials(f"{issuer.url}/oauth2/token", "acme", "s:cret", scope="plans")
    assert set(await asyncio.gather(*(source.token() for _ in range(20)))) == {"t1"}
    [(path, authorization, form)] = issuer.asked
    assert path == "/oauth2/token"
    assert authorization == "Basic YWNtZTpzJTNBY3JldA=="  # acme:s%3Acret, as RFC 6749 section 2.3.1 wants it
    assert form == {"grant_type": ["client_credentials"], "scope": ["plans"]}


async def test_a_token_is_replaced_before_it_expires(issuer: Issuer) -> None:
    issuer.lifetime_s = 0.0
    source = ClientCredentials(issuer.url, "acme", "secret")
    assert [await source.token(), await source.token()] == ["t1", "t2"]


async def test_a_discarded_token_is_replaced_once(issuer: Issuer) -> None:
    source = ClientCredentials(issuer.url, "acme", "secret")
    assert await source.token() == "t1"
    source.discard("t1")
    assert await source.token() == "t2"
    source.discard("t1")
    assert await source.token() == "t2"


async def test_the_development_issuer_is_asked_as_it_wants(issuer: Issuer) -> None:
    source = DevelopmentToken(issuer.url, "secret", subject="me", roles=["operator", "applicant"], operator="acme")
    assert await source.token() == "t1"
    [(path, authorization, form)] = issuer.asked
    assert (path, authorization) == ("/token", "Bearer secret")
    assert form["roles"] == ["operator,applicant"]
    assert form["operator"] == ["acme"]
    assert "authority" not in form


@pytest.mark.parametrize(("status", "error"), [(401, Unauthenticated), (400, Unauthenticated), (503, Unavailable)])
async def test_a_refusal_is_told_apart_from_an_outage(issuer: Issuer, status: int, error: type[Exception]) -> None:
    issuer.status = status
    with pytest.raises(error, match="invalid_client"):
        await ClientCredentials(issuer.url, "acme", "secret").token()


async def test_a_redirect_does_not_take_the_secret_elsewhere(issuer: Issuer) -> None:
    issuer.status, issuer.location = 302, f"{issuer.url}/elsewhere"
    with pytest.raises(Unauthenticated):
        await ClientCredentials(issuer.url, "acme", "secret").token()
    assert len(issuer.asked) == 1


async def test_an_issuer_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable):
        await ClientCredentials("http://127.0.0.1:1/token", "acme", "secret").token()


@pytest.mark.parametrize("url", ["http://id.example.org/token", "file:///etc/passwd", "id.example.org", "https:///x"])
def test_secrets_do_not_travel_in_the_clear(url: str) -> None:
    with pytest.raises(ValueError, match="https only"):
        ClientCredentials(url, "acme", "secret")


async def test_a_token_file_is_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "token"
    source = FileToken(file)
    with pytest.raises(Unauthenticated):
        await source.token()
    file.write_text("one\n")
    assert await source.token() == "one"
    file.write_text("two\n")
    assert await source.token() == "two"
    file.write_text("\n")
    with pytest.raises(Unauthenticated):
        await source.token()


async def test_an_issuer_on_this_machine_is_asked_past_a_proxy(issuer: Issuer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    assert await ClientCredentials(f"{issuer.url}/token", "acme", "secret").token() == "t1"
