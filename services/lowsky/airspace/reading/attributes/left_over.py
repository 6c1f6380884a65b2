"""What a file publishes that no member of a zone takes, named once for the whole file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lowsky.airspace.reading.report import Note

PLACES_MAX = 100
"""Different attributes that are named. A file has some twenty."""
PLACE_LENGTH_MAX = 200
"""Names of attributes are some twenty characters."""


@dataclass(slots=True)
class _Count:
    zones: int
    first: str


class LeftOver:
    """Counts the zones by the attributes of theirs that are not taken over."""

    def __init__(self) -> None:
        self._counts: dict[str, _Count] = {}
        self._unnamed = 0

    def add(self, identifier: str, places: Iterable[str]) -> None:
        """Takes in a zone, and where it has values that are not taken over."""
        for place in places:
            name = place[:PLACE_LENGTH_MAX]
            if (count := self._counts.get(name)) is not None:
                count.zones += 1
            elif len(self._counts) < PLACES_MAX:
                self._counts[name] = _Count(1, identifier)
            else:
                self._unnamed += 1

    def notes(self) -> Iterator[Note]:
        """One for each attribute."""
        for place, count in self._counts.items():
            zones = f"zone {count.first!r}" if count.zones == 1 else f"{count.zones} zones, the first {count.first!r}"
            message = f"published in {zones} and not taken over: only published_json has it"
            yield Note("NOT_TAKEN_OVER", place, message)
        if self._unnamed:
            message = f"{self._unnamed} values of other attributes are not taken over either"
            yield Note("NOT_TAKEN_OVER", "", message)
