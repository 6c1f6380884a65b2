"""What every call passes through. Before its request is read: token, authorisation, shutdown and lost parts. Then size,
deserialising, the rules of the protos, scope, and the service; on the way out the error tree becomes a status.

One interceptor does it all: grpc.aio pays for each interceptor on each call, and a reader sees the order at a glance.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, aclosing, asynccontextmanager, suppress
from contextvars import ContextVar
from typing import Any, NamedTuple, NoReturn

import grpc
import structlog
from google.protobuf.message import Message
from grpc_status import rpc_status
from opentelemetry.trace import SpanKind

from lowsky.auth.access import Access, current_access, set_current_access
from lowsky.auth.caller import Caller
from lowsky.auth.rules import RULES, reach_of, require_covered
from lowsky.auth.tokens import TokenVerifier
from lowsky.errors import LowskyError, Unauthenticated
from lowsky.health import Health
from lowsky.ids import new_id
from lowsky.process import tracing
from lowsky.process.in_flight import InFlight
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
from lowsky.rpc.status import code_of, to_status
from lowsky.rpc.validation import validate

log = structlog.get_logger()

OPEN_SERVICES = ("/grpc.health.v1.Health/", "/grpc.reflection.")
"""Answered without a token: they say what any peer on the network may know. Reflection is off in production."""

DRAINED_MESSAGES = 100
DRAINED_S = 5.0
"""How much a caller whose stream was refused may still send before it is cut off: the rest of a file of usual size."""

_ServicerContext = grpc.aio.ServicerContext[Any, Any]
_Metadata = Mapping[str, str | bytes]
_Decode = Callable[[bytes], Message]


class Pipeline(grpc.aio.ServerInterceptor):
    """Wraps each RPC once, the first time that it is called.

    Who calls, and whether they may, is known from the metadata alone: it is decided before gRPC reads the request, so
    that a caller without a token makes this worker neither receive nor deserialise megabytes.
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
        # Of a key that comes twice the first counts.
        metadata: _Metadata = dict(reversed(tuple(handler_call_details.invocation_metadata or ())))
        try:
            caller = await self._admit(method, metadata)
        except Exception as error:
            return _refusing(method, metadata, error, streams=bool(wrapped.request_streaming))
        # gRPC runs interceptor and handler of a call in one task, so that the handler sees what is set here.
        _call.set(_Call(metadata, caller))
        return wrapped

    async def _admit(self, method: str, metadata: _Metadata) -> Caller:
        caller = await self._verifier.verify(_bearer_token(metadata))
        reach = reach_of(method, caller)
        self._health.require(writes=RULES[method].writes)
        set_current_access(Access(caller, reach))
        return caller

    def _wrap(self, method: str, handler: Any) -> grpc.RpcMethodHandler[Any, Any]:
        # Without a deserialiser gRPC hands on the bytes: their number is checked first.
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
            metadata, caller = _call.get()
            with _traced(method, metadata):
                request: Message | None = None
                try:
                    with self._calls.call(caller.subject), self._calls.request(len(raw)):
                        request = _covered(method, raw, decode)
                        return await behaviour(request, context)
                except Exception as error:
                    await _abort(method, context, error)
                finally:
                    # The error's traceback holds this frame, and the frame would hold megabytes of a refused request.
                    del request, raw

        return call

    def _unary_stream(self, method: str, behaviour: Any, decode: _Decode) -> Any:
        async def call(raw: bytes, context: _ServicerContext) -> None:
            metadata, caller = _call.get()
            with _traced(method, metadata):
                try:
                    with self._watches.call(caller.party):
                        request = _covered(method, raw, decode)
                        # A watch lasts for hours: it keeps what was asked for, and nothing that came with it.
                        del raw
                        request.DiscardUnknownFields()
                        async with _until_expiry(caller):
                            await _write_all(behaviour(request, context), context)
                except Exception as error:
                    await _abort(method, context, error)

        return call

    def _stream_unary(self, method: str, behaviour: Any, decode: _Decode) -> Any:
        async def call(requests: AsyncIterator[bytes], context: _ServicerContext) -> Any:
            metadata, caller = _call.get()
            with _traced(method, metadata):
                try:
                    with self._streams.call(caller.subject):
                        return await behaviour(_read_each(method, requests, decode), context)
                except Exception as error:
                    if isinstance(error, LowskyError):
                        error.with_traceback(None)  # its frames hold the message that was refused
                    await _drain(requests)
                    await _abort(method, context, error)

        return call

    def _stream_stream(self, method: str, behaviour: Any, decode: _Decode) -> Any:
        # Each message has an answer of its own, a refusal too: the service reads and validates them, as many at a time
        # as it has room for, and checks their scope.
        async def call(requests: AsyncIterator[bytes], context: _ServicerContext) -> None:
            metadata, caller = _call.get()
            with _traced(method, metadata):
                try:
                    with self._streams.call(caller.subject):
                        async with _until_expiry(caller):
                            await _write_all(behaviour(_incoming(method, requests, decode), context), context)
                except Exception as error:
                    await _abort(method, context, error)

        return call


class _Call(NamedTuple):
    """What is known of the call under way before its request is read."""

    metadata: _Metadata
    caller: Caller


_call: ContextVar[_Call] = ContextVar("call")


def _refusing(method: str, metadata: _Metadata, error: Exception, *, streams: bool) -> grpc.RpcMethodHandler[Any, Any]:
    """Answers a call that is not admitted. It takes requests as a stream, so that gRPC reads none of its own accord."""

    async def call(requests: AsyncIterator[bytes], context: _ServicerContext) -> None:
        with _traced(method, metadata):
            if streams:
                await _drain(requests)
            await _abort(method, context, error)

    return grpc.stream_stream_rpc_method_handler(call)


def _decoder(deserialise: Callable[[bytes], Message]) -> _Decode:
    """Deserialises, and refuses what is no message of the type."""
    return lambda raw: deserialised(deserialise, raw)


def _read(method: str, raw: bytes, decode: _Decode) -> Message:
    """A request within its method's limit and by its rules."""
    require_size(method, len(raw))
    request = decode(raw)
    validate(request)
    return request


def _covered(method: str, raw: bytes, decode: _Decode) -> Message:
    """The same, and within its caller's reach."""
    request = _read(method, raw, decode)
    rule = RULES[method]
    if rule.resource is not None:
        require_covered(rule, current_access().reach, _field(request, rule.resource))
    return request


async def _read_each(method: str, requests: AsyncIterator[bytes], decode: _Decode) -> AsyncIterator[Message]:
    async for raw in requests:
        yield _read(method, raw, decode)


async def _incoming(method: str, requests: AsyncIterator[bytes], decode: _Decode) -> AsyncIterator[Incoming[Message]]:
    async for raw in requests:
        yield Incoming(method, raw, decode)


def _unless_serialised(serialise: Callable[[Message], bytes]) -> Callable[[Message | bytes], bytes]:
    """A service may answer with what it has serialised already, as it is kept."""
    return lambda response: response if isinstance(response, bytes) else serialise(response)


def _bearer_token(metadata: _Metadata) -> str:
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


async def _write_all(responses: AsyncGenerator[Message | bytes, None], context: _ServicerContext) -> None:
    """Sends what a stream answers. Whoever goes away while a message is being sent ends the generator with it, here
    and now: what it holds (a subscription, a consumer) is not left to the garbage collector. That is no fault of ours,
    and the call counts as cancelled."""
    async with aclosing(responses):
        async for response in responses:
            try:
                await context.write(response)
            except (grpc.aio.InternalError, grpc.aio.UsageError) as error:
                log.debug("a caller went away while it was written to", problem=str(error))
                raise asyncio.CancelledError from error


@asynccontextmanager
async def _until_expiry(caller: Caller) -> AsyncIterator[None]:
    """Ends a stream when its caller's token expires: who comes back with a new one goes on where it left off."""
    left_s = None if caller.expires_s == math.inf else max(0.0, caller.expires_s - time.time())
    try:
        async with asyncio.timeout(left_s) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise Unauthenticated("TOKEN_EXPIRED", "the token has expired; come back with a new one") from None


async def _drain(requests: AsyncIterator[bytes]) -> None:
    """Takes what a refused caller is still sending, unread and for a while.

    A stream that ends under a writer's hands fails the write, and then clients (grpc.aio among them) say INTERNAL and
    never show the status that was sent.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAINED_S):
            messages = 0
            async for _ in requests:
                messages += 1
                if messages == DRAINED_MESSAGES:
                    break


def _traced(method: str, metadata: _Metadata) -> AbstractContextManager[None]:
    correlation_id = _text(metadata, "x-correlation-id")[:64] or new_id()
    cause = tracing.Cause(correlation_id=correlation_id, causation_id=correlation_id)
    return tracing.span(method, SpanKind.SERVER, _text(metadata, "traceparent"), cause)


def _text(metadata: _Metadata, key: str) -> str:
    """Empty where it is absent, or no text."""
    value = metadata.get(key)
    return value if isinstance(value, str) else ""


def for_callers(method: str, error: Exception) -> LowskyError:
    """The error as callers may see it: a fault of ours becomes an incident, which the log explains."""
    if isinstance(error, LowskyError):
        log.debug("call refused", method=method, reason=error.reason, code=code_of(error).name)
        return error
    incident = new_id()
    log.error("call failed", method=method, incident=incident, exc_info=error)
    return LowskyError(
        "INTERNAL", f"something went wrong on our side; quote incident {incident}", metadata={"incident": incident}
    )


async def _abort(method: str, context: _ServicerContext, error: Exception) -> NoReturn:
    if isinstance(error, grpc.aio.AbortError):
        raise error
    error = for_callers(method, error)
    await context.abort_with_status(rpc_status.to_status(to_status(error)))
    raise asyncio.CancelledError  # abort never returns
