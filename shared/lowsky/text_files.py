"""Text files in UTF-8, or in the encoding that a byte order mark states (PowerShell and Notepad write UTF-16)."""

from __future__ import annotations

import codecs

ADVICE = "save the file as UTF-8"

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark this one begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BOM_BYTES_MAX = 4


class NotText(ValueError):
    """The bytes are no text that can be read; the message says what to do."""


def encoding_of(head: bytes) -> str:
    """The name that codecs know, from the first four bytes of a file or more.

    Raises:
        NotText: It looks like UTF-16 or UTF-32 without a byte order mark.
    """
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            return encoding
    if b"\0" in head[:_BOM_BYTES_MAX]:  # no text that begins with ASCII, as JSON and TOML do, has one in UTF-8
        raise NotText(f"this looks like UTF-16 without a byte order mark: {ADVICE}")
    return "utf-8"


def decode(data: bytes) -> str:
    """The text of a whole file, without its byte order mark.

    Raises:
        NotText
    """
    encoding = encoding_of(data)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as fault:
        raise NotText(_message(encoding, fault.start)) from None


class ToUtf8:
    """A file that comes in pieces, in UTF-8 whatever it is written in. One in UTF-8 goes through as it is."""

    def __init__(self) -> None:
        self._head = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._encoding = ""
        self._taken = 0

    @property
    def recodes(self) -> bool:
        """Whether the file is in another encoding, and has another length than what comes out."""
        return self._decoder is not None

    def feed(self, data: bytes, *, final: bool = False) -> bytes:
        """The next piece.

        Raises:
            NotText
        """
        if not self._encoding:
            self._head += data
            if len(self._head) < _BOM_BYTES_MAX and not final:
                return b""
            self._encoding, data = encoding_of(self._head), self._head
            if self._encoding == "utf-8-sig":
                data = data[len(codecs.BOM_UTF8) :]
            elif self._encoding != "utf-8":
                self._decoder = codecs.getincrementaldecoder(self._encoding)()
        if self._decoder is None:
            return data
        try:
            text = self._decoder.decode(data, final)
            self._taken += len(data)
            return text.encode()
        except UnicodeError:
            raise NotText(_message(self._encoding, self._taken)) from None


def _message(encoding: str, byte: int) -> str:
    name = encoding.removesuffix("-sig").upper()
    return f"the text is not {name} at byte {byte} or soon after: {ADVICE}"
