"""Uploads hold room in a worker: not for ever, and no more than there is."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from lowsky.airspace.imports.receiving import HELD_BYTES_MAX, Uploads
from lowsky.airspace.reading.formats.json_parsing import FILE_BYTES_MAX
from lowsky.errors import Invalid, Overloaded

HEADER = b""
MIB = bytes(1024 * 1024)


async def endless() -> AsyncIterator[bytes]:
    yield HEADER
    yield MIB
    await asyncio.Event().wait()


async def mebibytes(count: int) -> AsyncIterator[bytes]:
    yield HEADER
    for _ in range(count):
        yield MIB


async def test_a_file_is_there_as_it_came_until_it_is_no_longer_looked_at() -> None:
    uploads = Uploads()
    chunks = [bytes([number]) * size for number, size in enumerate((1, 2**20, 700_000, 700_000, 3))]

    async def parts() -> AsyncIterator[bytes]:
        yield HEADER
        for chunk in chunks:
            yield chunk

    async with uploads.receive(parts(), "a") as upload:
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
        await uploads.receive(endless(), "a").__aenter__()
    assert refused.value.reason == "UPLOAD_TOO_SLOW"
    assert uploads.held_bytes == 0


async def test_a_pause_between_chunks_ends_an_upload_long_before_its_time_is_over() -> None:
    uploads = Uploads(idle_s_max=0.01)
    with pytest.raises(Invalid) as refused:
        async with asyncio.timeout(10):
            await uploads.receive(endless(), "a").__aenter__()
    assert refused.value.reason == "UPLOAD_TOO_SLOW"
    assert "without pauses" in refused.value.message
    assert uploads.held_bytes == 0


async def test_stalled_uploads_of_one_publisher_leave_room_for_others() -> None:
    uploads = Uploads()
    async with AsyncExitStack() as kept:
        for _ in range(4):
            await kept.enter_async_context(uploads.receive(mebibytes(32), "a"))
        with pytest.raises(Overloaded, match="send one after the other"):
            await kept.enter_async_context(uploads.receive(mebibytes(1), "a"))
        async with uploads.receive(mebibytes(128), "b") as upload:
            assert upload.spool.size == FILE_BYTES_MAX
    assert uploads.held_bytes == 0


async def test_uploads_together_hold_no_more_than_there_is_room_for() -> None:
    uploads = Uploads()
    async with AsyncExitStack() as kept:
        for publisher in range(HELD_BYTES_MAX // FILE_BYTES_MAX):
            await kept.enter_async_context(uploads.receive(mebibytes(128), str(publisher)))
        with pytest.raises(Overloaded, match="of all publishers"):
            await kept.enter_async_context(uploads.receive(mebibytes(1), "one more"))
    assert uploads.held_bytes == 0
