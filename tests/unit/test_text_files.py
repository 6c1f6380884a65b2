"""Files as people save them are read, in one piece and in many."""

from __future__ import annotations

import pytest

from lowsky.text_files import ADVICE, NotText, ToUtf8, decode

TEXT = '{"name": "上海 Füße"}\r\n' * 3
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]
BIG_ENDIAN = [b"\xfe\xff" + TEXT.encode("utf-16-be"), b"\0\0\xfe\xff" + TEXT.encode("utf-32-be")]
SAVED = [TEXT.encode(encoding) for encoding in ENCODINGS] + BIG_ENDIAN


@pytest.mark.parametrize("data", SAVED)
def test_a_file_is_read_as_its_byte_order_mark_says(data: bytes) -> None:
    assert decode(data) == TEXT


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("data", SAVED)
def test_a_file_that_comes_in_pieces_is_read_alike(data: bytes, size: int) -> None:
    to_utf8 = ToUtf8()
    pieces = [to_utf8.feed(data[at : at + size]) for at in range(0, len(data), size)]
    assert (b"".join(pieces) + to_utf8.feed(b"", final=True)).decode() == TEXT


@pytest.mark.parametrize("data", [b"", b"{", b"\xef\xbb\xbf"])
def test_what_is_short_is_read_too(data: bytes) -> None:
    to_utf8 = ToUtf8()
    assert (to_utf8.feed(data) + to_utf8.feed(b"", final=True)).decode() == decode(data)


@pytest.mark.parametrize("data", [b"\x93smart\x94", TEXT.encode("gb18030"), b"{\0}\0", b"\0{\0}", b"\xff\xfe{"])
def test_what_is_no_text_says_what_to_do(data: bytes) -> None:
    with pytest.raises(NotText, match=ADVICE):
        decode(data)


def test_a_file_that_breaks_off_within_a_character_is_refused_at_its_end() -> None:
    to_utf8 = ToUtf8()
    to_utf8.feed(b"\xff\xfe{\0}")
    with pytest.raises(NotText, match=ADVICE):
        to_utf8.feed(b"", final=True)
