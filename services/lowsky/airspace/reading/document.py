"""Bytes to JSON values, with the faults named that would make a reader guess."""

from __future__ import annotations

import codecs
import json
import re
from itertools import chain
from typing import NoReturn

import numpy as np

from lowsky.airspace.reading.piecewise import parse_in_pieces
from lowsky.airspace.reading.report import FilePosition, UnreadableZones

FILE_BYTES_MAX = 128 * 1024 * 1024
"""National files are 1 to 30 MB."""
WHOLE_BYTES_MAX = 16 * 1024 * 1024
"""Larger files are parsed zone by zone: parsed as a whole, JSON takes some ten times its memory."""
_DEPTH_STEP = 1_000_000
"""Brackets that are counted at once."""
DEPTH_MAX = 64
"""A MultiPolygon in a GeometryCollection in a feature is 11 deep."""
INTEGER_DIGITS_MAX = 300
"""No longer number fits a float."""

_BOM = b"\xef\xbb\xbf"
_OTHER_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark this one begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# A string that never closes is one token to the end of the file: damaged files are scanned once, not once a quote.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_TOKEN = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]|-?\b(?:NaN|Infinity)\b', re.DOTALL)


class RepeatedKeys(dict[str, object]):
    """An object that names a key twice: which of the values was meant cannot be known."""

    key = ""


_CONTAINERS = {list, dict, RepeatedKeys}


class _NotANumber(ValueError):
    pass


def parse(data: bytes) -> object:
    """The JSON value of a file; objects with repeated keys are `RepeatedKeys`.

    UTF-8, or UTF-16 and UTF-32 where a byte order mark says so; places are then those of the same text in UTF-8.

    Raises:
        UnreadableZones: TOO_LARGE, NOT_UTF8, NOT_JSON, NOT_A_NUMBER or TOO_DEEP, with the place.
    """
    if len(data) > FILE_BYTES_MAX:
        raise UnreadableZones("TOO_LARGE", f"the file has {len(data)} bytes; {FILE_BYTES_MAX} is the most")
    data = _utf8(data)
    body = data.removeprefix(_BOM)
    shift = len(data) - len(body)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as fault:
        message = "the file is not UTF-8 text"
        raise UnreadableZones("NOT_UTF8", message, _place(data, shift + fault.start)) from None
    _check_depth(data)
    try:
        value: object = _DECODER.decode(text) if len(data) <= WHOLE_BYTES_MAX else parse_in_pieces(text, _DECODER)
    except json.JSONDecodeError as fault:
        byte = shift + len(text[: fault.pos].encode())
        raise UnreadableZones("NOT_JSON", f"the file is not JSON: {fault.msg}", _place(data, byte)) from None
    except _NotANumber as fault:
        raise UnreadableZones("NOT_A_NUMBER", f"{fault} is not a number", _constant_place(data)) from None
    except RecursionError:
        raise UnreadableZones("TOO_DEEP", "the file is nested too deeply") from None
    return value


def _utf8(data: bytes) -> bytes:
    for mark, encoding in _OTHER_BOMS:
        if data.startswith(mark):
            try:
                return data.decode(encoding).encode()
            except UnicodeError:
                raise UnreadableZones("NOT_UTF8", f"the file begins as {encoding} and goes on as none") from None
    return data


def repeated_key(value: object) -> str | None:
    """A key that some object within the value names twice, else None. Only worth asking when the file may hold one."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, RepeatedKeys):
            return item.key
        if isinstance(item, dict):
            waiting.extend(item.values())
        elif isinstance(item, list):
            # A list of positions, of which there are a million, is done with in one look at what is in them.
            elements = item
            while set(map(type, elements)) == {list}:
                elements = list(chain.from_iterable(elements))
            if not _CONTAINERS.isdisjoint(map(type, elements)):
                waiting.extend(element for element in elements if isinstance(element, (dict, list)))
    return None


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    names = [name for name, _ in pairs]
    repeated = RepeatedKeys(value)
    repeated.key = next(name for name in names if names.count(name) > 1)
    return repeated


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= INTEGER_DIGITS_MAX else float(digits)


def _constant(name: str) -> NoReturn:
    raise _NotANumber(name)


_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer)


def _check_depth(data: bytes) -> None:
    if _depth(data) <= DEPTH_MAX:
        return
    depth = 0  # token by token only now, to name the place
    for token in _TOKEN.finditer(data):
        first = token[0][:1]
        if first in b"[{":
            depth += 1
            if depth > DEPTH_MAX:
                message = f"the file is nested deeper than {DEPTH_MAX}"
                raise UnreadableZones("TOO_DEEP", message, _place(data, token.start()))
        elif first in b"]}":
            depth -= 1


def _depth(data: bytes) -> int:
    brackets = np.frombuffer(_STRING.sub(b"", data).translate(None, _ALL_BUT_BRACKETS), dtype=np.uint8)
    deepest = depth = 0
    for start in range(0, len(brackets), _DEPTH_STEP):
        some = brackets[start : start + _DEPTH_STEP]
        depths = depth + np.where((some == ord("[")) | (some == ord("{")), 1, -1).cumsum()
        deepest, depth = max(deepest, int(depths.max())), int(depths[-1])
    return deepest


def _constant_place(data: bytes) -> FilePosition | None:
    for token in _TOKEN.finditer(data):
        if token[0].lstrip(b"-") in (b"NaN", b"Infinity"):
            return _place(data, token.start())
    return None


def _place(data: bytes, byte: int) -> FilePosition:
    line_start = data.rfind(b"\n", 0, byte) + 1
    column = len(data[line_start:byte].removeprefix(_BOM).decode("utf-8", "replace")) + 1
    return FilePosition(byte, data.count(b"\n", 0, byte) + 1, column)
