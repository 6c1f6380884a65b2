"""Writes the answers of many flights, one line of JSON each."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import IO, Any

from lowsky.cli import streams
from lowsky.cli.exits import Exit
from lowsky.cli.problems import Problem, invalid

STDOUT = "-"

_BLOCK_BYTES = 64 * 1024


class Answers:
    """A file of answers, or standard output. Each line is flushed to the system before the next answer."""

    def __init__(self, target: Path | None, *, resumed: bool, overwrite: bool) -> None:
        """Without a target: standard output.

        Raises:
            Problem: ANSWERS_EXIST, of a run whose journal is missing: those flights would be submitted again.
        """
        self.target = target
        self._file: IO[bytes]
        if target is None:
            self._file = sys.stdout.buffer
        elif overwrite:
            self._file = target.open("wb", buffering=0)
        elif not resumed and target.exists() and target.stat().st_size:
            raise invalid(
                "ANSWERS_EXIST",
                f"{target} exists, from an earlier run whose journal is missing",
                "restore the journal; to submit all the flights again, move the answers away",
            )
        else:
            self._file = target.open("ab", buffering=0)
            _cut_torn_line(target)

    def write(self, document: dict[str, Any]) -> None:
        """Writes one answer.

        Raises:
            Problem: ANSWERS_UNREAD, if standard output can no longer be written.
        """
        self._file.write(json.dumps(document, ensure_ascii=False).encode(errors="replace") + b"\n")
        if self.target is None:
            self._file.flush()
            if streams.lost() is not None:
                raise Problem(
                    "ANSWERS_UNREAD", "standard output was closed, the answers are not read any more", Exit.UNAVAILABLE
                )

    def close(self) -> None:
        """Writes everything to the disk."""
        if self.target is not None:
            os.fsync(self._file.fileno())
            self._file.close()


def _cut_torn_line(path: Path) -> None:
    """Removes an incomplete last line of a killed run: its flight is not in the journal either, and is answered
    again."""
    with path.open("r+b") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - _BLOCK_BYTES)
            file.seek(start)
            newline = file.read(end - start).rfind(b"\n")
            if newline >= 0:
                file.truncate(start + newline + 1)
                return
            end = start
        file.truncate(0)
