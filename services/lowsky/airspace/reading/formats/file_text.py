"""Reads the text of a file with a bounded part in memory, and converts bytes to positions in the file."""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from typing import BinaryIO

import numpy as np

from lowsky.airspace.reading.formats.json_parsing import FILE_BYTES_MAX
from lowsky.airspace.reading.report import FilePosition, UnreadableZones

STEP_BYTES = 1024 * 1024
"""Read at once."""

_BOM = codecs.BOM_UTF8
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark this one begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"<\x00?\x00", "utf-16-le"),  # an XML declaration without a mark
    (b"\x00<\x00?", "utf-16-be"),
)

DECLARATION_BYTES_MAX = 1024
"""An XML declaration takes some fifty."""
_DECLARATION = re.compile(rb"\s*<\?xml\s[^>]*?\bencoding\s*=\s*[\"']([A-Za-z][A-Za-z0-9._:-]{0,40})[\"']")
_ENCODINGS = re.compile(
    r"gb2312|gbk|gb18030|hz|big5|big5hkscs|euc_\w+|shift_jis\w*|iso2022_\w+|johab|cp(?:[4789]\d\d|12\d\d)|iso8859-\d+"
    r"|koi8-\w|mac-\w+|tis-620|ptcp154|kz1048"
)
"""Of what Python knows the encodings of written texts: not those of binary data, host names or escapes."""
_SUPERSETS = {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "cp950"}
"""What files hold that declare these: the same and more characters (https://encoding.spec.whatwg.org/#names-and-labels)."""

Scratch = Callable[[], BinaryIO]
"""Makes an empty file, which is gone when the reading ends."""


class Text:
    """`text` is the part in memory, of which the part before `at` is already processed; `ended` at the end of file."""

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
        """Reads more, and discards the text before `at`; False at the end of the file.

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
            raise UnreadableZones("NOT_UTF8", "the file is not UTF-8 text: save it as UTF-8", at) from None
        self.at = 0
        return not self.ended

    def byte_of(self, at: int) -> int:
        """Where in the file a character of `text` begins."""
        return self._dropped_bytes + len(self.text[:at].encode())

    def place_of(self, at: int) -> FilePosition:
        """The same as a position; the text is not read on after that."""
        return place(self._file, self.byte_of(at))


def utf8(file: BinaryIO, scratch: Scratch) -> BinaryIO:
    """The file; where a byte order mark says UTF-16 or UTF-32, another one with the same text in UTF-8.

    Raises:
        UnreadableZones: NOT_UTF8, TOO_LARGE.
    """
    file.seek(0)
    encoding = encoding_by_mark(file.read(4))
    return file if encoding is None else _recoded(file, encoding, encoding, scratch)


def xml_utf8(file: BinaryIO, scratch: Scratch) -> BinaryIO:
    """The file; where a mark or its XML declaration says another encoding, another one with the same text in UTF-8.

    The declaration is not changed. Where it states UTF-16 for bytes that are not, they are read as UTF-8.

    Raises:
        UnreadableZones: ENCODING_UNSUPPORTED, NOT_UTF8, TOO_LARGE.
    """
    file.seek(0)
    head = file.read(DECLARATION_BYTES_MAX)
    if head.startswith(_BOM):
        return file
    if (marked := encoding_by_mark(head)) is not None:
        return _recoded(file, marked, marked, scratch)
    declaration = _DECLARATION.match(head)
    if declaration is None:
        return file
    label = declaration[1].decode("ascii")
    try:
        codec = codecs.lookup(label).name
    except LookupError:
        codec = ""
    if codec.startswith(("utf-8", "utf-16", "utf-32", "ascii")):
        return file
    if not _ENCODINGS.fullmatch(codec):
        message = f"the file declares the encoding {label}, which is not read: save it as UTF-8"
        raise UnreadableZones("ENCODING_UNSUPPORTED", message)
    return _recoded(file, _SUPERSETS.get(codec, codec), label, scratch)


def encoding_by_mark(head: bytes) -> str | None:
    """What a byte order mark says, or an XML declaration in UTF-16; None for all else."""
    return next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)


def is_utf8_at(file: BinaryIO, byte: int) -> bool:
    """Whether a character of UTF-8 begins there, or nothing more comes."""
    file.seek(byte)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(file.read(4))
    except UnicodeDecodeError as fault:
        return fault.start > 0
    return True


def _recoded(file: BinaryIO, encoding: str, label: str, scratch: Scratch) -> BinaryIO:
    into = scratch()
    file.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        while data := file.read(STEP_BYTES):
            into.write(decoder.decode(data).encode())
            if into.tell() > FILE_BYTES_MAX:
                raise UnreadableZones("TOO_LARGE", f"in UTF-8 the file has more than {FILE_BYTES_MAX} bytes")
        into.write(decoder.decode(b"", final=True).encode())
    except UnicodeError:
        message = f"the file is declared as {label}, but contains invalid characters: save it as UTF-8"
        raise UnreadableZones("NOT_UTF8", message) from None
    return into


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
