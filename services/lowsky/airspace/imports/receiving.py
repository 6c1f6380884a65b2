"""Receives a file in parts, within limits that are enforced during the upload."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from lowsky.airspace.reading.formats.json_parsing import FILE_BYTES_MAX
from lowsky.airspace.spool import Room, Spool
from lowsky.airspace.threads import in_thread
from lowsky.errors import Invalid

HELD_BYTES_MAX = 4 * FILE_BYTES_MAX
"""For all uploads under way in one worker, on its disk, however many publishers call and however slowly."""

SHARE_BYTES_MAX = FILE_BYTES_MAX
"""For the uploads of one publisher: one file of the maximum size, or several smaller ones."""

IDLE_S_MAX = 30.0
"""Between two parts: a client that sends nothing for longer has gone away, or occupies room without need."""

UPLOAD_S_MAX = 600.0
"""For the upload of a whole file, so that no client occupies room by sending slowly: 128 MiB at 2 Mbit/s take 540 s."""

_WRITTEN_BYTES = 1024 * 1024
"""Written at once, in a thread: a disk may be slow."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A received file."""

    spool: Spool
    sha256: bytes


class Uploads:
    """Receives files into temporary ones."""

    def __init__(self, upload_s_max: float = UPLOAD_S_MAX, idle_s_max: float = IDLE_S_MAX) -> None:
        self._upload_s_max = upload_s_max
        self._idle_s_max = idle_s_max
        self._room = Room(HELD_BYTES_MAX, "zone files", share_max=SHARE_BYTES_MAX)

    @property
    def held_bytes(self) -> int:
        """Bytes of uploads that are under way or still being processed."""
        return self._room.held_bytes

    @asynccontextmanager
    async def receive(self, parts: AsyncIterator[bytes], publisher: str) -> AsyncIterator[Upload]:
        """Reads the parts of a file, some of which may be empty, to their end. The file exists within the context.

        Raises:
            Invalid: The file is empty or larger than FILE_BYTES_MAX, or is sent too slowly.
            Overloaded: Other uploads, of this publisher or of all, occupy the room that this worker has.
        """
        with self._room.spool(publisher) as spool:
            try:
                async with asyncio.timeout(self._upload_s_max):
                    upload = await _received(_steady(parts, self._idle_s_max), spool)
            except TimeoutError:
                message = f"{spool.size} bytes were received in {self._upload_s_max:.0f} s: send the file faster"
                raise Invalid.field("chunk", message, "UPLOAD_TOO_SLOW", limit_s=f"{self._upload_s_max:.0f}") from None
            yield upload


async def _steady(parts: AsyncIterator[bytes], idle_s: float) -> AsyncIterator[bytes]:
    """The parts, as long as each arrives within `idle_s` seconds."""
    while True:
        try:
            async with asyncio.timeout(idle_s):
                part = await anext(parts)
        except StopAsyncIteration:
            return
        except TimeoutError:
            message = f"nothing was received for {idle_s:g} s: send the file without pauses"
            raise Invalid.field("chunk", message, "UPLOAD_TOO_SLOW", idle_limit_s=f"{idle_s:g}") from None
        yield part


async def _received(parts: AsyncIterator[bytes], spool: Spool) -> Upload:
    waiting, digest = bytearray(), hashlib.sha256()

    def write() -> None:
        spool.write(waiting)
        digest.update(waiting)
        waiting.clear()

    async for part in parts:
        waiting += part
        if spool.size + len(waiting) > FILE_BYTES_MAX:
            message = f"a zone file has at most {FILE_BYTES_MAX} bytes"
            raise Invalid.field("chunk", message, "TOO_LARGE", limit=str(FILE_BYTES_MAX))
        if len(waiting) >= _WRITTEN_BYTES:
            await in_thread(write)
    await in_thread(write)
    if not spool.size:
        raise Invalid.field("chunk", "no file content followed the header")
    return Upload(spool, digest.digest())
