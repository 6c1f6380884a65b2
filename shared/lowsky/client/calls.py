"""Makes every call: with a token, a deadline, a trace, and retries where that is safe."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message

from lowsky.client.errors import (
    TRANSPORT_LOST,
    DeadlineExceeded,
    LowskyApiError,
    Unauthenticated,
    Unavailable,
    cancelled_by_peer,
    from_rpc_error,
)
from lowsky.client.retries import RetryPolicy
from lowsky.client.tokens import Renewable, TokenSource

Req = TypeVar("Req", bound=Message)
Res = TypeVar("Res")

Metadata = tuple[tuple[str, str], ...]

DEADLINE_S = 10.0
"""Deadline of a call with all its attempts. Responses take milliseconds; ten seconds outlast a restart of the
server."""

PATIENCE_S = 0.1
PATIENCE_S_MAX = 1.0
"""How long a reopened stream first waits for a refusal; three times as long at each further attempt."""

_READS = ("Get", "List", "Watch", "Check")


def new_request_id() -> str:
    """An id for one mutation: sent again with the same request, it is executed only once."""
    return str(uuid.uuid4())


def new_traceparent() -> str:
    """W3C trace context, sampled: one trace per call, followed through the services and their events."""
    return f"00-{secrets.token_hex(16)}-{secrets.token_hex(8)}-01"


class Tries:
    """The attempts of one call: they share its trace and its correlation id, and count consecutive failures."""

    def __init__(self, tokens: TokenSource | None, policy: RetryPolicy, correlation_id: str = "") -> None:
        self._tokens = tokens
        self._policy = policy
        self._traceparent = new_traceparent()
        self._failures = 0
        self._token = ""
        self._renewed = False
        self.correlation_id = correlation_id or str(uuid.uuid4())

    async def metadata(self) -> Metadata:
        """The metadata that an attempt sends with the request."""
        metadata = (("traceparent", self._traceparent), ("x-correlation-id", self.correlation_id))
        if self._tokens is None:
            return metadata
        self._token = await self._tokens.token()
        return (*metadata, ("authorization", f"Bearer {self._token}"))

    @property
    def patience_s(self) -> float:
        """How long this attempt waits for a refusal before it writes: writing into a refused stream loses the
        status."""
        return min(PATIENCE_S * 3**self._failures, PATIENCE_S_MAX) if self._failures else 0.0

    def progressed(self) -> None:
        """Resets the count of failures, since something was answered."""
        self._failures = 0
        self._renewed = False

    def error(self, raw: BaseException) -> LowskyApiError:
        """The error that an attempt ended with. Raises anything else, including the caller's own cancellation."""
        if isinstance(raw, LowskyApiError):
            return raw
        if isinstance(raw, grpc.aio.AioRpcError):
            return from_rpc_error(raw, self.correlation_id)
        if isinstance(raw, asyncio.CancelledError) and cancelled_by_peer():
            return Unavailable(TRANSPORT_LOST, "the server ended the call", correlation_id=self.correlation_id)
        raise raw

    def pause_s(self, error: LowskyApiError, *, repeatable: bool = True) -> float | None:
        """How long to wait before the next attempt; None if there is none."""
        if isinstance(error, Unauthenticated) and error.reason == "TOKEN_EXPIRED":
            # The server checks the token first: the call had no effect yet.
            if self._renewed or not isinstance(self._tokens, Renewable):
                return None
            self._renewed = True
            self._tokens.discard(self._token)
            return 0.0
        if not repeatable:
            return None
        self._failures += 1
        return self._policy.pause_s(error, self._failures)


class Calls:
    """Makes calls for a client."""

    def __init__(self, tokens: TokenSource | None, policy: RetryPolicy) -> None:
        self._tokens = tokens
        self._policy = policy

    def tries(self, correlation_id: str = "") -> Tries:
        """For a call that the caller makes itself, such as a stream."""
        return Tries(self._tokens, self._policy.for_streams(), correlation_id)

    async def unary(
        self,
        method: grpc.aio.UnaryUnaryMultiCallable[Req, Res],
        request: Req,
        *,
        timeout_s: float = DEADLINE_S,
        correlation_id: str = "",
    ) -> Res:
        """Makes a unary call. A request that needs a request id and has none is given one."""
        request, repeatable = identified(request)

        async def attempt(remaining_s: float, metadata: Metadata) -> Res:
            call = method(request, timeout=remaining_s, metadata=metadata)
            try:
                return await call
            finally:
                call.cancel()

        return await self.repeat(attempt, timeout_s=timeout_s, repeatable=repeatable, correlation_id=correlation_id)

    async def repeat(
        self,
        attempt: Callable[[float, Metadata], Awaitable[Res]],
        *,
        timeout_s: float,
        repeatable: bool,
        correlation_id: str = "",
    ) -> Res:
        """Makes attempts, each with the remaining seconds, until one succeeds or the time or the attempts are used
        up."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        tries = Tries(self._tokens, self._policy, correlation_id)
        while True:
            try:
                async with asyncio.timeout_at(deadline):
                    metadata = await tries.metadata()
                return await attempt(max(0.0, deadline - loop.time()), metadata)
            except TimeoutError:
                raise DeadlineExceeded("DEADLINE_EXCEEDED", "the token issuer did not answer in time") from None
            except (grpc.aio.AioRpcError, LowskyApiError, asyncio.CancelledError) as raw:
                error = tries.error(raw)
                pause_s = tries.pause_s(error, repeatable=repeatable)
                if pause_s is None or loop.time() + pause_s >= deadline:
                    raise error from (None if error is raw else raw)
            await asyncio.sleep(pause_s)


async def ended_within(call: grpc.aio.Call, seconds: float) -> bool:
    """Waits at most this long for the end of a call; returns whether it has ended."""
    if seconds > 0:
        ended = asyncio.Event()
        call.add_done_callback(lambda _: ended.set())
        with contextlib.suppress(TimeoutError):
            if not call.done():
                async with asyncio.timeout(seconds):
                    await ended.wait()
    return call.done()


def identified(request: Req) -> tuple[Req, bool]:
    """The request, with a request id if it needs one; and whether it may be sent more than once."""
    descriptor = request.DESCRIPTOR
    if "request_id" not in descriptor.fields_by_name:
        return request, descriptor.name.startswith(_READS)
    dynamic: Any = request
    if not dynamic.request_id:
        dynamic = type(request)()
        dynamic.CopyFrom(request)
        dynamic.request_id = new_request_id()
    return dynamic, True
