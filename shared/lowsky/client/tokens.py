"""Sources of the bearer token of a call."""

from __future__ import annotations

import asyncio
import base64
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from lowsky.client.errors import Unauthenticated, Unavailable
from lowsky.loopback import is_loopback
from lowsky.text_files import decode

REFRESH_BEFORE_S = 60.0
"""A token is replaced this long before it expires: clocks differ, and calls take a while."""

FETCH_TIMEOUT_S = 10.0
ANSWER_BYTES_MAX = 64 * 1024
"""A token response has a few kilobytes."""


class TokenSource(Protocol):
    """Gives the token for a call, asked before each one."""

    async def token(self) -> str:
        """A bearer token. Raises Unauthenticated or Unavailable if there is none."""
        ...


@runtime_checkable
class Renewable(Protocol):
    """A source that can get another token when the server reports that this one has expired."""

    def discard(self, token: str) -> None:
        """Never returns this token again."""
        ...


class StaticToken:
    """A fixed token, until it expires."""

    def __init__(self, token: str) -> None:
        self._token = token.strip()

    async def token(self) -> str:
        return self._token


class FileToken:
    """A file that is updated externally, such as a mounted service account; read again when it has changed."""

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)

    async def token(self) -> str:
        try:
            text = decode(await asyncio.to_thread(self._path.read_bytes)).strip()
        except (OSError, ValueError) as error:
            raise Unauthenticated("TOKEN_MISSING", f"the token file cannot be read: {error}") from error
        if not text:
            raise Unauthenticated("TOKEN_MISSING", f"the token file {self._path} is empty")
        return text

    def discard(self, token: str) -> None:
        """Does nothing: the file is read for every call, and a call with an expired token is retried once."""


class _Fetched(ABC):
    """A token that is fetched, kept, and replaced before it expires. Concurrent calls share one fetch."""

    def __init__(self) -> None:
        self._token = ""
        self._fresh_until_s = 0.0
        self._fetching = asyncio.Lock()

    async def token(self) -> str:
        async with self._fetching:
            if not self._token or time.monotonic() >= self._fresh_until_s:
                answer = await asyncio.to_thread(self._fetch)
                self._token, lifetime_s = _token_of(answer)
                # A token that is valid for less than two minutes is replaced after half of its lifetime.
                self._fresh_until_s = time.monotonic() + max(lifetime_s - REFRESH_BEFORE_S, lifetime_s / 2)
            return self._token

    def discard(self, token: str) -> None:
        """Fetches another token next time, unless that has happened already."""
        if token == self._token:
            self._token = ""

    @abstractmethod
    def _fetch(self) -> Mapping[str, Any]:
        """Asks the issuer; runs in a thread."""


class ClientCredentials(_Fetched):
    """OAuth 2.0 client credentials grant (RFC 6749 section 4.4) with any issuer."""

    def __init__(
        self, token_url: str, client_id: str, client_secret: str, *, scope: str = "", audience: str = ""
    ) -> None:
        super().__init__()
        _require_secure(token_url)
        self._url = token_url
        credentials = ":".join(urllib.parse.quote(part, safe="") for part in (client_id, client_secret))
        self._authorization = "Basic " + base64.b64encode(credentials.encode()).decode()
        self._form = {"grant_type": "client_credentials", "scope": scope, "audience": audience}

    def _fetch(self) -> Mapping[str, Any]:
        return _post(self._url, self._form, self._authorization)


class DevelopmentToken(_Fetched):
    """Any token, from the issuer of a local stack. Development only: that issuer does not exist in production."""

    def __init__(
        self,
        issuer_url: str,
        secret: str,
        *,
        subject: str,
        roles: Sequence[str],
        operator: str = "",
        authority: str = "",
        ttl_s: int = 3_600,
    ) -> None:
        super().__init__()
        _require_secure(issuer_url)
        self._url = issuer_url.rstrip("/") + "/token"
        self._authorization = f"Bearer {secret}"
        self._form = {
            "subject": subject,
            "roles": ",".join(roles),
            "operator": operator,
            "authority": authority,
            "ttl_seconds": str(ttl_s),
        }

    def _fetch(self) -> Mapping[str, Any]:
        return _post(self._url, self._form, self._authorization)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Refuses redirects, which would send the secret elsewhere."""

    def redirect_request(self, *_: object, **__: object) -> None:
        return None


def _require_secure(url: str) -> None:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme != "http" or not parts.hostname or not is_loopback(parts.hostname):
        raise ValueError(f"a secret is sent over https only (http is allowed on this machine): {url!r}")


def _post(url: str, form: Mapping[str, str], authorization: str) -> Mapping[str, Any]:
    body = urllib.parse.urlencode({name: value for name, value in form.items() if value}).encode()
    handlers: list[urllib.request.BaseHandler] = [_NoRedirect()]
    if is_loopback(urllib.parse.urlsplit(url).hostname or ""):
        handlers.append(urllib.request.ProxyHandler({}))
    opener = urllib.request.build_opener(*handlers)
    opener.addheaders = [("Authorization", authorization), ("Accept", "application/json")]
    try:
        with opener.open(url, body, FETCH_TIMEOUT_S) as response:
            document = json.loads(response.read(ANSWER_BYTES_MAX))
    except urllib.error.HTTPError as error:
        with error:
            text = error.read(500).decode("utf-8", "replace")
        if error.code >= 500 or error.code == 429:
            raise Unavailable("TOKEN_ISSUER_UNAVAILABLE", f"the token issuer answers {error.code}: {text}") from None
        raise Unauthenticated("TOKEN_REFUSED", f"the token issuer refuses with {error.code}: {text}") from None
    except (OSError, ValueError) as error:
        raise Unavailable("TOKEN_ISSUER_UNAVAILABLE", f"the token issuer does not answer at {url}: {error}") from error
    if not isinstance(document, dict):
        raise Unavailable("TOKEN_ISSUER_UNAVAILABLE", f"{url} does not answer like a token issuer")
    return document


def _token_of(answer: Mapping[str, Any]) -> tuple[str, float]:
    token, lifetime_s = answer.get("access_token"), answer.get("expires_in", 300)
    if not isinstance(token, str) or not token or not isinstance(lifetime_s, int | float):
        raise Unavailable("TOKEN_ISSUER_UNAVAILABLE", "the token issuer's answer holds no access_token")
    return token, float(lifetime_s)
