"""The files of rules, found and read strictly: a rule that is misspelled must not be a rule that does not hold.

    data/CHN/flights.toml      rules of one area for one jurisdiction
    data/EU/members.toml       the countries for which a jurisdiction speaks that have no file of their own

An installation's own folder (LOWSKY_JURISDICTIONS) is laid out alike; a file there replaces the one here.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

FILE_BYTES_MAX = 1024 * 1024
"""Rules are written by people; a larger file is another file."""

TEXT_MAX = 500
"""Characters of a text: it goes into findings and messages."""

ITEMS_MAX = 1_000
"""Of a list: more than there are countries."""

_CODE = re.compile(r"[A-Z]{2,3}")
_MEMBERS = "members.toml"


class InvalidRules(ValueError):
    """A file of rules is not what it must be; the text names the file and the key."""

    def __init__(self, where: str, problem: str) -> None:
        super().__init__(f"{where}: {problem}")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a rule is written."""

    text: str
    """Law and article."""
    verified: bool
    """Whether it was compared with the law itself; else it is taken from secondary sources."""


class Table:
    """A table of a file, whose keys are read one by one; `end` refuses those that were not."""

    def __init__(self, where: str, values: object) -> None:
        if not isinstance(values, dict):
            raise InvalidRules(where, "must be a table")
        self.where = where
        self._values = dict(values)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def at(self, key: str) -> str:
        """File and key, for an error."""
        return f"{self.where}: {key}"

    def text(self, key: str) -> str:
        value = self._take(key)
        if not isinstance(value, str) or not value.strip() or len(value) > TEXT_MAX:
            raise InvalidRules(self.at(key), f"must be a text of up to {TEXT_MAX} characters")
        return value

    def flag(self, key: str) -> bool:
        value = self._take(key)
        if not isinstance(value, bool):
            raise InvalidRules(self.at(key), "must be true or false")
        return value

    def number(self, key: str) -> float:
        value = self._take(key)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
            raise InvalidRules(self.at(key), "must be a number that is not negative")
        return float(value)

    def texts(self, key: str, among: Set[str] | None = None) -> frozenset[str]:
        """A list of different texts, of those `among`; at least one."""
        given = self._list(key)
        values = [value for value in given if isinstance(value, str)]
        if not given or len(set(values)) != len(given):
            raise InvalidRules(self.at(key), "must be a list of different texts, at least one")
        unknown = sorted(set(values) - among) if among is not None else []
        if unknown:
            raise InvalidRules(self.at(key), f"{unknown[0]} is none of {', '.join(sorted(among or ()))}")
        return frozenset(values)

    def source(self) -> Source:
        """The keys `source` and `verified`, which every rule has."""
        return Source(self.text("source"), self.flag("verified"))

    def table(self, key: str) -> Table:
        return Table(self.at(key), self._take(key))

    def tables(self, key: str) -> Sequence[Table]:
        """A list of tables; none where the key is absent."""
        values = self._list(key) if key in self._values else []
        return [Table(f"{self.at(key)}[{index}]", value) for index, value in enumerate(values)]

    def end(self) -> None:
        """Raises InvalidRules where a key was not read: an unknown key is likely misspelled."""
        if self._values:
            raise InvalidRules(self.at(min(self._values)), "is not a known key here; correct or remove it")

    def _list(self, key: str) -> list[object]:
        value = self._take(key)
        if not isinstance(value, list) or len(value) > ITEMS_MAX:
            raise InvalidRules(self.at(key), f"must be a list of up to {ITEMS_MAX}")
        return value

    def _take(self, key: str) -> object:
        if key not in self._values:
            raise InvalidRules(self.at(key), "is missing")
        return self._values.pop(key)


def documents(name: str, folder: Path | None = None) -> Mapping[str, Table]:
    """The files of this name, by jurisdiction.

    Args:
        folder: The installation's own, whose files go before those here.

    Raises:
        InvalidRules: The folder or a file cannot be read.
    """
    found: dict[str, Traversable] = {}
    for root in (resources.files(__package__) / "data", *([folder] if folder is not None else [])):
        found |= dict(_files(root, name))
    return {code: _read(file) for code, file in sorted(found.items())}


def members(folder: Path | None = None) -> Mapping[str, str]:
    """By country: the jurisdiction that speaks for it, beside those that speak for themselves.

    Raises:
        InvalidRules: A file cannot be read, or two jurisdictions claim a country.
    """
    of: dict[str, str] = {}
    for code, document in documents(_MEMBERS, folder).items():
        document.source()
        for country in sorted(document.texts("countries")):
            if not re.fullmatch("[A-Z]{3}", country):
                raise InvalidRules(document.at("countries"), f"{country!r} is no ISO 3166-1 alpha-3 code")
            if country in of:
                raise InvalidRules(document.at("countries"), f"{country} is a member of {of[country]} already")
            of[country] = code
        document.end()
    return of


def _files(root: Traversable, name: str) -> Iterator[tuple[str, Traversable]]:
    try:
        for entry in root.iterdir():
            if entry.is_dir() and (entry / name).is_file():
                if not _CODE.fullmatch(entry.name):
                    raise InvalidRules(str(entry), "is neither an ISO 3166-1 alpha-3 code nor EU")
                yield entry.name, entry / name
    except OSError as error:
        raise InvalidRules(str(root), str(error)) from None


def _read(file: Traversable) -> Table:
    try:
        with file.open("rb") as opened:
            data = opened.read(FILE_BYTES_MAX + 1)
        if len(data) > FILE_BYTES_MAX:
            raise InvalidRules(str(file), f"has more than {FILE_BYTES_MAX} bytes")
        return Table(str(file), tomllib.loads(data.decode()))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InvalidRules(str(file), str(error)) from None
