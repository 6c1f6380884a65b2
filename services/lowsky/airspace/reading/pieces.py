"""A zone of a large file that is still text: parsed when its turn comes, so that not all are in memory at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from json import JSONDecoder

from lowsky.airspace.reading.report import Format


@dataclass(frozen=True, slots=True)
class Piece:
    """An object within a text that is known to be JSON; it holds no further zones."""

    text: str
    start: int
    format: Format
    decoder: JSONDecoder

    def parsed(self) -> object:
        """The object."""
        return self.decoder.raw_decode(self.text, self.start)[0]


def opened(entries: Iterable[object]) -> Iterator[object]:
    """The entries as JSON values, those that are pieces parsed one at a time."""
    for entry in entries:
        yield entry.parsed() if isinstance(entry, Piece) else entry
