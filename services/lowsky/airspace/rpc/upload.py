"""A file that comes in chunks after its header, within limits that hold while it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from lowsky.airspace.reading.document import FILE_BYTES_MAX
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.errors import Invalid, Overloaded

HELD_BYTES_MAX = 2 * FILE_BYTES_MAX
"""Of all uploads under way in one worker: what bounds its memory, however many publishers call and however slowly."""

RETRY_AFTER_S = 5.0

UPLOAD_S_MAX = 600.0
"""For the whole of a file to come, so that nobody holds room by sending slowly: 128 MiB at 2 Mbit/s take 540 s."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A header and the file that followed it."""

    header: pb.ImportHeader
    data: bytes


class Uploads:
    """Receives files; what it gives counts as held until it is released."""

    def __init__(self, upload_s_max: float = UPLOAD_S_MAX) -> None:
        self._upload_s_max = upload_s_max
        self.held_bytes = 0
        """Of uploads that are under way or not yet released."""

    async def receive(
        self, requests: AsyncIterator[pb.ImportGeozonesRequest], admit: Callable[[pb.ImportHeader], None]
    ) -> Upload:
        """Reads the stream to its end; `admit` sees the header before any byte is taken. Release what comes of it.

        Raises:
            Invalid: No header first, another one later, nothing of a file, more of it than FILE_BYTES_MAX, or it came
                too slowly.
            Overloaded: Other uploads hold what this worker has room for.
        """
        header: pb.ImportHeader | None = None
        chunks = bytearray()
        try:
            async with asyncio.timeout(self._upload_s_max):
                async for request in requests:
                    if request.HasField("header"):
                        if header is not None:
                            raise Invalid.field("header", "the header comes once, before the first chunk")
                        header = request.header
                        admit(header)
                    elif header is None:
                        raise Invalid.field("header", "the header comes before the first chunk")
                    else:
                        self._hold(len(request.chunk), len(chunks))
                        chunks += request.chunk
            return Upload(*_whole(header, chunks))
        except TimeoutError:
            self.held_bytes -= len(chunks)
            message = f"{len(chunks)} bytes came in {self._upload_s_max:.0f} s: send the file faster"
            raise Invalid.field("chunk", message, "UPLOAD_TOO_SLOW", limit_s=f"{self._upload_s_max:.0f}") from None
        except BaseException:
            self.held_bytes -= len(chunks)
            raise

    def release(self, upload: Upload) -> None:
        """The file is no longer needed."""
        self.held_bytes -= len(upload.data)

    def _hold(self, size: int, before: int) -> None:
        if before + size > FILE_BYTES_MAX:
            raise Invalid.field(
                "chunk", f"a zone file has at most {FILE_BYTES_MAX} bytes", "TOO_LARGE", limit=str(FILE_BYTES_MAX)
            )
        if self.held_bytes + size > HELD_BYTES_MAX:
            raise Overloaded("too many zone files are on their way to this worker", retry_after_s=RETRY_AFTER_S)
        self.held_bytes += size


def _whole(header: pb.ImportHeader | None, chunks: bytearray) -> tuple[pb.ImportHeader, bytes]:
    if header is None:
        raise Invalid.field("header", "nothing came: send the header, then the file in chunks")
    if not chunks:
        raise Invalid.field("chunk", "nothing of a file came after the header")
    return header, bytes(chunks)
