"""A file that is sent in messages: its header first, then its chunks."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from lowsky.api.airspace.v1 import geozones_pb2 as pb
from lowsky.errors import Invalid


class Messages:
    """The stream of one import; `admit` checks the header before any byte of the file is accepted."""

    def __init__(
        self, requests: AsyncIterator[pb.ImportGeozonesRequest], admit: Callable[[pb.ImportHeader], None]
    ) -> None:
        self._requests = requests
        self._admit = admit
        self._header: pb.ImportHeader | None = None

    def require_header(self) -> pb.ImportHeader:
        """The header, which has been received by the end of the parts. Raises Invalid where nothing was received."""
        if self._header is None:
            raise Invalid.field("header", "nothing was received: send the header, then the file in chunks")
        return self._header

    async def parts(self) -> AsyncIterator[bytes]:
        """The part of the file in each message; empty for the header.

        Raises:
            Invalid: No header first, another one later, or none at all.
        """
        async for request in self._requests:
            if request.HasField("header"):
                if self._header is not None:
                    raise Invalid.field("header", "send the header only once, before the first chunk")
                self._header = request.header
                self._admit(request.header)
                yield b""
            elif self._header is None:
                raise Invalid.field("header", "send the header before the first chunk")
            else:
                yield request.chunk
        self.require_header()
