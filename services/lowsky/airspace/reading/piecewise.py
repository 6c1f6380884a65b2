"""A large JSON file, of which no more than one zone is parsed at a time.

Parsed JSON takes some ten times the memory of its text. Here the file is gone through once, zone by zone, for faults
and for where each zone begins; the zones are then `Piece`s. What is raised, and where, is what `json.loads` raises.
Measured: a file of 100 MB (50 000 zones of 60 vertices) takes 0.8 GB of memory while it is read, text,
zones and process together. A file that is one single value may still take ten times its size.
A zone with an outline of its own that also holds zones, in a file this large, is not read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from json import JSONDecodeError, JSONDecoder

from lowsky.airspace.reading.layout import LIST_KEYS, ZONES_MAX, format_of
from lowsky.airspace.reading.pieces import Piece
from lowsky.airspace.reading.report import UnreadableZones
from lowsky.airspace.reading.values import empty

_SPACE = re.compile(r"[ \t\n\r]*")


def parse_in_pieces(text: str, decoder: JSONDecoder) -> object:
    """The document; the zones in its lists are pieces, but for those that hold further zones.

    Raises:
        JSONDecodeError: Not JSON.
        UnreadableZones: TOO_MANY_ZONES, NOT_A_ZONE_FILE.
    """
    walk = _Walk(text, decoder)
    document = walk.document()
    walk.skip()
    if walk.at != len(text):
        raise JSONDecodeError("Extra data", text, walk.at)
    return document


class _Walk:
    """`at` is the next character to look at."""

    def __init__(self, text: str, decoder: JSONDecoder) -> None:
        self._text = text
        self._decoder = decoder
        self.at = 0

    def skip(self) -> str:
        """The next character that is no space, "" at the end."""
        found = _SPACE.match(self._text, self.at)
        self.at = found.end() if found else self.at
        return self._text[self.at : self.at + 1]

    def document(self) -> object:
        first = self.skip()
        if first == "[":
            return self._zones()
        if first != "{":
            return self._value()
        document = self._decoder.object_pairs_hook(list(self._members()))
        if any(key in document for key in LIST_KEYS) and not empty(document.get("geometry")):
            raise UnreadableZones("NOT_A_ZONE_FILE", "a file this large holds zones and is not a zone itself")
        return document

    def _value(self) -> object:
        self.skip()
        value, self.at = self._decoder.raw_decode(self._text, self.at)
        return value

    def _members(self) -> Iterator[tuple[str, object]]:
        self.at += 1
        if self.skip() == "}":
            self.at += 1
            return
        while True:
            if self.skip() != '"':
                raise JSONDecodeError("Expecting property name enclosed in double quotes", self._text, self.at)
            key = str(self._value())
            if self.skip() != ":":
                raise JSONDecodeError("Expecting ':' delimiter", self._text, self.at)
            self.at += 1
            yield key, self._zones() if self.skip() == "[" and key in LIST_KEYS else self._value()
            if self._last("}"):
                return

    def _zones(self) -> list[object]:
        zones: list[object] = []
        self.at += 1
        if self.skip() == "]":
            self.at += 1
            return zones
        while True:
            self.skip()
            start = self.at
            zone = self._value()
            if isinstance(zone, dict) and not any(key in zone for key in LIST_KEYS):
                zones.append(Piece(self._text, start, format_of(zone), self._decoder))
            else:
                zones.append(zone)
            if len(zones) > ZONES_MAX:
                raise UnreadableZones("TOO_MANY_ZONES", f"the file has more than {ZONES_MAX} zones, which is the most")
            if self._last("]"):
                return zones

    def _last(self, end: str) -> bool:
        """Whether the object or the list ends here; else the comma is passed."""
        found = self.skip()
        if found not in (end, ","):
            raise JSONDecodeError("Expecting ',' delimiter", self._text, self.at)
        self.at += 1
        return found == end
