"""Any RPC, called by its descriptor with requests as bytes, whatever streams."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

import grpc
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.rpc import error_details_pb2

from tests.support.errors import error_of

CODES = {code.value[0]: code for code in grpc.StatusCode}


def path_of(method: MethodDescriptor) -> str:
    """What it is called by: `/package.Service/Method`."""
    return f"/{method.containing_service.full_name}/{method.name}"


async def answer_to(
    channel: grpc.aio.Channel, method: MethodDescriptor, requests: Sequence[bytes], token: str, timeout_s: float = 60
) -> tuple[grpc.StatusCode, str]:
    """How requests are answered: OK, or the code and the reason of the refusal.

    Of a stream of answers as many are read as there were requests; an answer that holds a status counts as that.
    """

    async def stream() -> AsyncIterator[bytes]:
        for request in requests:
            yield request

    kind = "_".join("stream" if streams else "unary" for streams in (method.client_streaming, method.server_streaming))
    deserialise = GetMessageClass(method.output_type).FromString
    multicallable = getattr(channel, kind)(path_of(method), response_deserializer=deserialise)
    call = multicallable(
        stream() if method.client_streaming else requests[0],
        metadata=(("authorization", f"Bearer {token}"),),
        timeout=timeout_s,
    )
    try:
        if not method.server_streaming:
            return _said(await call)
        answers = [await call.read() for _ in requests]
        return max((_said(answer) for answer in answers), key=lambda said: said[0] is not grpc.StatusCode.OK)
    except grpc.aio.AioRpcError as error:
        failure = error_of(error)
        return failure.code, failure.reason
    finally:
        call.cancel()


def _said(answer: Message) -> tuple[grpc.StatusCode, str]:
    status = getattr(answer, "error", None)
    if status is None or not status.code:
        return grpc.StatusCode.OK, ""
    info = error_details_pb2.ErrorInfo()
    assert status.details[0].Unpack(info)
    return CODES[status.code], info.reason
