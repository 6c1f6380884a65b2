import os
import stat
import subprocess
import sys
import time

import httpx
import pytest
from joserfc import jwt
from joserfc.errors import BadSignatureError
from joserfc.jwk import ECKey, KeySet

from lowsky.local.errors import StackError
from lowsky.local.stack import Stack


def _jwks(stack: Stack) -> KeySet:
    configuration = httpx.get(f"{stack.issuer_url}/.well-known/openid-configuration").json()
    assert configuration["issuer"] == stack.issuer_url
    return KeySet.import_key_set(httpx.get(configuration["jwks_uri"]).json())


def _post(stack: Stack, body: dict[str, object], secret: str | None = None) -> httpx.Response:
    headers = {"Authorization": f"Bearer {stack.state.issuer_secret if secret is None else secret}"}
    return httpx.post(f"{stack.issuer_url}/token", headers=headers, json=body)


def test_a_token_verifies_against_the_published_keys(stack: Stack) -> None:
    token = stack.token("pilot@example.org", ["operator"], operator="operators/acme", ttl_s=60)
    decoded = jwt.decode(token, _jwks(stack), algorithms=["ES256"])
    claims = decoded.claims
    assert decoded.header["alg"] == "ES256"
    assert claims["iss"] == stack.issuer_url
    assert claims["aud"] == "lowsky"
    assert claims["sub"] == "pilot@example.org"
    assert claims["lowsky_roles"] == ["operator"]
    assert claims["lowsky_operator"] == "operators/acme"
    assert "lowsky_authority" not in claims
    assert claims["exp"] - claims["iat"] == 60
    assert abs(claims["iat"] - time.time()) < 60


def test_the_published_keys_hold_no_private_part(stack: Stack) -> None:
    keys = httpx.get(f"{stack.issuer_url}/jwks.json").json()["keys"]
    assert len(keys) == 1
    assert "d" not in keys[0]
    assert {"kid", "alg", "use", "x", "y"} <= set(keys[0])


def test_a_token_signed_by_another_key_does_not_verify(stack: Stack) -> None:
    kid = next(iter(_jwks(stack).keys)).kid
    forged = jwt.encode({"alg": "ES256", "kid": kid}, {"sub": "x"}, ECKey.generate_key("P-256"), algorithms=["ES256"])
    with pytest.raises(BadSignatureError):
        jwt.decode(forged, _jwks(stack), algorithms=["ES256"])


def test_the_key_is_private_and_outlives_the_issuer(stack: Stack) -> None:
    assert stat.S_IMODE((stack.state_dir / "issuer" / "key.json").stat().st_mode) == 0o600
    token = stack.token("officer", ["officer"], authority="authorities/city")
    stack.kill("issuer")
    with pytest.raises(StackError, match="does not answer"):
        stack.token("officer")
    stack.start_service("issuer")
    assert jwt.decode(token, _jwks(stack), algorithms=["ES256"]).claims["lowsky_authority"] == "authorities/city"


@pytest.mark.parametrize("secret", ["wrong", "Bearer", "x" * 4000])
def test_no_token_without_the_secret(stack: Stack, secret: str) -> None:
    answer = _post(stack, {"subject": "x"}, secret)
    assert answer.status_code == 401
    assert answer.json()["error"] == "invalid_client"


def test_a_form_is_as_good_as_json(stack: Stack) -> None:
    answer = httpx.post(
        f"{stack.issuer_url}/token",
        headers={"Authorization": f"Bearer {stack.state.issuer_secret}"},
        data={"subject": "x", "roles": "registrar,officer", "ttl_seconds": "30"},
    )
    assert answer.status_code == 200, answer.text
    assert answer.json()["expires_in"] == 30
    assert answer.headers["cache-control"] == "no-store"
    claims = jwt.decode(answer.json()["access_token"], _jwks(stack), algorithms=["ES256"]).claims
    assert claims["lowsky_roles"] == ["registrar", "officer"]


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "subject is missing"),
        ({"subject": "x", "roles": ["king"]}, "unknown roles: king"),
        ({"subject": "x", "ttl_seconds": 86_401}, "from 1 to 86400"),
        ({"subject": "x", "admin": True}, "unknown fields: admin"),
        ({"subject": "x" * 20_000}, "larger than 16384 bytes"),
    ],
)
def test_a_bad_request_is_told_what_is_wrong(stack: Stack, body: dict[str, object], words: str) -> None:
    answer = _post(stack, body)
    assert answer.status_code == 400
    assert words in answer.json()["error_description"]


@pytest.mark.parametrize("content", [b"{", b"[]", b'"text"', b"\xff"])
def test_a_body_that_is_no_object_is_refused(stack: Stack, content: bytes) -> None:
    headers = {"Authorization": f"Bearer {stack.state.issuer_secret}", "Content-Type": "application/json"}
    assert httpx.post(f"{stack.issuer_url}/token", headers=headers, content=content).status_code == 400


def test_the_issuer_refuses_production() -> None:
    environment = {**os.environ, "LOWSKY_ENV": "production"}
    argv = [sys.executable, "-m", "lowsky.local.parts.issuer"]
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 78
    assert "does not run with LOWSKY_ENV=production" in done.stderr


def test_the_issuer_warns_loudly(stack: Stack) -> None:
    assert "DEVELOPMENT ONLY" in (stack.state_dir / "log" / "issuer.log").read_text()


def test_the_issuer_listens_on_loopback_only() -> None:
    settings = {"ISSUER_KEY_FILE": "k", "ISSUER_SECRET": "s", "TOKEN_ISSUER": "i", "TOKEN_AUDIENCE": "a"}
    environment = {**os.environ, **{f"LOWSKY_{name}": value for name, value in settings.items()}}
    argv = [sys.executable, "-m", "lowsky.local.parts.issuer"]
    done = subprocess.run(
        argv, env={**environment, "LOWSKY_LISTEN": "0.0.0.0:1"}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert "listens on 127.0.0.1 only" in done.stderr
