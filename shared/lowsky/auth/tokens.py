"""Tokens: JWTs (RFC 7519) verified against the issuer's published keys (JWKS, RFC 7517)."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog
from joserfc import jwt
from joserfc.errors import (
    BadSignatureError,
    ClaimError,
    ConflictAlgorithmError,
    ExpiredTokenError,
    InvalidKeyIdError,
    JoseError,
    MissingAlgorithmError,
    MissingClaimError,
    MissingKeyError,
    UnsupportedAlgorithmError,
    UnsupportedKeyAlgorithmError,
)
from joserfc.jwk import KeySet

from lowsky.auth.caller import Caller, Role
from lowsky.errors import Unauthenticated, Unavailable
from lowsky.health import KEYS, Health
from lowsky.loopback import is_loopback
from lowsky.process.background import repeatedly

log = structlog.get_logger()

ALGORITHMS = ["RS256", "ES256"]
"""Asymmetric algorithms only: a verifier that holds no secret cannot issue tokens."""

TOKEN_BYTES_MAX = 8_192
"""More than any token in use; bounds the cost of a verification."""

KEYS_REFRESH_S = 300.0
"""Keys are fetched again after this, so that a revoked one is no longer accepted."""

KEYS_CHECK_S = 1.0
"""How often to check whether the keys are due to be fetched."""

KEYS_STALE_S = 3_600.0
"""While the issuer is unavailable, the last known keys are accepted for this long."""

KEYS_RETRY_S = 1.0
"""Pause after a failed fetch, without retrying or waiting: an issuer that hangs must not make this worker hang."""

UNKNOWN_KEY_REFETCH_S = 5.0
"""A token with an unknown key id causes a fetch of the keys, but not more often than this."""

LEEWAY_S = 5
"""Tolerated difference between the clocks of issuer and worker."""

VERIFIED_MAX = 10_000
"""Verified tokens that are cached until they expire: a signature costs 100 µs and more, a look-up nothing."""

VERIFIED_S = 60.0
"""Maximum age of a cached token: after that, a revoked key is no longer accepted."""

SUBJECT_LENGTH_MAX = 255
"""OpenID Connect Core 1.0, section 2. Subjects are stored, and are part of the key of every request id."""

_MALFORMED = (JoseError, ValueError, TypeError, RecursionError)
"""Errors of joserfc about tokens that are malformed or not trusted."""

_CAUSES: Mapping[type[Exception], tuple[str, str]] = {
    BadSignatureError: ("SIGNATURE", "its signature does not match the issuer's key"),
    InvalidKeyIdError: ("UNKNOWN_KEY", "it is signed with a key that the issuer does not publish"),
    MissingKeyError: ("UNKNOWN_KEY", "it is signed with a key that the issuer does not publish"),
    UnsupportedAlgorithmError: ("ALGORITHM", f"its algorithm is none of {', '.join(ALGORITHMS)}"),
    UnsupportedKeyAlgorithmError: ("ALGORITHM", "its algorithm is not that of the issuer's key"),
    ConflictAlgorithmError: ("ALGORITHM", "its algorithm is not that of the issuer's key"),
    MissingAlgorithmError: ("ALGORITHM", "it names no algorithm"),
}
"""Why a token's signature is not accepted, as a code and as text. Anything else is MALFORMED."""

_CLAIM_CAUSES = {"iss": "ISSUER", "aud": "AUDIENCE", "nbf": "NOT_YET_VALID"}

# "-" is the wildcard for all operators in parent names: no token may name an operator with that id.
_RESOURCE = {
    "lowsky_operator": re.compile(r"(?:operators/)?([a-z0-9][a-z0-9-]{0,62})"),
    "lowsky_authority": re.compile(r"(?:authorities/)?([a-z0-9][a-z0-9-]{0,62})"),
}


class _Claims(jwt.JWTClaimsRegistry):
    """Checks the registered claims. The time of issue is not checked: RFC 7519 section 4.1.6 gives no reason to refuse
    a token for it, and an issuer whose clock is ahead is not a forger."""

    def validate_iat(self, value: object) -> None:
        return


class TokenVerifier:
    """Turns a bearer token into a Caller; raises Unauthenticated, or Unavailable if the keys cannot be fetched."""

    def __init__(self, *, jwks_url: str, issuer: str, audience: str) -> None:
        self._jwks_url = jwks_url
        self._claims = _Claims(
            leeway=LEEWAY_S,
            iss={"essential": True, "value": issuer},
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            sub={"essential": True},
        )
        # Made once: setting up TLS takes a third of a second. Loopback addresses do not go through a configured proxy.
        by_environment = not is_loopback(urlsplit(jwks_url).hostname or "")
        self._client = httpx.AsyncClient(timeout=3.0, verify=httpx.create_ssl_context(), trust_env=by_environment)
        self._keys: KeySet | None = None
        self._fetched_s = self._failed_s = float("-inf")
        self._problem: Exception | None = None
        self._fetching = asyncio.Lock()
        self._verified: dict[str, tuple[float, Caller]] = {}

    async def keep_keys(self, health: Health) -> None:
        """Fetches the keys before a call needs them, and again before they are too old; reports the part `keys`, which
        is unavailable while no keys are accepted. Runs until cancelled."""

        async def refresh() -> bool:
            try:
                await self._refresh(KEYS_REFRESH_S / 2)
            except Unavailable as error:
                await health.report(KEYS, error.message)
                raise
            await health.report(KEYS, None)
            return False

        # Checked every second: the age of the keys decides whether they are fetched again.
        await repeatedly(refresh, every_s=KEYS_CHECK_S, what="no keys to verify tokens with")

    async def verify(self, token: str) -> Caller:
        """The caller that the token names."""
        now = time.time()
        known = self._verified.get(token)
        if known is not None and known[0] > now:
            return known[1]
        if len(token) > TOKEN_BYTES_MAX:
            raise _invalid("MALFORMED", f"it has more than {TOKEN_BYTES_MAX} characters")
        claims = await self._decode(token)
        caller = _caller(claims)
        if len(self._verified) >= VERIFIED_MAX:
            self._verified.clear()
        self._verified[token] = (min(float(claims["exp"]), now + VERIFIED_S), caller)
        return caller

    async def _decode(self, token: str) -> dict[str, Any]:
        await self._refresh(KEYS_STALE_S)  # younger ones are renewed in the background
        try:
            claims = self._verify_signature(token)
        except _MALFORMED as error:
            # The key may be new: fetch the keys once more before refusing.
            if not await self._refresh(UNKNOWN_KEY_REFETCH_S):
                raise _not_signed(error) from None
            try:
                claims = self._verify_signature(token)
            except _MALFORMED as again:
                raise _not_signed(again) from None
        try:
            self._claims.validate(claims)
        except ExpiredTokenError:
            raise Unauthenticated("TOKEN_EXPIRED", "the token has expired") from None
        except _MALFORMED as error:
            raise _wrong_claim(error) from None
        return claims

    def _verify_signature(self, token: str) -> dict[str, Any]:
        if self._keys is None:
            raise Unavailable("KEYS_UNAVAILABLE", "the token issuer's keys cannot be fetched")
        return dict(jwt.decode(token, self._keys, algorithms=ALGORITHMS).claims)

    async def _refresh(self, max_age_s: float) -> bool:
        """Fetches the keys if they are older than max_age_s; returns whether there are newer ones. Otherwise no wait.

        Raises:
            Unavailable: There are no keys that are still accepted, and none can be fetched.
        """
        before_s = self._fetched_s
        if time.monotonic() - before_s < max_age_s:
            return False
        async with self._fetching:
            if self._fetched_s != before_s:
                return True  # another call fetched them meanwhile
            if time.monotonic() - self._failed_s >= KEYS_RETRY_S and await self._fetch():
                return True
            if self._keys is None or time.monotonic() - self._fetched_s > KEYS_STALE_S:
                raise Unavailable("KEYS_UNAVAILABLE", "the token issuer's keys cannot be fetched") from self._problem
            return False

    async def _fetch(self) -> bool:
        try:
            response = await self._client.get(self._jwks_url)
            response.raise_for_status()
            self._keys = KeySet.import_key_set(response.json())
        except (httpx.HTTPError, KeyError, *_MALFORMED) as error:
            self._failed_s, self._problem = time.monotonic(), error
            return False
        self._fetched_s = time.monotonic()
        self._verified.clear()
        return True


def _not_signed(error: Exception) -> Unauthenticated:
    causes = (_CAUSES[kind] for kind in type(error).__mro__ if kind in _CAUSES)
    return _invalid(*next(causes, ("MALFORMED", "it is not a signed JWT")))


def _wrong_claim(error: Exception) -> Unauthenticated:
    claim = error.claim if isinstance(error, ClaimError) else ""
    if isinstance(error, MissingClaimError):
        return _invalid("CLAIM_MISSING", f"its claim {claim} is missing", claim)
    cause = _CLAIM_CAUSES.get(claim, "CLAIM_MALFORMED")
    text = {
        "ISSUER": "its issuer is not the one that is trusted here",
        "AUDIENCE": "it was issued for another audience",
        "NOT_YET_VALID": f"it is not valid yet, by more than the {LEEWAY_S} s that clocks may differ",
    }
    return _invalid(cause, text.get(cause, f"its claim {claim} is malformed"), claim)


def _invalid(cause: str, message: str, claim: str = "") -> Unauthenticated:
    metadata = {"cause": cause} | ({"claim": claim} if claim else {})
    return Unauthenticated("TOKEN_INVALID", f"the token is not valid: {message}", metadata=metadata)


def _is_subject(value: object) -> bool:
    """Whether it is a string that can be stored: without U+0000 and without unpaired surrogates."""
    if not isinstance(value, str) or not 0 < len(value) <= SUBJECT_LENGTH_MAX:
        return False
    return not any(character == "\0" or "\ud800" <= character <= "\udfff" for character in value)


def _caller(claims: dict[str, Any]) -> Caller:
    roles = claims.get("lowsky_roles", [])
    if not isinstance(roles, list):
        raise _invalid("CLAIM_MALFORMED", "its claim lowsky_roles must be a list", "lowsky_roles")
    if not _is_subject(claims["sub"]):
        message = f"its claim sub must be a text of 1 to {SUBJECT_LENGTH_MAX} characters that can be stored"
        raise _invalid("CLAIM_MALFORMED", message, "sub")
    return Caller(
        subject=claims["sub"],
        roles=frozenset(role for role in Role if role in roles),
        operator=_resource(claims, "lowsky_operator", "operators"),
        authority=_resource(claims, "lowsky_authority", "authorities"),
        expires_s=float(claims["exp"]) + LEEWAY_S,
    )


def _resource(claims: dict[str, Any], claim: str, collection: str) -> str | None:
    value = claims.get(claim)
    if value is None:
        return None
    match = _RESOURCE[claim].fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise _invalid("CLAIM_MALFORMED", f"its claim {claim} must be the name of one of {collection}", claim)
    return f"{collection}/{match.group(1)}"
