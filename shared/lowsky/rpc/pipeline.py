"""What every call passes through, in this order: trace and request id, shutdown and lost parts, token, authorisation,
scope, the rules of the protos, then the service; on the way out the error tree becomes a status.

One interceptor does it all: grpc.aio pays for each interceptor on each call, and a reader sees the order at a glance.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, aclosing, asynccontextmanager, suppress
from typing import Any, NoReturn

import grpc
import structlog
from google.protobuf.message import Message
from grpc_status import rpc_status
from opentelemetry.trace import SpanKind

from lowsky import tracing
from lowsky.auth.access import Access, set_current_access
from lowsky.auth.caller import Caller
from lowsky.auth.rules import RULES, reach_of, require_covered
from lowsky.auth.tokens import TokenVerifier
from lowsky.errors import LowskyError, Unauthenticated
from lowsky.ids import new_id
from lowsky.rpc.health import Health
from lowsky.rpc.status import code_of, to_status
from lowsky.rpc.validation import validate

log = structlog.get_logger()

OPEN_SERVICES = ("/grpc.health.v1.Health/", "/grpc.reflection.")
"""Answered without a token: they say what any peer on the network may know. Reflection is off in production."""

HEARD_OUT_MESSAGES = 100
HEARD_OUT_S = 5.0
"""How much a caller whose stream was refused may still send before it is cut off: the rest of a file of usual size."""

_ServicerContext = grpc.aio.ServicerContext[Any, Any]
_Metadata = Mapping[str, str | bytes]


class Pipeline(grpc.aio.ServerInterceptor):
    """Wraps each RPC once, the first time that it is called."""

    def __init__(self, *, verifier: TokenVerifier, health: Health) -> None:
        self._verifier = verifier
        self._health = health
        self._wrapped: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Any, Any] | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Any, Any] | None:
        method = handler_call_details.method
        known = self._wrapped.get(method)
        if known is not None:
            return known
        handler = await continuation(handler_call_details)
        if handler is None or method.startswith(OPEN_SERVICES):
            return handler
        wrapped = self._wrap(method, handler)
        self._wrapped[method] = wrapped
        return wrapped

    def _wrap(self, method: str, handler: Any) -> grpc.RpcMethodHandler[Any, Any]:
        coders = {
            "request_deserializer": handler.request_deserializer,
            "response_serializer": _unless_serialised(handler.response_serializer),
        }
        if handler.request_streaming and handler.response_streaming:
            return grpc.stream_stream_rpc_method_handler(self._stream_stream(method, handler.stream_stream), **coders)
        if handler.request_streaming:
            return grpc.stream_unary_rpc_method_handler(self._stream_unary(method, handler.stream_unary), **coders)
        if handler.response_streaming:
            return grpc.unary_stream_rpc_method_handler(self._unary_stream(method, handler.unary_stream), **coders)
        return grpc.unary_unary_rpc_method_handler(self._unary_unary(method, handler.unary_unary), **coders)

    def _unary_unary(self, method: str, behaviour: Any) -> Any:
        async def call(request: Message, context: _ServicerContext) -> Any:
            metadata = _metadata(context)
            with _traced(method, metadata):
                try:
                    await self._admit(method, metadata, request)
                    return await behaviour(request, context)
                except Exception as error:
                    await _abort(method, context, error)
                finally:
                    # The error's traceback holds this frame, and the frame would hold megabytes of a refused request.
                    del request

        return call

    def _unary_stream(self, method: str, behaviour: Any) -> Any:
        async def call(request: Message, context: _ServicerContext) -> None:
            metadata = _metadata(context)
            with _traced(method, metadata):
                try:
                    caller = await self._admit(method, metadata, request)
                    async with _while_it_counts(caller):
                        await _write_all(behaviour(request, context), context)
                except Exception as error:
                    await _abort(method, context, error)

        return call

    def _stream_unary(self, method: str, behaviour: Any) -> Any:
        async def call(requests: AsyncIterator[Message], context: _ServicerContext) -> Any:
            metadata = _metadata(context)
            with _traced(method, metadata):
                try:
                    await self._admit(method, metadata, None)
                    return await behaviour(_validated(requests), context)
                except Exception as error:
                    await _hear_out(requests)
                    await _abort(method, context, error)

        return call

    def _stream_stream(self, method: str, behaviour: Any) -> Any:
        # Each message has an answer of its own, a refusal too: the service validates them and judges their scope.
        async def call(requests: AsyncIterator[Message], context: _ServicerContext) -> None:
            metadata = _metadata(context)
            with _traced(method, metadata):
                try:
                    caller = await self._admit(method, metadata, None)
                    async with _while_it_counts(caller):
                        await _write_all(behaviour(requests, context), context)
                except Exception as error:
                    await _abort(method, context, error)

        return call

    async def _admit(self, method: str, metadata: _Metadata, request: Message | None) -> Caller:
        caller = await self._verifier.verify(_bearer_token(metadata))
        reach = reach_of(method, caller)
        rule = RULES[method]
        self._health.require(writes=rule.writes)
        set_current_access(Access(caller, reach))
        if request is not None:
            validate(request)
            if rule.resource is not None:
                require_covered(rule, reach, _field(request, rule.resource))
        return caller


def _unless_serialised(serialise: Callable[[Message], bytes]) -> Callable[[Message | bytes], bytes]:
    """A service may answer with what it has serialised already, as it is kept."""
    return lambda response: response if isinstance(response, bytes) else serialise(response)


def _metadata(context: _ServicerContext) -> _Metadata:
    """What came with the call, made into Python objects once. Of a key that comes twice the first counts."""
    return dict(reversed(tuple(context.invocation_metadata() or ())))


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
    and now: what it holds (a subscription, a consumer) is not left to the garbage collector."""
    async with aclosing(responses):
        async for response in responses:
            await context.write(response)


@asynccontextmanager
async def _while_it_counts(caller: Caller) -> AsyncIterator[None]:
    """Ends a stream when its caller's token expires: who comes back with a new one goes on where it left off."""
    left_s = None if caller.expires_s == math.inf else max(0.0, caller.expires_s - time.time())
    try:
        async with asyncio.timeout(left_s) as limit:
            yield
    except TimeoutError:
        if not limit.expired():
            raise
        raise Unauthenticated("TOKEN_EXPIRED", "the token has expired; come back with a new one") from None


async def _hear_out(requests: AsyncIterator[Message]) -> None:
    """Takes what a refused caller is still sending, unread and for a while.

    A stream that ends under a writer's hands fails the write, and then clients (grpc.aio among them) say INTERNAL and
    never show the status that was sent.
    """
    with suppress(TimeoutError):
        async with asyncio.timeout(HEARD_OUT_S):
            messages = 0
            async for _ in requests:
                messages += 1
                if messages == HEARD_OUT_MESSAGES:
                    break


async def _validated(requests: AsyncIterator[Message]) -> AsyncIterator[Message]:
    async for request in requests:
        validate(request)
        yield request


def _traced(method: str, metadata: _Metadata) -> AbstractContextManager[None]:
    correlation_id = _text(metadata, "x-correlation-id")[:64] or new_id()
    cause = tracing.Cause(correlation_id=correlation_id, causation_id=correlation_id)
    return tracing.span(method, SpanKind.SERVER, _text(metadata, "traceparent"), cause)


def _text(metadata: _Metadata, key: str) -> str:
    """Empty where it is absent, or no text."""
    value = metadata.get(key)
    return value if isinstance(value, str) else ""


def told_to_callers(method: str, error: Exception) -> LowskyError:
    """The error as callers may hear it: a fault of ours becomes an incident, which the log explains."""
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
    error = told_to_callers(method, error)
    await context.abort_with_status(rpc_status.to_status(to_status(error)))
    raise asyncio.CancelledError  # abort never returns
