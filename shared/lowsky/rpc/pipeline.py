"""The pipeline of every call. Before its request is read: token, authorisation, shutdown and unavailable parts. Then
size, deserialising, the rules of the protos, scope, and the service; errors are converted to a status on the way out.

One interceptor does it all: each interceptor costs grpc.aio time on each call, and here the order is visible at a
glance.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, NamedTuple, NoReturn

import grpc
import structlog
from google.protobuf.message import Message
from grpc_status import rpc_status

from lowsky.auth.access import Access, current_access, set_current_access
from lowsky.auth.caller import Caller
from lowsky.auth.rules import RULES, reach_of, require_covered
from lowsky.auth.tokens import TokenVerifier
from lowsky.errors import LowskyError, Unauthenticated
from lowsky.health import Health
from lowsky.process.load_limits import InFlight
from lowsky.rpc.call_log import Call, Metadata, logged
from lowsky.rpc.incoming import Incoming, deserialised
from lowsky.rpc.limits import (
    BYTES_IN_FLIGHT_MAX,
    CALLS_MAX,
    CALLS_PER_CALLER_MAX,
    STREAMS_MAX,
    STREAMS_PER_CALLER_MAX,
    WATCHES_MAX,
    WATCHES_PER_PARTY_MAX,
    WATCHES_RETRY_AFTER_S,
    require_size,
)
from lowsky.rpc.status import to_status
from lowsky.rpc.validation import validate

log = structlog.get_logger()

OPEN_SERVICES = ("/grpc.health.v1.Health/", "/grpc.reflection.")
"""Answered without a token: they expose what any peer on the network may know. Reflection is off in production."""

DRAINED_MESSAGES = 100
DRAINED_S = 5.0
"""How much a caller may still send after its stream was refused, before it is cut off: the rest of a typical file."""

_ServicerContext = grpc.aio.ServicerContext[Any, Any]
_Decode = Callable[[bytes], Message]


class Pipeline(grpc.aio.ServerInterceptor):
    """Wraps each RPC once, the first time that it is called.

    Authentication and authorisation take the metadata alone: they are decided before gRPC reads the request, so that a
    caller without a token cannot make this worker receive or deserialise megabytes.
    """

    def __init__(self, *, verifier: TokenVerifier, health: Health) -> None:
        self._verifier = verifier
        self._health = health
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
        self._calls = InFlight(
            "calls with one request",
            calls_max=CALLS_MAX,
            calls_per_caller_max=CALLS_PER_CALLER_MAX,
            bytes_max=BYTES_IN_FLIGHT_MAX,
        )
        self._streams = InFlight(
            "streams of requests", calls_max=STREAMS_MAX, calls_per_caller_max=STREAMS_PER_CALLER_MAX
        )
        self._watches = InFlight(
            "watches",
            calls_max=WATCHES_MAX,
            calls_per_caller_max=WATCHES_PER_PARTY_MAX,
            retry_after_s=WATCHES_RETRY_AFTER_S,
        )

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        method = handler_call_details.method
        if method.startswith(OPEN_SERVICES):
            return await continuation(handler_call_details)
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            handler = await continuation(handler_call_details)
            if handler is None:
                return None
            wrapped = self._wrapped[method] = self._wrap(method, handler)
        # Of a duplicate key the first value counts.
        metadata: Metadata = dict(reversed(tuple(handler_call_details.invocation_metadata or ())))
        caller: Caller | None = None
        try:
            caller = await self._verifier.verify(_bearer_token(metadata))
            self._admit(method, caller)
        except Exception as error:
            return _refusing(Call(method, caller), metadata, error, streams=bool(wrapped.request_streaming))
        # gRPC runs interceptor and handler of a call in one task, so that the handler sees what is set here.
        _admitted.set(_Admitted(metadata, caller))
        return wrapped

    def _admit(self, method: str, caller: Caller) -> None:
        reach = reach_of(method, caller)
        self._health.require(writes=RULES[method].writes)
        set_current_access(Access(caller, reach))

    def _wrap(self, method: str, handler: Any) -> grpc.RpcMethodHandler[Any, Any]:
        # Without a deserialiser gRPC passes on the bytes, whose number is checked first.
        decode = _decoder(handler.request_deserializer)
        coders = {
            "request_deserializer": None,
            "response_serializer": _unless_serialised(handler.response_serializer),
        }
        if handler.request_streaming and handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(
                self._stream_stream(method, handler.stream_stream, decode), **coders
            )
        if handler.request_streaming:
            return grpc.stream_unary_rpc_method_handler(
                self._stream_unary(method, handler.stream_unary, decode), **coders
            )
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(
                self._unary_stream(method, handler.unary_stream, decode), **coders
            )
        return grpc.unary_unary_rpc_method_handler(self._unary_unary(method, handler.unary_unary, decode), **coders)

    def _unary_unary(self, method: str, behaviour: Any, decode: _Decode) -> Any:
        async def call(raw: bytes, context: _ServicerContext) -> Any:
            metadata, caller = _admitted.get()
            current = Call(method, caller)
            with logged(current, metadata):
                request: Message | None = None
                try:
                    with self._calls.call(caller.subject), self._calls.request(len(raw)):
                        request = _covered(method, raw, decode)
                        return await behaviour(request, context)
                except Exception as error:
                    await _abort(current, context, error)
                finally:
                    # The error's traceback refers to this frame, which would keep megabytes of a refused request alive.
                    del request, raw

        return call

    def _unary_stream(self, method: str, behaviour: Any, decode: _Decode) -> Any:
        async def call(raw: bytes, context: _ServicerContext) -> None:
            metadata, caller = _admitted.get()
            current = Call(method, caller)
            with logged(current, metadata):
                try:
                    with self._watches.call(caller.party):
                        request = _covered(method, raw, decode)
                        # A watch lasts for hours: it keeps the request message alone, not the bytes received.
                        del raw
                        request.DiscardUnknownFields()
                        async with _until_expiry(caller):
                            await _write_all(behaviour(request, context), context, current)
                except Exception as error:
                    await _abort(current, context, error)

        return call

    def _stream_unary(self, method: str, behaviour: Any, decode: _Decode) -> Any:
        async def call(requests: AsyncIterator[bytes], context: _ServicerContext) -> Any:
            metadata, caller = _admitted.get()
            current = Call(method, caller)
            with logged(current, metadata):
                try:
                    with self._streams.call(caller.subject):
                        return await behaviour(_read_each(current, requests, decode), context)
                except Exception as error:
                    if isinstance(error, LowskyError):
                        error.with_traceback(None)  # its frames keep the refused message alive
                    await _drain(requests)
                    await _abort(current, context, error)

        return call

    def _stream_stream(self, method: str, behaviour: Any, decode: _Decode) -> Any:
        # Each message gets its own answer, which may be a refusal: the service reads and validates them, as many at a
        # time as it has room for, and checks their scope.
        async def call(requests: AsyncIterator[bytes], context: _ServicerContext) -> None:
            metadata, caller = _admitted.get()
            current = Call(method, caller)
            with logged(current, metadata):
                try:
                    with self._streams.call(caller.subject):
                        async with _until_expiry(caller):
                            await _write_all(behaviour(_incoming(current, requests, decode), context), context, current)
                except Exception as error:
                    await _abort(current, context, error)

        return call


class _Admitted(NamedTuple):
    """What is known of a call before its request is read."""

    metadata: Metadata
    caller: Caller


_admitted: ContextVar[_Admitted] = ContextVar("admitted")


def _refusing(refused: Call, metadata: Metadata, error: Exception, *, streams: bool) -> grpc.RpcMethodHandler[Any, Any]:
    """Answers a call that is not admitted. It takes requests as a stream, so that gRPC does not read any by itself."""

    async def call(requests: AsyncIterator[bytes], context: _ServicerContext) -> None:
        with logged(refused, metadata):
            if streams:
                await _drain(requests)
            await _abort(refused, context, error)

    return grpc.stream_stream_rpc_method_handler(call)


def _decoder(deserialise: Callable[[bytes], Message]) -> _Decode:
    """Deserialises, and refuses bytes that are no message of the type."""
    return lambda raw: deserialised(deserialise, raw)


def _read(method: str, raw: bytes, decode: _Decode) -> Message:
    """Reads a request, and checks its size and rules."""
    require_size(method, len(raw))
    request = decode(raw)
    validate(request)
    return request


def _covered(method: str, raw: bytes, decode: _Decode) -> Message:
    """As _read, and checks that it is within the caller's reach."""
    request = _read(method, raw, decode)
    rule = RULES[method]
    if rule.resource is not None:
        require_covered(rule, current_access().reach, _field(request, rule.resource))
    return request


async def _read_each(call: Call, requests: AsyncIterator[bytes], decode: _Decode) -> AsyncIterator[Message]:
    async for raw in _counted(call, requests):
        yield _read(call.method, raw, decode)


async def _incoming(call: Call, requests: AsyncIterator[bytes], decode: _Decode) -> AsyncIterator[Incoming[Message]]:
    async for raw in _counted(call, requests):
        yield Incoming(call.method, raw, decode)


async def _counted(call: Call, requests: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    call.received = 0
    async for raw in requests:
        call.received += 1
        yield raw


def _unless_serialised(serialise: Callable[[Message], bytes]) -> Callable[[Message | bytes], bytes]:
    """Serialises a response, unless the service returns a stored one that is serialised already."""
    return lambda response: response if isinstance(response, bytes) else serialise(response)


def _bearer_token(metadata: Metadata) -> str:
    value = metadata.get("authorization", "")
    text = value if isinstance(value, str) else value.decode("latin-1")
    scheme, _, token = text.partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("TOKEN_MISSING", "send a bearer token in the authorization metadata")
    return token


def _field(message: Any, path: str) -> str:
    for part in path.split("."):
        message = getattr(message, part)
    return str(message)


async def _write_all(responses: AsyncGenerator[Message | bytes, None], context: _ServicerContext, call: Call) -> None:
    """Sends the responses of a stream. If the caller disconnects while a message is being sent, the generator is closed
    at once: what it holds (a subscription, a consumer) is not left to the garbage collector. That is no error, and the
    call counts as cancelled."""
    call.sent = 0
    async with aclosing(responses):
        async for response in responses:
            try:
                await context.write(response)
                call.sent += 1
            except (grpc.aio.InternalError, grpc.aio.UsageError) as error:
                log.debug("a caller disconnected while a response was being sent", problem=str(error))
                raise asyncio.CancelledError from error


@asynccontextmanager
async def _until_expiry(caller: Caller) -> AsyncIterator[None]:
    """Ends a stream when its caller's token expires: with a new token the caller can resume it."""
    left_s = None if caller.expires_s == math.inf else max(0.0, caller.expires_s - time.time())
    try:
        async with asyncio.timeout(left_s) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise Unauthenticated("TOKEN_EXPIRED", "the token has expired; resume with a new one") from None


async def _drain(requests: AsyncIterator[bytes]) -> None:
    """Receives what a refused caller is still sending, without reading it, for a while.

    If a stream ends while the client is writing, the write fails, and clients (grpc.aio among them) then report
    INTERNAL instead of the status that was sent.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAINED_S):
            messages = 0
            async for _ in requests:
                messages += 1
                if messages == DRAINED_MESSAGES:
                    break


async def _abort(call: Call, context: _ServicerContext, error: Exception) -> NoReturn:
    if isinstance(error, grpc.aio.AbortError):
        raise error
    await context.abort_with_status(rpc_status.to_status(to_status(call.refuse(error))))
    raise asyncio.CancelledError  # abort never returns
