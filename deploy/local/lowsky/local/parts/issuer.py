"""A token issuer for development: whoever holds the stack's secret gets any token. It refuses to run in production.

`GET /.well-known/openid-configuration` and `GET /jwks.json` are open; `POST /token` takes JSON or a form with
`subject`, `roles` (a list; in a form repeated or comma-separated), optional `operator`, `authority` and `ttl_seconds`,
and wants the secret of state.json as Bearer token, so that other users of the machine cannot mint tokens.
"""

import hmac
import json
import logging
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from joserfc.jwk import ECKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lowsky.local.errors import EXIT_PRODUCTION_REFUSED
from lowsky.local.files import write_private
from lowsky.local.parts.tokens import ALGORITHM, Invalid, mint, token_request
from lowsky.local.running.ports import LOOPBACK
from lowsky.process.process import Process, run_process
from lowsky.service.http import HttpServer

log = logging.getLogger("lowsky.local.parts.issuer")

BODY_BYTES_MAX = 16 * 1024
"""A token request is some hundred bytes."""

WARNING = (
    "DEVELOPMENT ONLY: this issuer gives any token to whoever holds the secret of this stack. "
    "Use your identity provider in production."
)


def load_or_create_key(file: Path) -> ECKey:
    """The signing key of this stack; kept (0600), so that tokens outlive a restart of the issuer."""
    if file.exists():
        return ECKey.import_key(json.loads(file.read_text(encoding="utf-8")))
    key = ECKey.generate_key("P-256", private=True)
    document = {**key.as_dict(private=True), "kid": key.thumbprint(), "use": "sig", "alg": ALGORITHM}
    write_private(file, json.dumps(document))
    return ECKey.import_key(document)


def create_app(key: ECKey, *, issuer: str, audience: str, secret: str) -> Starlette:
    """The issuer's web application."""

    async def configuration(_: Request) -> Response:
        return JSONResponse(
            {
                "issuer": issuer,
                "jwks_uri": f"{issuer}/jwks.json",
                "token_endpoint": f"{issuer}/token",
                "id_token_signing_alg_values_supported": [ALGORITHM],
                "response_types_supported": ["token"],
                "subject_types_supported": ["public"],
                "token_endpoint_auth_methods_supported": ["none"],
            }
        )

    async def jwks(_: Request) -> Response:
        return JSONResponse({"keys": [key.as_dict(private=False)]})

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def token(request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {secret}".encode()):
            return _refusal(401, "invalid_client", "the issuer's secret is wanted as Bearer token; it is in state.json")
        try:
            wanted = token_request(await _fields(request))
        except Invalid as error:
            return _refusal(400, "invalid_request", str(error))
        log.warning("development token for subject=%s roles=%s", wanted.subject, ",".join(wanted.roles))
        access_token = mint(wanted, key, issuer=issuer, audience=audience)
        body = {"access_token": access_token, "token_type": "Bearer", "expires_in": wanted.ttl_s}
        return JSONResponse(body, headers={"Cache-Control": "no-store"})

    return Starlette(
        routes=[
            Route("/.well-known/openid-configuration", configuration),
            Route("/jwks.json", jwks),
            Route("/healthz", healthy),
            Route("/token", token, methods=["POST"]),
        ]
    )


def _refusal(status: int, code: str, text: str) -> Response:
    """An error as RFC 6749 section 5.2 shapes it."""
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse({"error": code, "error_description": text}, status_code=status, headers=headers)


async def _fields(request: Request) -> Mapping[str, Any]:
    """The fields of a JSON or form body, read no further than the limit."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY_BYTES_MAX:
            raise Invalid(f"the body is larger than {BODY_BYTES_MAX} bytes")
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    try:
        if kind == "application/json":
            document = json.loads(body)
            if not isinstance(document, dict):
                raise Invalid("the body must be a JSON object")
            return document
        if kind == "application/x-www-form-urlencoded":
            form = parse_qs(body.decode("utf-8"), strict_parsing=True, max_num_fields=50)
            return _form_fields(form)
    except ValueError as error:
        raise Invalid(f"the body cannot be read: {error}") from error
    raise Invalid("the body must be application/json or application/x-www-form-urlencoded")


def _form_fields(form: Mapping[str, list[str]]) -> dict[str, Any]:
    fields: dict[str, Any] = {}
    for name, values in form.items():
        if name == "roles":
            fields[name] = [role for value in values for role in value.split(",")]
        elif len(values) > 1:
            raise Invalid(f"{name} is given {len(values)} times")
        elif name == "ttl_seconds":
            fields[name] = int(values[0])
        else:
            fields[name] = values[0]
    return fields


def _refuse_production() -> None:
    if os.environ.get("LOWSKY_ENV", "development") == "production":
        print("refused: the development token issuer does not run with LOWSKY_ENV=production", file=sys.stderr)
        sys.exit(EXIT_PRODUCTION_REFUSED)


def main() -> None:
    """Serves until SIGTERM; settings: LOWSKY_LISTEN, LOWSKY_TOKEN_*, LOWSKY_ISSUER_KEY_FILE, LOWSKY_ISSUER_SECRET."""
    _refuse_production()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    environment = os.environ
    try:
        host, _, port = environment["LOWSKY_LISTEN"].rpartition(":")
        key_file, secret = Path(environment["LOWSKY_ISSUER_KEY_FILE"]), environment["LOWSKY_ISSUER_SECRET"]
        issuer, audience = environment["LOWSKY_TOKEN_ISSUER"], environment["LOWSKY_TOKEN_AUDIENCE"]
    except KeyError as error:
        sys.exit(f"{error.args[0]} is not set; `lowsky up` starts the issuer with all it needs")
    if host != LOOPBACK or not secret:
        sys.exit(f"the development issuer listens on {LOOPBACK} only and with a secret, not on {host!r}")
    log.warning(WARNING)
    app = create_app(load_or_create_key(key_file), issuer=issuer, audience=audience, secret=secret)

    async def assemble(process: Process) -> None:
        HttpServer.of(process, app, host=host, port=int(port))

    run_process("issuer", "INFO", assemble)


if __name__ == "__main__":
    main()
