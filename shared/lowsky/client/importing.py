"""Uploads a zone file to the airspace service."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import grpc

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.client.calls import PATIENCE_S, Calls, Metadata, ended_within
from lowsky.client.errors import InvalidArgument

CHUNK_BYTES = 256 * 1024
"""The service accepts at most 1 MiB; a quarter shows progress on slow connections."""

FILE_BYTES_MAX = 128 * 1024 * 1024
"""The limit of the service; the largest national file known is under 20 MB."""

TIMEOUT_S = 600.0
"""Deadline for upload and processing: ten thousand zones are read, repaired and stored in about ten seconds, 128 MiB in
some minutes."""

_Method = grpc.aio.StreamUnaryMultiCallable[pb.ImportGeozonesRequest, pb.ImportGeozonesResponse]


async def import_geozones(
    calls: Calls,
    method: _Method,
    source: str | Path | bytes,
    header: pb.ImportHeader,
    *,
    on_progress: Callable[[int, int], None] | None = None,
    timeout_s: float = TIMEOUT_S,
) -> pb.ImportGeozonesResponse:
    """Sends the header, then a file (a path, or its bytes). `on_progress` is called with bytes sent and total bytes."""
    data = source if isinstance(source, bytes) else await asyncio.to_thread(_read, Path(source))
    if not 0 < len(data) <= FILE_BYTES_MAX:
        limit = f"a zone file has 1 byte to {FILE_BYTES_MAX // 2**20} MiB, this one has {len(data)} bytes"
        raise InvalidArgument("TOO_LARGE" if data else "UNREADABLE_FILE", limit)
    patience_s = PATIENCE_S

    async def parts(opened: list[grpc.aio.Call]) -> AsyncIterator[pb.ImportGeozonesRequest]:
        # A caller who may not import, or names an unknown authority, is refused before the file is sent.
        if await ended_within(opened[0], patience_s):
            return
        yield pb.ImportGeozonesRequest(header=header)
        if await ended_within(opened[0], patience_s):
            return
        for start in range(0, len(data), CHUNK_BYTES):
            yield pb.ImportGeozonesRequest(chunk=data[start : start + CHUNK_BYTES])
            if on_progress is not None:
                on_progress(min(start + CHUNK_BYTES, len(data)), len(data))

    async def attempt(remaining_s: float, metadata: Metadata) -> pb.ImportGeozonesResponse:
        nonlocal patience_s
        opened: list[grpc.aio.Call] = []
        call = method(parts(opened), timeout=remaining_s, metadata=metadata)
        opened.append(call)
        try:
            return await call
        finally:
            call.cancel()
            patience_s *= 3

    return await calls.repeat(attempt, timeout_s=timeout_s, repeatable=True)


def _read(path: Path) -> bytes:
    """Reads at most one byte more than may be sent, so that a path to an endless source ends too."""
    with path.open("rb") as file:
        return file.read(FILE_BYTES_MAX + 1)
