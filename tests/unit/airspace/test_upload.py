"""Uploads hold room in a worker: not for ever, and no more than there is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

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


async def test_a_file_that_comes_too_slowly_is_refused_and_leaves_its_room() -> None:
    uploads = Uploads(upload_s_max=0.01)
    with pytest.raises(Invalid) as refused:
        await uploads.receive(endless(), lambda _: None)
    assert refused.value.reason == "UPLOAD_TOO_SLOW"
    assert uploads.held_bytes == 0


async def test_uploads_together_hold_no_more_than_there_is_room_for() -> None:
    uploads = Uploads()
    half = HELD_BYTES_MAX // 2 // 2**20
    kept = [await uploads.receive(mebibytes(half), lambda _: None) for _ in range(2)]
    with pytest.raises(Overloaded):
        await uploads.receive(mebibytes(1), lambda _: None)
    for upload in kept:
        uploads.release(upload)
    assert uploads.held_bytes == 0
