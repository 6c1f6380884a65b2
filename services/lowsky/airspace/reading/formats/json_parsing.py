"""Parses JSON values, and reports faults that would make a reader guess."""

from __future__ import annotations

import re
from itertools import chain, islice
from json import JSONDecoder
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

FILE_BYTES_MAX = 128 * 1024 * 1024
"""National files are 1 to 30 MB."""
ZONE_TEXT_MAX = 4 * 1024 * 1024
"""Characters of one zone, or of another value that is parsed as a whole: as many as its event may have bytes. Parsed,
JSON takes ten to twenty times its text: this is what bounds the memory."""
DEPTH_MAX = 64
"""A MultiPolygon in a GeometryCollection in a feature is 11 deep."""
INTEGER_DIGITS_MAX = 300
"""No longer number fits a float."""

_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[\[{]|[\]}]|-?\b(?:NaN|Infinity)\b', re.DOTALL)
_ALL_BUT_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_STEPS = np.full(256, -1, dtype=np.int8)
_STEPS[list(b"[{")] = 1


class RepeatedKeys(dict[str, object]):
    """An object that contains a key twice: it is unknown which value is meant."""

    key = ""


class TooLarge(dict[str, object]):
    """A zone of more than ZONE_TEXT_MAX characters: those of its members that are small, to name it by."""


class NotANumber(ValueError):
    """NaN, Infinity or -Infinity, which JSON does not have."""


_CONTAINERS = {list, dict, RepeatedKeys, TooLarge}


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
            # Fast path: a list of positions, of which there are a million, is checked by element types at once.
            elements = item
            while set(map(type, elements)) == {list}:
                elements = list(chain.from_iterable(elements))
            if not _CONTAINERS.isdisjoint(map(type, elements)):
                waiting.extend(element for element in elements if isinstance(element, (dict, list)))
    return None


def object_of(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The object of its members; `RepeatedKeys` when a key comes twice."""
    value = dict(pairs)
    if len(value) == len(pairs):
        return value
    names = [name for name, _ in pairs]
    repeated = RepeatedKeys(value)
    repeated.key = next(name for name in names if names.count(name) > 1)
    return repeated


def deeper_than(value: object, levels: int) -> bool:
    """Whether more objects and lists than that are within each other."""
    layer = [value]
    for _ in range(levels + 1):
        kinds = set(map(type, layer))
        if _CONTAINERS.isdisjoint(kinds):
            return False
        if kinds != {list}:
            layer = [
                item.values() if isinstance(item, dict) else item for item in layer if isinstance(item, (dict, list))
            ]
        layer = list(chain.from_iterable(layer))  # type: ignore[arg-type]
    return True


def brackets(text: str) -> NDArray[np.int32]:
    """How deep it is after each bracket of a text without strings, counted from where it begins."""
    found = np.frombuffer(text.encode().translate(None, _ALL_BUT_BRACKETS), dtype=np.uint8)
    return _STEPS[found].cumsum(dtype=np.int32)


def opening(text: str, start: int, levels: int) -> int:
    """Where the bracket is that opens more levels than that."""
    depth = 0
    for token in _TOKEN.finditer(text, start):
        depth += {"[": 1, "{": 1, "]": -1, "}": -1}.get(token[0], 0)
        if depth > levels:
            return token.start()
    return start


def constant(text: str, start: int) -> int:
    """Where the first constant is that is no number."""
    found = (token.start() for token in _TOKEN.finditer(text, start) if token[0].lstrip("-") in ("NaN", "Infinity"))
    return next(islice(found, 1), start)


def _integer(digits: str) -> int | float:
    return int(digits) if len(digits) <= INTEGER_DIGITS_MAX else float(digits)


def _constant(name: str) -> NoReturn:
    raise NotANumber(name)


DECODER = JSONDecoder(object_pairs_hook=object_of, parse_constant=_constant, parse_int=_integer)
