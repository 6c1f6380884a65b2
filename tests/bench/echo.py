"""A bare grpc.aio server that answers every request, of a call or on a stream, with itself: what any service on this
machine pays."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from typing import Any

import grpc
import uvloop

METHOD = "/bench.Echo/Echo"
STREAM_METHOD = "/bench.Echo/EchoEach"


class _Echo(grpc.GenericRpcHandler):
    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[Any, Any] | None:
        if handler_call_details.method == STREAM_METHOD:
            return grpc.stream_stream_rpc_method_handler(_answer_each)
        return grpc.unary_unary_rpc_method_handler(_answer) if handler_call_details.method == METHOD else None


async def _answer(request: bytes, _context: Any) -> bytes:
    return request


async def _answer_each(requests: AsyncIterator[bytes], _context: Any) -> AsyncIterator[bytes]:
    async for request in requests:
        yield request


async def serve() -> None:
    """Serves on a free port, which it prints; until its standard input ends."""
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((_Echo(),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await asyncio.to_thread(sys.stdin.read)
    await server.stop(None)


if __name__ == "__main__":
    uvloop.run(serve())
