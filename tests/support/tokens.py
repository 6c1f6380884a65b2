"""A token issuer for tests: its own key, its key set on a loopback port."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

ALGORITHM = "ES256"
AUDIENCE = "lowsky"


class TokenIssuer:
    """Mints tokens that services accept which were told of ``url`` and ``jwks_url``."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.jwks_url = f"{url}/jwks.json"
        self.key = new_key()

    @property
    def key_set(self) -> dict[str, Any]:
        """What is published."""
        return {"keys": [self.key.as_dict(private=False)]}

    def token(
        self,
        *,
        roles: Sequence[str] = (),
        operator: str | None = None,
        authority: str | None = None,
        subject: str = "somebody",
        expires_in_s: float = 3_600,
        key: ECKey | None = None,
        **claims: object,
    ) -> str:
        """A token; ``claims`` are put over the usual ones, and None removes one."""
        usual = {
            "iss": self.url,
            "aud": AUDIENCE,
            "sub": subject,
            "exp": int(time.time() + expires_in_s),
            "lowsky_roles": list(roles),
            "lowsky_operator": operator,
            "lowsky_authority": authority,
            **claims,
        }
        signing = key or self.key
        body = {name: value for name, value in usual.items() if value is not None}
        return jwt.encode({"alg": ALGORITHM, "kid": signing.kid}, body, signing, algorithms=[ALGORITHM])


def new_key() -> ECKey:
    """A signing key, named by its thumbprint."""
    key = ECKey.generate_key("P-256", private=True)
    return ECKey.import_key({**key.as_dict(private=True), "kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM})


@contextmanager
def serving_issuer() -> Iterator[TokenIssuer]:
    """An issuer whose key set is served until the end of the block."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(issuer.key_set).encode()
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing: a test's output is the test's."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        issuer = TokenIssuer(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        thread.start()
        try:
            yield issuer
        finally:
            server.shutdown()
            thread.join()
