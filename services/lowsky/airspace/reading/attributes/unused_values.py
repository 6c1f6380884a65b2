"""Published values that nothing stored is made of, reported once for the whole file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from lowsky.airspace.reading.report import Note

PATHS_MAX = 100
"""Different attributes that are listed. A file has about twenty."""
PATH_LENGTH_MAX = 200
"""Names of attributes are some twenty characters."""


@dataclass(slots=True)
class _Count:
    zones: int
    first: str


class LeftOver:
    """Counts zones by the attributes that are not taken over, and names those that a file states of itself."""

    def __init__(self) -> None:
        self._of_file: dict[str, None] = {}
        self._counts: dict[str, _Count] = {}
        self._unnamed = 0

    def add(self, identifier: str, paths: Iterable[str]) -> None:
        """Counts a zone, with the paths of its values that are not taken over."""
        for path in paths:
            name = path[:PATH_LENGTH_MAX]
            if (count := self._counts.get(name)) is not None:
                count.zones += 1
            elif len(self._counts) < PATHS_MAX:
                self._counts[name] = _Count(1, identifier)
            else:
                self._unnamed += 1

    def add_of_file(self, paths: Iterable[str]) -> None:
        """Names what the file states for all of its zones."""
        for path in paths:
            if len(self._of_file) < PATHS_MAX:
                self._of_file[path[:PATH_LENGTH_MAX]] = None
            else:
                self._unnamed += 1

    def notes(self) -> Iterator[Note]:
        """One for each attribute."""
        for path in self._of_file:
            message = "stated for the file as a whole and not taken over: it changes no zone, and is not kept"
            yield Note("NOT_TAKEN_OVER", path, message)
        for path, count in self._counts.items():
            zones = f"zone {count.first!r}" if count.zones == 1 else f"{count.zones} zones, the first {count.first!r}"
            message = f"published in {zones} and not taken over: it is kept in published_json only"
            yield Note("NOT_TAKEN_OVER", path, message)
        if self._unnamed:
            message = f"{self._unnamed} values of other attributes are not taken over either"
            yield Note("NOT_TAKEN_OVER", "", message)
