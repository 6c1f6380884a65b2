"""A file that comes in chunks after its header, within limits that hold while it comes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from lowsky.airspace.reading.document import FILE_BYTES_MAX
from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.errors import Invalid, Overloaded

HELD_BYTES_MAX = 4 * FILE_BYTES_MAX
"""Of all uploads under way in one worker: what bounds its memory, however many publishers call and however slowly."""

RETRY_AFTER_S = 5.0


@dataclass(frozen=True, slots=True)
class Upload:
    """A header and the file that followed it."""

    header: pb.ImportHeader
    data: bytes


class Uploads:
    """Receives files; what it gives counts as held until it is released."""

    def __init__(self) -> None:
        self._held_bytes = 0

    async def receive(
        self, requests: AsyncIterator[pb.ImportGeozonesRequest], admit: Callable[[pb.ImportHeader], None]
    ) -> Upload:
        """Reads the stream to its end; `admit` sees the header before any byte is taken. Release what comes of it.

        Raises:
            Invalid: No header first, another one later, nothing of a file, or more of it than FILE_BYTES_MAX.
            Overloaded: Other uploads hold what this worker has room for.
        """
        header: pb.ImportHeader | None = None
        chunks = bytearray()
        try:
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
            if header is None:
                raise Invalid.field("header", "nothing came: send the header, then the file in chunks")
            if not chunks:
                raise Invalid.field("chunk", "nothing of a file came after the header")
            return Upload(header, bytes(chunks))
        except BaseException:
            self._held_bytes -= len(chunks)
            raise

    def release(self, upload: Upload) -> None:
        """The file is no longer needed."""
        self._held_bytes -= len(upload.data)

    def _hold(self, size: int, before: int) -> None:
        if before + size > FILE_BYTES_MAX:
            raise Invalid.field(
                "chunk", f"a zone file has at most {FILE_BYTES_MAX} bytes", "TOO_LARGE", limit=str(FILE_BYTES_MAX)
            )
        if self._held_bytes + size > HELD_BYTES_MAX:
            raise Overloaded("too many zone files are on their way to this worker", retry_after_s=RETRY_AFTER_S)
        self._held_bytes += size
