"""Iterates over the zones of a JSON file with at most one in memory.

A file is a list of zones, an object that holds them in `features` or `UASZoneList`, or itself a zone; an entry of a
list that is a collection is replaced by its zones. A zone that is too large to be parsed is skipped to its end, and
returned as `TooLarge`. Errors and their positions are those of `json.loads`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from json import JSONDecodeError
from typing import BinaryIO

from lowsky.airspace.reading.attributes.json_values import empty
from lowsky.airspace.reading.formats import json_parsing
from lowsky.airspace.reading.formats.file_layout import LIST_KEYS, holds_zones, require_zone_file
from lowsky.airspace.reading.formats.file_text import Scratch, Text, utf8
from lowsky.airspace.reading.formats.json_parsing import (
    DECODER,
    DEPTH_MAX,
    NotANumber,
    RepeatedKeys,
    TooLarge,
    brackets,
)
from lowsky.airspace.reading.formats.stated_systems import crs_members
from lowsky.airspace.reading.report import UnreadableZones

MEMBERS_MAX = 10_000
"""Of one object that is gone through member by member; a zone has some twenty."""
_LISTS_MAX = 2
"""Of zones within each other: the file's, and that of an entry of this one."""

_SPACE = re.compile(r"[ \t\n\r]*+")
_PLAIN = re.compile(r'[^"\[\]{}]*+')
_REST = re.compile(r'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
_STRING = re.compile(rf'"{_REST.pattern}("?)', re.DOTALL)
"""A string that does not end is one to the end."""
_FOLLOWED = 1024 * 1024
"""Characters of a value that is too large to be parsed, looked through at once."""


class JsonZones:
    """The entries of a file, each time from its beginning; `members` are the file's others, once all have come."""

    def __init__(self, file: BinaryIO, scratch: Scratch) -> None:
        """Of a seekable file, and what makes one to put the text into where it has to be recoded.

        Raises:
            UnreadableZones: NOT_UTF8, TOO_LARGE.
        """
        self._file = utf8(file, scratch)
        self._levels_max: int | None = DEPTH_MAX
        """None once the whole file has been checked: no need to check again."""
        self.members: dict[str, object] = {}
        self.collections: list[list[object]] = []
        """What each collection of zones, the file first, states as its `crs`; known with the members."""

    def __iter__(self) -> Iterator[object]:
        """JSON values of any kind.

        Raises:
            UnreadableZones: NOT_UTF8, NOT_JSON, NOT_A_NUMBER, TOO_DEEP, REPEATED_KEY, TOO_LARGE, NOT_A_ZONE_FILE.
        """
        text = Text(self._file)
        walk = _Walk(text, self._levels_max)
        try:
            yield from walk.file()
        except JSONDecodeError as fault:
            message = f"the file is not JSON: {fault.msg}"
            raise UnreadableZones("NOT_JSON", message, text.place_of(fault.pos)) from None
        except NotANumber as fault:
            at = text.place_of(json_parsing.constant(text.text, text.at))
            raise UnreadableZones("NOT_A_NUMBER", f"{fault} is not a number", at) from None
        self.members = walk.members
        self.collections = [walk.stated, *walk.stated_within]
        self._levels_max = None


class _Walk:
    """`lists` counts the lists of zones around what comes next."""

    def __init__(self, text: Text, levels_max: int | None) -> None:
        self._levels_max = levels_max
        self._text = text
        self._depth = 0
        """Of objects and lists around what comes next."""
        self._objects = False
        """Whether any entry was one."""
        self.members: dict[str, object] = {}
        self.stated: list[object] = []
        """By the file, as `crs`."""
        self.stated_within: list[list[object]] = []
        """By each collection within."""

    def file(self) -> Iterator[object]:
        first = self._next()
        if first == "[":
            count = 0
            for count, entry in enumerate(self._list(1), 1):  # noqa: B007  # how many there were
                yield entry
            if count and not self._objects:
                raise UnreadableZones("NOT_A_ZONE_FILE", "the file is a list, but not of zones")
        elif first == "{":
            yield from self._object(0)
        else:
            require_zone_file(self._value())
        if self._next():
            raise self._fault("Extra data")

    def _list(self, lists: int) -> Iterator[object]:
        self._open()
        done = self._ends("]", first=True)
        while not done:
            yield from self._entry(lists)
            done = self._ends("]")
        self._depth -= 1

    def _entry(self, lists: int) -> Iterator[object]:
        is_object = self._next() == "{"
        self._objects |= is_object
        value, end = self._parsed()
        if is_object and (isinstance(value, TooLarge) or (holds_zones(value) and lists < _LISTS_MAX)):
            yield from self._object(lists)
        else:
            self._pass(value, end)
            yield value

    def _object(self, lists: int) -> Iterator[object]:
        """The zones that an object holds, and the object where it is one; it is gone through member by member."""
        self._open()
        pairs: list[tuple[str, object]] = []
        room, held = json_parsing.ZONE_TEXT_MAX, False
        done = self._ends("}", first=True)
        while not done:
            key = self._key()
            if self._next() == "[" and key in LIST_KEYS and lists < _LISTS_MAX:
                held = True
                pairs.append((key, []))
                yield from self._list(lists + 1)
            else:
                value, end = self._parsed()
                room -= end - self._text.at
                self._pass(value, end)
                pairs.append((key, value if room >= 0 else TooLarge()))
            if len(pairs) > MEMBERS_MAX:
                raise UnreadableZones("TOO_LARGE", f"an object has more than {MEMBERS_MAX} members")
            done = self._ends("}")
        self._depth -= 1
        found = _together(pairs)
        # Before features or after them, too large to be parsed or not.
        stated = crs_members(pairs)
        if lists > 0 and held:
            self.stated_within.append(stated)
        if lists == 0:
            self.stated = stated
            if isinstance(found, RepeatedKeys):
                raise UnreadableZones("REPEATED_KEY", f"the file names {found.key!r} twice")
            require_zone_file(found)
            self.members = found
        geometry = dict(pairs).get("geometry")
        if not held or isinstance(found, RepeatedKeys) or isinstance(geometry, TooLarge) or not empty(geometry):
            yield found

    def _key(self) -> str:
        if self._next() != '"':
            raise self._fault("Expecting property name enclosed in double quotes")
        key = self._value()
        if not isinstance(key, str):
            raise UnreadableZones("TOO_LARGE", "the name of a member is too long")
        if self._next() != ":":
            raise self._fault("Expecting ':' delimiter")
        self._text.at += 1
        return key

    def _value(self) -> object:
        self._next()
        value, end = self._parsed()
        self._pass(value, end)
        return value

    def _parsed(self) -> tuple[object, int]:
        """The value that begins here and where it ends; TooLarge, and its beginning, where it is not parsed."""
        text = self._text
        while True:
            try:
                value, end = DECODER.raw_decode(text.text, text.at)
                # A truncated value may look complete: 12 of 123.
                if end < len(text.text) or text.ended:
                    if self._levels_max and json_parsing.deeper_than(value, self._levels_max - self._depth):
                        raise RecursionError
                    return value, end
            except JSONDecodeError as error:
                if text.ended or (self._is_long() and self._follow(within=True)):
                    # How deep the parser itself goes differs between versions of Python.
                    if text.at < self._too_deep_at() < error.pos:
                        raise self._too_deep() from None
                    raise
            except RecursionError:
                raise self._too_deep() from None
            if self._is_long():
                return TooLarge(), text.at
            # Read as much as a zone may have, so that nothing is parsed more than twice.
            while text.more() and not self._is_long():
                pass

    def _too_deep_at(self) -> int:
        return json_parsing.opening(self._text.text, self._text.at, DEPTH_MAX - self._depth)

    def _too_deep(self) -> UnreadableZones:
        position = self._text.place_of(self._too_deep_at())
        return UnreadableZones("TOO_DEEP", f"the file is nested deeper than {DEPTH_MAX}", position)

    def _is_long(self) -> bool:
        return len(self._text.text) - self._text.at > json_parsing.ZONE_TEXT_MAX

    def _pass(self, value: object, end: int) -> None:
        if isinstance(value, TooLarge):
            self._follow()
        else:
            self._text.at = end

    def _follow(self, *, within: bool = False) -> bool:
        """Skips the value that begins here; with `within`, only in memory: returns False and stays if it ends later."""
        text, start, depth, quote = self._text, self._text.at, 0, ""
        is_string = text.text[start] == '"'
        if not is_string and text.text[start] not in "[{":
            raise self._fault("Expecting value")
        while True:
            part = text.text[text.at : text.at + _FOLLOWED]
            plain, strings = _STRING.subn(r"\1", quote + part)
            is_open = strings > plain.count('"')
            depths = depth + brackets(plain)
            if (strings > is_open) if is_string else (depths <= 0).any():
                self._end(depth, in_string=bool(quote))
                return True
            depth = int(depths[-1]) if len(depths) else depth
            quote = '"' if is_open else ""
            held = is_open and plain.endswith("\\")  # with what it escapes
            text.at += len(part) - held
            if text.at + held >= len(text.text):
                if within:
                    text.at = start
                    return False
                if not text.more():
                    raise self._fault("Expecting ',' delimiter")

    def _end(self, depth: int, *, in_string: bool) -> None:
        """Passes the rest of a value whose end is in memory."""
        text = self._text
        while True:
            text.at = (_REST if in_string else _PLAIN).match(text.text, text.at).end()  # type: ignore[union-attr]
            sign, text.at = text.text[text.at], text.at + 1
            if in_string or sign == '"':
                in_string = not in_string
            else:
                depth += 1 if sign in "[{" else -1
            if depth == 0 and not in_string:
                return

    def _next(self) -> str:
        """The next character that is no space, "" at the end."""
        text = self._text
        while True:
            text.at = _SPACE.match(text.text, text.at).end()  # type: ignore[union-attr]  # matches nothing as well
            if text.at < len(text.text):
                return text.text[text.at]
            if not text.more():
                return ""

    def _open(self) -> None:
        self._text.at += 1
        self._depth += 1

    def _ends(self, end: str, *, first: bool = False) -> bool:
        """Whether the object or the list ends here; else the comma is passed, which comes not before the first."""
        found = self._next()
        if found != end:
            if first:
                return False
            if found != ",":
                raise self._fault("Expecting ',' delimiter")
        self._text.at += 1
        return found == end

    def _fault(self, message: str) -> JSONDecodeError:
        return JSONDecodeError(message, self._text.text, self._text.at)


def _together(pairs: list[tuple[str, object]]) -> dict[str, object]:
    """The object; without what was not parsed of it, it is TooLarge."""
    found = json_parsing.object_of(pairs)
    if isinstance(found, RepeatedKeys) or not any(isinstance(value, TooLarge) for value in found.values()):
        return found
    return TooLarge((key, value) for key, value in found.items() if not isinstance(value, TooLarge))
