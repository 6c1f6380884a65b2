"""Standard output and error that never fail a command: the exit code reports the operation, not printing.

A character that the terminal's encoding lacks is printed as "?" (in JSON as an escape: nothing is lost). Output to a
pipe whose reader has exited is dropped silently. If standard output fails for another reason, such as a full disk, the
rest is written to standard error.
"""

from __future__ import annotations

import contextlib
import errno
import io
import os
import select
import sys
from typing import Any, Final, TextIO

_STDERR: Final = 2


class _Lenient(io.RawIOBase):
    """Writes to a descriptor while that works; never raises."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self.problem: OSError | None = None

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: Any) -> int:
        while self.problem is None:
            try:
                return os.write(self._descriptor, data)
            except BlockingIOError:  # whoever started us left the pipe in that mode
                select.select((), (self._descriptor,), ())
            except OSError as error:
                self.problem = error
                if not self.reader_left:
                    _to_stderr(f"lowsky: standard output cannot be written ({error.strerror}); the rest:\n".encode())
        if not self.reader_left and self._descriptor != _STDERR:
            _to_stderr(bytes(data))
        return len(data)

    @property
    def reader_left(self) -> bool:
        """Whether a pipe is closed at its other end."""
        return self.problem is not None and self.problem.errno == errno.EPIPE


def protect() -> None:
    """Replaces the interpreter's streams by lenient ones. Call once, before anything is printed."""
    sys.stdout = _lenient(sys.stdout)
    sys.stderr = _lenient(sys.stderr)


def lost() -> OSError | None:
    """The error because of which standard output can no longer be written; None while it can."""
    raw = _raw(sys.stdout)
    return None if raw is None else raw.problem


def reader_left() -> bool:
    """Whether the reader of standard output has exited (`| head`)."""
    raw = _raw(sys.stdout)
    return raw is not None and raw.reader_left


def encodes_everything(stream: TextIO) -> bool:
    """Whether a stream's encoding has all characters."""
    return (stream.encoding or "").lower().replace("_", "-").startswith(("utf-8", "utf8", "utf-16", "utf-32"))


def _lenient(stream: TextIO | None) -> TextIO:
    if stream is None:  # closed by whoever started us
        return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123  # for as long as the process
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(_Lenient(stream.fileno())),
        encoding=stream.encoding,
        errors="replace",
        line_buffering=stream.isatty() or stream.fileno() == _STDERR,
    )


def _raw(stream: TextIO) -> _Lenient | None:
    raw = getattr(getattr(stream, "buffer", None), "raw", None)
    return raw if isinstance(raw, _Lenient) else None


def _to_stderr(data: bytes) -> None:
    with contextlib.suppress(OSError):
        os.write(_STDERR, data)
