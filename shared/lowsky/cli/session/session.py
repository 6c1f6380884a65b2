"""The session of every command: addresses of the services, credentials, output."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

import typer

from lowsky.cli.deferred import deferred
from lowsky.cli.exits import Exit
from lowsky.cli.extras import on_local_stack
from lowsky.cli.output import Format, Output
from lowsky.cli.problems import ADVICE, Problem, invalid
from lowsky.cli.session import acting, local_stack
from lowsky.cli.session.claims import operator_in
from lowsky.cli.values import resource
from lowsky.loopback import is_loopback_target
from lowsky.text_files import decode

if TYPE_CHECKING:
    import grpc
    from google.protobuf.message import Message

    from lowsky import client as sdk
else:
    grpc = deferred("grpc")
    sdk = deferred("lowsky.client")


T = TypeVar("T")
Req = TypeVar("Req", bound="Message")
Res = TypeVar("Res", bound="Message")

SERVICES = ("registration", "airspace", "flightplans", "approvals")


@dataclass(slots=True)
class Session:
    """One run of the command; everything is resolved lazily."""

    output: Output = field(default_factory=Output)
    given_endpoints: dict[str, str | None] = field(default_factory=dict)
    acting_as: str | None = None
    token_file: Path | None = None
    tls: bool | None = None
    tls_ca: Path | None = None

    def client(self) -> sdk.Client:
        """A client for this run; open it with `async with`."""
        endpoints = self.endpoints()
        return sdk.Client(endpoints, self.tokens(), tls=self._tls(endpoints))

    def run(self, work: Callable[[sdk.Client], Awaitable[T]]) -> T:
        """Runs work with a client, which may change stored data."""
        self.output.changed = True
        return self._run(work)

    def _run(self, work: Callable[[sdk.Client], Awaitable[T]]) -> T:
        async def open_and_work() -> T:
            async with self.client() as client:
                return await work(client)

        import asyncio  # slow to import, and not needed for --help

        return asyncio.run(open_and_work())

    def call(
        self,
        method: Callable[[sdk.Client], grpc.aio.UnaryUnaryMultiCallable[Req, Res]],
        request: Req,
        timeout_s: float = 10,
    ) -> Res:
        """One call."""
        # Every mutation has a request id, so that it is executed only once.
        self.output.changed |= "request_id" in request.DESCRIPTOR.fields_by_name
        return self._run(lambda client: client.call(method(client), request, timeout_s=timeout_s))

    def listing(
        self,
        method: Callable[[sdk.Client], grpc.aio.UnaryUnaryMultiCallable[Req, Res]],
        request: Req,
        items: str,
        limit: int,
    ) -> Res:
        """The pages of a list as one message; if there are more, it keeps the next page token, and a warning is
        printed."""

        async def collect(client: sdk.Client) -> Res:
            merged: Any = None
            wanted: Any = request
            wanted.page_size = min(limit, 1_000)
            async for page in client.pages(method(client), request):
                if merged is None:
                    merged = page
                else:
                    getattr(merged, items).extend(getattr(page, items))
                    merged.next_page_token = cast(Any, page).next_page_token
                if len(getattr(merged, items)) >= limit:
                    break
            return cast(Res, merged)

        found: Any = self._run(collect)
        if found.next_page_token or len(getattr(found, items)) > limit:
            del getattr(found, items)[limit:]
            self.output.warn(f"only the first {limit} are shown; there are more (--limit)")
        return cast(Res, found)

    def endpoints(self) -> sdk.Endpoints:
        """The given endpoints, else those of the local stack."""
        stack = local_stack.find()
        found = {}
        for service in SERVICES:
            found[service] = self.given_endpoints.get(service) or (stack.endpoints.get(service, "") if stack else "")
        if not any(found.values()):
            raise Problem(
                "NO_ENDPOINTS",
                "the addresses of the services are not known",
                Exit.UNAVAILABLE,
                on_local_stack("run `lowsky up`, or ")
                + "set LOWSKY_REGISTRATION, LOWSKY_AIRSPACE, LOWSKY_FLIGHTPLANS, LOWSKY_APPROVALS",
            )
        return sdk.Endpoints(**found)

    def tokens(self) -> sdk.TokenSource:
        """--as, else --token-file, else LOWSKY_TOKEN, else client credentials of the environment."""
        environment = os.environ
        if self.acting_as is not None:
            source = acting.token_source(acting.parse(self.acting_as), local_stack.find())
            self.output.warn(f"DEVELOPMENT ONLY: acting as {self.acting_as} with a token of the local issuer")
            return source
        if self.token_file is not None:
            return sdk.FileToken(self.token_file)
        if token := environment.get("LOWSKY_TOKEN"):
            return sdk.StaticToken(token)
        if url := environment.get("LOWSKY_TOKEN_URL"):
            try:
                return sdk.ClientCredentials(
                    url,
                    environment.get("LOWSKY_CLIENT_ID", ""),
                    environment.get("LOWSKY_CLIENT_SECRET", ""),
                    scope=environment.get("LOWSKY_TOKEN_SCOPE", ""),
                    audience=environment.get("LOWSKY_TOKEN_AUDIENCE", ""),
                )
            except ValueError as error:
                raise invalid("INVALID_TOKEN_URL", str(error)) from error
        raise Problem("TOKEN_MISSING", "no token is configured", Exit.DENIED, ADVICE["TOKEN_MISSING"])

    def operator(self, given: str | None) -> str | None:
        """operators/{operator}, as given, or as --as or the token names it; None if unknown."""
        if given:
            return resource("operators", given)
        if self.acting_as is not None:
            return acting.parse(self.acting_as).operator or None
        return self._operator_of_token()

    def _operator_of_token(self) -> str | None:
        """As the token of --token-file or LOWSKY_TOKEN names it: only a default, the services verify it."""
        if self.token_file is not None:
            try:
                return operator_in(decode(self.token_file.read_bytes()))
            except (OSError, ValueError):  # the call itself reports a file that cannot be read
                return None
        return operator_in(os.environ.get("LOWSKY_TOKEN", ""))

    def require_operator(self, given: str | None) -> str:
        """As operator, but required."""
        operator = self.operator(given)
        if operator is None:
            raise invalid(
                "OPERATOR_MISSING",
                "no operator is given, and the token names none",
                "give --operator NAME, or set LOWSKY_OPERATOR",
            )
        return operator

    def _tls(self, endpoints: sdk.Endpoints) -> bool | grpc.ChannelCredentials:
        if self.tls_ca is not None:
            return grpc.ssl_channel_credentials(root_certificates=self.tls_ca.read_bytes())
        if self.tls is not None:
            return self.tls
        # By default a token is sent unencrypted only to loopback addresses.
        targets = [getattr(endpoints, service) for service in SERVICES]
        return not all(is_loopback_target(target) for target in targets if target)


def session_of(context: typer.Context) -> Session:
    """The session of the current command."""
    return cast(Session, context.obj)


def new_session(form: Format) -> Session:
    """A session without any options."""
    return Session(Output(form))
