"""Tokens and published keys of every kind: a refusal is a refusal, and an issuer that hangs holds up nobody."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from joserfc import jws, jwt
from joserfc.jwk import ECKey, KeySet, OctKey

from lowsky.auth.caller import Role
from lowsky.auth.tokens import TokenVerifier
from lowsky.errors import Unauthenticated, Unavailable
from lowsky.health import KEYS, Health
from tests.support.polling import eventually

OLD, NEW = (ECKey.generate_key("P-256", {"kid": kid, "alg": "ES256"}) for kid in ("old", "new"))


class Issuer:
    """Publishes what it is given, or answers nobody."""

    def __init__(self) -> None:
        self.body: object = KeySet([OLD]).as_dict(private=False)
        self.hangs = False
        self.asked = 0
        self._hung: list[asyncio.StreamWriter] = []

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        if self.hangs:
            self._hung.append(writer)
            return
        body = json.dumps(self.body).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        await writer.drain()
        writer.close()

    def leave(self) -> None:
        for writer in self._hung:
            writer.close()


@asynccontextmanager
async def published() -> AsyncIterator[tuple[Issuer, TokenVerifier]]:
    issuer = Issuer()
    server = await asyncio.start_server(issuer.answer, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield issuer, TokenVerifier(jwks_url=f"http://127.0.0.1:{port}/", issuer="issuer", audience="lowsky")
        issuer.leave()


def token(key: ECKey = OLD, **claims: object) -> str:
    stated = {"iss": "issuer", "aud": "lowsky", "sub": "somebody", "exp": int(time.time()) + 60, **claims}
    # In ASCII, so that a claim may hold what UTF-8 cannot.
    return jws.serialize_compact({"alg": "ES256", "kid": str(key.kid)}, json.dumps(stated), key)


async def test_garbage_while_the_issuer_hangs_holds_up_nobody_whose_key_is_known(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lowsky.auth.tokens.UNKNOWN_KEY_REFETCH_S", 0.0)
    async with published() as (issuer, verifier):
        await verifier.verify(token())
        issuer.hangs = True
        garbage = [asyncio.create_task(verifier.verify(f"gar.ba.ge{n}")) for n in range(20)]
        while issuer.asked < 2:
            await asyncio.sleep(0.001)
        async with asyncio.timeout(1.0):
            await verifier.verify(token(sub="another"))
        async with asyncio.timeout(10.0):  # one fetch that hangs, not twenty after each other
            assert all(isinstance(e, Unauthenticated) for e in await asyncio.gather(*garbage, return_exceptions=True))


async def test_all_calls_that_come_with_a_new_key_at_once_are_let_in(monkeypatch: pytest.MonkeyPatch) -> None:
    async with published() as (issuer, verifier):
        await verifier.verify(token())
        issuer.body = KeySet([NEW]).as_dict(private=False)
        monkeypatch.setattr("lowsky.auth.tokens.UNKNOWN_KEY_REFETCH_S", 0.0)
        callers = await asyncio.gather(*(verifier.verify(token(NEW, sub=f"caller-{n}")) for n in range(5)))
        assert {caller.subject for caller in callers} == {f"caller-{n}" for n in range(5)}
        with pytest.raises(Unauthenticated):
            await verifier.verify(token(OLD, sub="with the key that went"))


@pytest.mark.parametrize("body", [[], None, 5, {}, {"keys": 5}, {"keys": None}, {"keys": [{"kty": []}]}], ids=str)
async def test_what_is_no_key_set_counts_as_no_keys(body: object) -> None:
    async with published() as (issuer, verifier):
        issuer.body = body
        with pytest.raises(Unavailable):
            await verifier.verify(token())


@pytest.mark.parametrize(
    "header", [[], 5, {"alg": "none"}, {"alg": "HS256"}, {"alg": "ES256", "kid": "old", "crit": 5}]
)
async def test_a_header_of_any_kind_is_told_as_an_invalid_token(header: object) -> None:
    encoded = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    async with published() as (_, verifier):
        with pytest.raises(Unauthenticated):
            await verifier.verify(f"{encoded}.e30.AAAA")


async def test_roles_that_nobody_knows_are_passed_over() -> None:
    async with published() as (_, verifier):
        caller = await verifier.verify(token(lowsky_roles=[{}, [], 5, "emperor", "registrar"]))
        assert caller.roles == {Role.REGISTRAR}


async def test_a_token_that_was_issued_in_the_future_by_a_clock_that_is_ahead_counts() -> None:
    async with published() as (_, verifier):
        now = int(time.time())
        for issued_at in (now + 30, now + 86_400, "yesterday"):
            await verifier.verify(token(iat=issued_at))


STRANGER = ECKey.generate_key("P-256", {"kid": "stranger", "alg": "ES256"})
IMPOSTOR = ECKey.generate_key("P-256", {"kid": "old", "alg": "ES256"})


@pytest.mark.parametrize(
    ("bad", "cause", "claim"),
    [
        (lambda: token(STRANGER), "UNKNOWN_KEY", None),
        (lambda: token(IMPOSTOR), "SIGNATURE", None),
        (lambda: "no token at all", "MALFORMED", None),
        (lambda: "x" * 9_000, "MALFORMED", None),
        (lambda: token(iss="another"), "ISSUER", "iss"),
        (lambda: token(iss=5), "ISSUER", "iss"),
        (lambda: token(iss=None), "CLAIM_MISSING", "iss"),
        (lambda: token(aud="another"), "AUDIENCE", "aud"),
        (lambda: token(aud=["a", "b"]), "AUDIENCE", "aud"),
        (lambda: token(nbf=int(time.time()) + 60), "NOT_YET_VALID", "nbf"),
        (lambda: token(exp="soon"), "CLAIM_MALFORMED", "exp"),
        (lambda: token(sub=""), "CLAIM_MALFORMED", "sub"),
        (lambda: token(sub="s" * 256), "CLAIM_MALFORMED", "sub"),
        (lambda: token(sub="s" * 5_000), "CLAIM_MALFORMED", "sub"),
        (lambda: token(sub="nul\0"), "CLAIM_MALFORMED", "sub"),
        (lambda: token(sub="half \ud800 pair"), "CLAIM_MALFORMED", "sub"),
        (lambda: token(lowsky_operator="operators/-"), "CLAIM_MALFORMED", "lowsky_operator"),
        (lambda: token(lowsky_roles="registrar"), "CLAIM_MALFORMED", "lowsky_roles"),
    ],
)
async def test_each_cause_of_a_refusal_is_named(bad: Callable[[], str], cause: str, claim: str | None) -> None:
    async with published() as (_, verifier):
        with pytest.raises(Unauthenticated) as refused:
            await verifier.verify(bad())
        assert refused.value.reason == "TOKEN_INVALID"
        assert (refused.value.metadata["cause"], refused.value.metadata.get("claim")) == (cause, claim)


async def test_an_algorithm_that_is_not_trusted_is_named() -> None:
    forged = jwt.encode({"alg": "HS256", "kid": "old"}, {"sub": "x"}, OctKey.import_key("k" * 32), algorithms=["HS256"])
    async with published() as (_, verifier):
        with pytest.raises(Unauthenticated) as refused:
            await verifier.verify(forged)
        assert refused.value.metadata["cause"] == "ALGORITHM"


async def test_a_subject_of_255_characters_counts() -> None:
    async with published() as (_, verifier):
        assert len((await verifier.verify(token(sub="ü" * 255))).subject) == 255


async def test_a_worker_without_a_key_is_not_well_until_it_has_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lowsky.auth.tokens.KEYS_CHECK_S", 0.01)
    monkeypatch.setattr("lowsky.auth.tokens.KEYS_RETRY_S", 0.0)
    health = Health()
    await health.expect(KEYS)
    async with published() as (issuer, verifier):
        keys, issuer.body = issuer.body, {"no": "keys"}
        keeping = asyncio.create_task(verifier.keep_keys(health))

        async def asked_in_vain() -> bool:
            return issuer.asked > 2 and "cannot be fetched" in health.problems.get(KEYS, "")

        await eventually(asked_in_vain)
        with pytest.raises(Unavailable) as refused:
            health.require(writes=False)
        assert refused.value.reason == "KEYS_UNAVAILABLE"
        issuer.body = keys

        async def well() -> bool:
            return not health.problems

        await eventually(well)
        keeping.cancel()
        await asyncio.wait([keeping])
