"""Unnamed temporary files that replace memory: removed when the process ends, and with a limit on their total size."""

from __future__ import annotations

import tempfile
import threading
from collections import Counter
from types import TracebackType

from lowsky.errors import Overloaded

RETRY_AFTER_S = 5.0


class Room:
    """Limits the bytes of the files of one kind in this worker, in total and for each holder.

    Args:
        share_max: The limit for one holder, so that it leaves room for others; the total unless given.
    """

    def __init__(self, bytes_max: int, what: str, *, share_max: int | None = None) -> None:
        self.held_bytes = 0
        self._held_by: Counter[str] = Counter()
        self._bytes_max = bytes_max
        self._share_max = bytes_max if share_max is None else share_max
        self._what = what
        self._lock = threading.Lock()

    def spool(self, holder: str = "") -> Spool:
        """A new file of a holder."""
        return Spool(self, holder)

    def hold(self, holder: str, size: int, held: int) -> None:
        """Reserves more room for a file that already holds some.

        Raises:
            Overloaded: Not enough is left, in total or for this holder. The file's room is released at once; otherwise
                concurrent callers would be refused because of a file that is abandoned anyway.
        """
        with self._lock:
            if self._held_by[holder] + size > self._share_max:
                self._release(holder, held)
                raise Overloaded(
                    f"your {self._what} under way here would together have more than {self._share_max} bytes: "
                    "send one after the other",
                    retry_after_s=RETRY_AFTER_S,
                )
            if self.held_bytes + size > self._bytes_max:
                self._release(holder, held)
                raise Overloaded(
                    f"the {self._what} of all publishers under way in this worker have {self._bytes_max} bytes, which "
                    "is the limit",
                    retry_after_s=RETRY_AFTER_S,
                )
            self.held_bytes += size
            self._held_by[holder] += size

    def give_back(self, holder: str, size: int) -> None:
        """Releases room for others."""
        with self._lock:
            self._release(holder, size)

    def _release(self, holder: str, size: int) -> None:
        self.held_bytes -= size
        self._held_by[holder] -= size
        if not self._held_by[holder]:
            del self._held_by[holder]


class Spool:
    """A file that is written, then read; it holds its room until it is closed.

    It lies where temporary files do (TMPDIR), which should be a disk.
    """

    def __init__(self, room: Room, holder: str) -> None:
        self._room = room
        self._holder = holder
        self.size = 0
        self.file = tempfile.TemporaryFile()  # noqa: SIM115  # closed with the spool

    def write(self, data: bytes | bytearray) -> None:
        """Appends.

        Raises:
            Overloaded: There is no room for it: the file is abandoned.
        """
        try:
            self._room.hold(self._holder, len(data), self.size)
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
        self._room.give_back(self._holder, self.size)
