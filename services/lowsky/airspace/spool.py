"""Temporary files in place of memory: without a name, so that they are gone with the process, and bounded together."""

from __future__ import annotations

import tempfile
import threading
from types import TracebackType

from lowsky.errors import Overloaded

RETRY_AFTER_S = 5.0


class Room:
    """How many bytes the files of one kind may have, all together, in this worker."""

    def __init__(self, bytes_max: int, what: str) -> None:
        self.held_bytes = 0
        self._bytes_max = bytes_max
        self._what = what
        self._lock = threading.Lock()

    def spool(self) -> Spool:
        """A new file."""
        return Spool(self)

    def hold(self, size: int, held: int) -> None:
        """Takes room for who holds some already.

        Raises:
            Overloaded: There is not as much left. What it held is given back at once, or others that come at this very
                moment would be refused for the sake of one that is given up.
        """
        with self._lock:
            if self.held_bytes + size > self._bytes_max:
                self.held_bytes -= held
                raise Overloaded(f"too many {self._what} are under way in this worker", retry_after_s=RETRY_AFTER_S)
            self.held_bytes += size

    def give_back(self, size: int) -> None:
        """Others may have it."""
        with self._lock:
            self.held_bytes -= size


class Spool:
    """A file that is written, then read; it holds its room until it is closed.

    It lies where temporary files do (TMPDIR), which should be a disk.
    """

    def __init__(self, room: Room) -> None:
        self._room = room
        self.size = 0
        self.file = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the spool

    def write(self, data: bytes | bytearray) -> None:
        """Appends.

        Raises:
            Overloaded: There is no room for it: the file is given up.
        """
        try:
            self._room.hold(len(data), self.size)
        except Overloaded:
            self.size = 0
            self.file.close()
            raise
        self.size += len(data)
        self.file.write(data)

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.file.close()
        self._room.give_back(self.size)
