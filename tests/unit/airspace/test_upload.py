"""Uploads hold room in a worker: not for ever, and no more than there is."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from lowsky.airspace.rpc.upload import HELD_BYTES_MAX, Uploads
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.errors import Invalid, Overloaded

HEADER = pb.ImportGeozonesRequest(header=pb.ImportHeader())
MIB = pb.ImportGeozonesRequest(chunk=bytes(1024 * 1024))


async def endless() -> AsyncIterator[pb.ImportGeozonesRequest]:
    yield HEADER
    yield MIB
    await asyncio.Event().wait()


async def mebibytes(count: int) -> AsyncIterator[pb.ImportGeozonesRequest]:
    yield HEADER
    for _ in range(count):
        yield MIB


async def test_a_file_is_there_as_it_came_until_it_is_no_longer_looked_at() -> None:
    uploads = Uploads()
    chunks = [bytes([number]) * size for number, size in enumerate((1, 2**20, 700_000, 700_000, 3))]

    async def requests() -> AsyncIterator[pb.ImportGeozonesRequest]:
        yield HEADER
        for chunk in chunks:
            yield pb.ImportGeozonesRequest(chunk=chunk)

    async with uploads.receive(requests(), lambda _: None) as upload:
        upload.spool.file.seek(0)
        whole = b"".join(chunks)
        assert upload.spool.file.read() == whole
        assert (upload.spool.size, upload.sha256) == (len(whole), hashlib.sha256(whole).digest())
        assert uploads.held_bytes == len(whole)
    assert uploads.held_bytes == 0
    assert upload.spool.file.closed


async def test_a_file_that_comes_too_slowly_is_refused_and_leaves_its_room() -> None:
    uploads = Uploads(upload_s_max=0.01)
    with pytest.raises(Invalid) as refused:
        await uploads.receive(endless(), lambda _: None).__aenter__()
    assert refused.value.reason == "UPLOAD_TOO_SLOW"
    assert uploads.held_bytes == 0


async def test_uploads_together_hold_no_more_than_there_is_room_for() -> None:
    uploads = Uploads()
    half = HELD_BYTES_MAX // 2 // 2**20
    async with AsyncExitStack() as kept:
        for _ in range(2):
            await kept.enter_async_context(uploads.receive(mebibytes(half), lambda _: None))
        with pytest.raises(Overloaded):
            await kept.enter_async_context(uploads.receive(mebibytes(1), lambda _: None))
    assert uploads.held_bytes == 0
