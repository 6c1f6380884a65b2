"""The text of a file, of which a bounded part is in memory; and where in the file a byte is."""

from __future__ import annotations

import codecs
from typing import BinaryIO

import numpy as np

from lowsky.airspace.reading.report import FilePosition, UnreadableZones

STEP_BYTES = 1024 * 1024
"""Read at once."""

_BOM = codecs.BOM_UTF8
_OTHER_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark this one begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


class Text:
    """What is in memory is `text`, of which the part before `at` is done with; `ended` when no more is to come."""

    def __init__(self, file: BinaryIO) -> None:
        """A seekable UTF-8 file, from its beginning."""
        file.seek(0)
        self._dropped_bytes = len(_BOM) if file.read(len(_BOM)) == _BOM else 0
        file.seek(self._dropped_bytes)
        self._file = file
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self.text = ""
        self.at = 0
        self.ended = False

    def more(self) -> bool:
        """Reads on, and forgets what lies before `at`; False at the end of the file.

        Raises:
            UnreadableZones: NOT_UTF8.
        """
        if self.ended:
            return False
        self._dropped_bytes = self.byte_of(self.at)
        kept = self.text[self.at :]
        begins = self._file.tell() - len(self._decoder.getstate()[0])
        data = self._file.read(STEP_BYTES)
        self.ended = not data
        try:
            self.text = kept + self._decoder.decode(data, final=self.ended)
        except UnicodeDecodeError as fault:
            at = place(self._file, begins + fault.start)
            raise UnreadableZones("NOT_UTF8", "the file is not UTF-8 text", at) from None
        self.at = 0
        return not self.ended

    def byte_of(self, at: int) -> int:
        """Where in the file a character of `text` begins."""
        return self._dropped_bytes + len(self.text[:at].encode())

    def place_of(self, at: int) -> FilePosition:
        """The same as a position; the text is not read on after that."""
        return place(self._file, self.byte_of(at))


def utf8(file: BinaryIO, scratch: BinaryIO) -> BinaryIO:
    """The file; where a byte order mark says UTF-16 or UTF-32, the other one, with the same text in UTF-8.

    Raises:
        UnreadableZones: NOT_UTF8.
    """
    file.seek(0)
    head = file.read(4)
    for mark, encoding in _OTHER_BOMS:
        if head.startswith(mark):
            _recode(file, encoding, scratch)
            return scratch
    return file


def _recode(file: BinaryIO, encoding: str, into: BinaryIO) -> None:
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while data := file.read(STEP_BYTES):
            into.write(decoder.decode(data).encode())
        into.write(decoder.decode(b"", final=True).encode())
    except UnicodeError:
        raise UnreadableZones("NOT_UTF8", f"the file begins as {encoding} and goes on as none") from None


def place(file: BinaryIO, byte: int) -> FilePosition:
    """The line and the column of a byte of UTF-8 text; a byte order mark has no column."""
    file.seek(0)
    line, column, left = 1, 1, byte
    if file.read(len(_BOM)) == _BOM and byte >= len(_BOM):
        left -= len(_BOM)
    else:
        file.seek(0)
    while left and (data := file.read(min(left, STEP_BYTES))):
        left -= len(data)
        last = data.rfind(b"\n")
        if last >= 0:
            line += data.count(b"\n")
            column = 1
        column += _characters(data[last + 1 :])
    return FilePosition(byte, line, column)


def _characters(data: bytes) -> int:
    """How many begin here: all bytes but those that go on with one."""
    return int(np.count_nonzero((np.frombuffer(data, dtype=np.uint8) & 0xC0) != 0x80))
